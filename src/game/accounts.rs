//! Who people are: roles and the shape of names.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    ids::{ServerKeyId, SessionId, UserId},
    time::Timestamp,
};

/// What an account may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Plays.
    Player,
    /// Also suspends players.
    Moderator,
    /// Also everything else.
    Admin,
}

impl Role {
    /// The role as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Player => "PLAYER",
            Self::Moderator => "MODERATOR",
            Self::Admin => "ADMIN",
        }
    }
}

impl FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "PLAYER" => Ok(Self::Player),
            "MODERATOR" => Ok(Self::Moderator),
            "ADMIN" => Ok(Self::Admin),
            _ => Err(()),
        }
    }
}

/// What a mail is for: a token, or the news of an act (as the trail calls it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// Proves that its reader has the account's address.
    VerifyEmail,
    /// Lets its reader set another password.
    ResetPassword,
    /// Proves that its reader has the address that is to be the account's.
    ChangeEmail,
    /// News.
    PasswordChanged,
    /// News.
    PasswordReset,
    /// News.
    EmailChangeAsked,
    /// News, for the address before.
    EmailChanged,
    /// News.
    AccountLinked,
    /// News.
    AccountUnlinked,
    /// News.
    RefreshTokenReused,
    /// News.
    DeletionPlanned,
}

impl MailKind {
    const ALL: [Self; 11] = [
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::EmailChangeAsked,
        Self::EmailChanged,
        Self::AccountLinked,
        Self::AccountUnlinked,
        Self::RefreshTokenReused,
        Self::DeletionPlanned,
    ];

    /// The kind as it is stored: 20 characters at most.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "VERIFY_EMAIL",
            Self::ResetPassword => "RESET_PASSWORD",
            Self::ChangeEmail => "CHANGE_EMAIL",
            Self::PasswordChanged => "PASSWORD_CHANGED",
            Self::PasswordReset => "PASSWORD_RESET",
            Self::EmailChangeAsked => "EMAIL_CHANGE_ASKED",
            Self::EmailChanged => "EMAIL_CHANGED",
            Self::AccountLinked => "ACCOUNT_LINKED",
            Self::AccountUnlinked => "ACCOUNT_UNLINKED",
            Self::RefreshTokenReused => "REFRESH_TOKEN_REUSED",
            Self::DeletionPlanned => "DELETION_PLANNED",
        }
    }
}

impl FromStr for MailKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Who sends a request, as far as its credentials prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// No credentials were sent.
    Anonymous,
    /// A person with a live session.
    User(SignedIn),
    /// A game server with a key.
    Server(ServerKeyId),
}

/// What a connection stands on for as long as it lives: it is closed when this ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// A person's session.
    Session(SessionId),
    /// A game server's key.
    ServerKey(ServerKeyId),
}

/// What an access token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub user: UserId,
    /// On which of their sessions.
    pub session: SessionId,
    /// What they may do. A changed role ends the session, so this is never out of date.
    pub role: Role,
    /// When the access token runs out.
    pub expires_at: Timestamp,
}

impl Viewer {
    /// The person, when it is one.
    pub const fn signed_in(&self) -> Option<&SignedIn> {
        match self {
            Self::User(signed_in) => Some(signed_in),
            Self::Anonymous | Self::Server(_) => None,
        }
    }

    /// The person's id, when it is one.
    pub fn user_id(&self) -> Option<UserId> {
        self.signed_in().map(|signed_in| signed_in.user)
    }

    /// What they are known by; none for somebody who is not.
    pub const fn credential(&self) -> Option<Credential> {
        match self {
            Self::Anonymous => None,
            Self::User(who) => Some(Credential::Session(who.session)),
            Self::Server(key) => Some(Credential::ServerKey(*key)),
        }
    }

    /// Whether this is a person with at least that role.
    pub fn is_at_least(&self, role: Role) -> bool {
        self.signed_in().is_some_and(|signed_in| signed_in.role >= role)
    }
}

/// Whether a username is 3 to 20 of `[A-Za-z0-9_-]`.
pub fn is_username(text: &str) -> bool {
    (3..=20).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Whether a text can be an email address: one `@` with something before it and a dotted, plain host behind it,
/// 254 bytes at most, no white space or control characters. Whether it reaches somebody only a mail can tell.
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && !local.chars().any(|c| c == '@' || c.is_whitespace() || c.is_control())
        && host.contains('.')
        && !is_nowhere(text)
        && host.split('.').all(label)
}

/// What stands in the place of the address of an account that was made at a service that told none.
pub const NO_ADDRESS: &str = "@no-address.invalid";
/// What stands in the place of the address of an account that was deleted.
pub const DELETED_ADDRESS: &str = "@deleted.invalid";

/// Whether a text only stands in the place of an address (in a domain that is nobody's, by RFC 2606).
pub fn is_nowhere(text: &str) -> bool {
    let text = text.to_lowercase();
    text.ends_with(NO_ADDRESS) || text.ends_with(DELETED_ADDRESS)
}

/// What two spellings of one name or address have in common: its lower case.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}
