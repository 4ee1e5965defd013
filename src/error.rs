//! What can go wrong, and what a client is told about it.
//!
//! Everything below the edge returns [`Error`]. [`Error::code`] is the one place where a failure becomes
//! one of the codes of the API; `docs/errors.md` explains each of them to clients.

use std::error::Error as StdError;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure's source, kept for the log and never shown to a client.
pub type Source = Box<dyn StdError + Send + Sync>;

/// The value of `extensions.code` in a GraphQL error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No credentials where some are needed, or credentials that are wrong, expired or revoked.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The named thing does not exist, or the caller may not know that it does.
    NotFound,
    /// An argument is malformed or out of bounds; `extensions.field` names it.
    BadUserInput,
    /// The request is well formed and contradicts the present state; `extensions.reason` says how.
    Conflict,
    /// Too many requests; `extensions.retryAfterMs` says when to come back, `limit` what is allowed.
    RateLimited,
    /// The operation is deeper, wider or dearer than the server accepts.
    QueryTooComplex,
    /// The hash of a persisted query is not known here.
    PersistedQueryNotFound,
    /// Something that the server needs is missing or too slow just now; trying again later is right.
    ServiceUnavailable,
    /// A fault of the server; `extensions.requestId` finds it in the logs.
    Internal,
}

impl Code {
    /// Every code, in the order in which the documentation lists them.
    pub const ALL: [Self; 10] = [
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::BadUserInput,
        Self::Conflict,
        Self::RateLimited,
        Self::QueryTooComplex,
        Self::PersistedQueryNotFound,
        Self::ServiceUnavailable,
        Self::Internal,
    ];

    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::QueryTooComplex => "QUERY_TOO_COMPLEX",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// The value of `extensions.reason` in a CONFLICT, and where somebody is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Somebody has this name already (names are unique without regard to case).
    UsernameTaken,
    /// Somebody has this email address already.
    EmailTaken,
    /// The player holds a live ticket.
    AlreadyQueued,
    /// The player is in a match that is not over.
    InMatch,
    /// The player is in a party.
    InParty,
    /// The party is as large as the largest team.
    PartyFull,
    /// Somebody in the party is not ready.
    PartyNotReady,
    /// The player may not queue for a while.
    QueueLocked,
    /// The match is in a state that does not allow this.
    MatchState,
    /// The match was reported already, with another result.
    ResultDiffers,
    /// The viewer answered the ready check the other way before.
    AlreadyResponded,
    /// The cursor is older than what is kept; start again without it.
    CursorExpired,
    /// The account at the other service, or another there, is linked already.
    AccountLinked,
    /// Without this there is nothing left to sign in with.
    LastSignIn,
    /// The account is suspended, or what is named belonged to one that was; with FORBIDDEN.
    Suspended,
}

impl Reason {
    /// Every reason, in the order in which the documentation lists them.
    pub const ALL: [Self; 15] = [
        Self::UsernameTaken,
        Self::EmailTaken,
        Self::AlreadyQueued,
        Self::InMatch,
        Self::InParty,
        Self::PartyFull,
        Self::PartyNotReady,
        Self::QueueLocked,
        Self::MatchState,
        Self::ResultDiffers,
        Self::AlreadyResponded,
        Self::CursorExpired,
        Self::AccountLinked,
        Self::LastSignIn,
        Self::Suspended,
    ];

    /// The reason as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UsernameTaken => "USERNAME_TAKEN",
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::AlreadyQueued => "ALREADY_QUEUED",
            Self::InMatch => "IN_MATCH",
            Self::InParty => "IN_PARTY",
            Self::PartyFull => "PARTY_FULL",
            Self::PartyNotReady => "PARTY_NOT_READY",
            Self::QueueLocked => "QUEUE_LOCKED",
            Self::MatchState => "MATCH_STATE",
            Self::ResultDiffers => "RESULT_DIFFERS",
            Self::AlreadyResponded => "ALREADY_RESPONDED",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::AccountLinked => "ACCOUNT_LINKED",
            Self::LastSignIn => "LAST_SIGN_IN",
            Self::Suspended => "SUSPENDED",
        }
    }
}

/// Why a use case failed. `Display` is fit for clients in every variant: the two that carry a source keep
/// it for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`Code::Unauthenticated`].
    #[error("{0}")]
    Unauthenticated(String),
    /// See [`Code::Forbidden`].
    #[error("{0}")]
    Forbidden(String),
    /// See [`Reason::Suspended`].
    #[error("{0}")]
    Suspended(String),
    /// See [`Code::NotFound`].
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// See [`Code::BadUserInput`].
    #[error("{message}")]
    BadInput {
        /// The path of the argument, such as `input.username`.
        field: String,
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// See [`Code::Conflict`].
    #[error("{message}")]
    Conflict {
        /// For programs.
        reason: Reason,
        /// For people.
        message: String,
    },
    /// See [`Reason::QueueLocked`].
    #[error("{who} cannot queue for another {} s, for having left or declined matches", retry_after_ms.div_ceil(1000))]
    Locked {
        /// Whom it is about, such as `you`.
        who: String,
        /// Milliseconds until they can.
        retry_after_ms: u64,
    },
    /// See [`Code::RateLimited`].
    #[error("too many requests: try again in {retry_after_ms} ms")]
    RateLimited {
        /// Milliseconds after which the same request would pass.
        retry_after_ms: u64,
        /// How much the window that refused it allows.
        limit: u32,
    },
    /// See [`Code::QueryTooComplex`].
    #[error("{0}")]
    TooComplex(String),
    /// See [`Code::PersistedQueryNotFound`].
    #[error("the persisted query is not known here")]
    PersistedQueryNotFound,
    /// See [`Code::ServiceUnavailable`].
    #[error("the {what} is not available just now")]
    Unavailable {
        /// Which part, such as `database`.
        what: &'static str,
        /// What it said.
        source: Option<Source>,
    },
    /// See [`Code::ServiceUnavailable`]: there is no room for one more.
    #[error("{0}: try again in a while")]
    Busy(&'static str),
    /// See [`Code::ServiceUnavailable`]: the database undid a transaction for the sake of others; doing it again is right.
    #[error("the database is busy just now")]
    Contended(#[source] Source),
    /// See [`Code::Internal`].
    #[error("the server failed; the request id finds the cause in its logs")]
    Internal(#[source] Source),
}

impl Error {
    /// The code that a client sees.
    pub const fn code(&self) -> Code {
        match self {
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::Forbidden(_) | Self::Suspended(_) => Code::Forbidden,
            Self::NotFound(_) => Code::NotFound,
            Self::BadInput { .. } => Code::BadUserInput,
            Self::Conflict { .. } | Self::Locked { .. } => Code::Conflict,
            Self::RateLimited { .. } => Code::RateLimited,
            Self::TooComplex(_) => Code::QueryTooComplex,
            Self::PersistedQueryNotFound => Code::PersistedQueryNotFound,
            Self::Unavailable { .. } | Self::Contended(_) | Self::Busy(_) => {
                Code::ServiceUnavailable
            }
            Self::Internal(_) => Code::Internal,
        }
    }

    /// An argument is wrong.
    pub fn bad_input(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::BadInput { field: field.into(), message: message.into() }
    }

    /// The present state does not allow this.
    pub fn conflict(reason: Reason, message: impl Into<String>) -> Self {
        Self::Conflict { reason, message: message.into() }
    }

    /// A fault of ours.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// Something we need is away.
    pub fn unavailable(what: &'static str, source: impl Into<Source>) -> Self {
        Self::Unavailable { what, source: Some(source.into()) }
    }
}
