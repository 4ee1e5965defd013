//! What happened. A [`Fact`] is written into the outbox by the transaction that made it true; a [`LiveEvent`] is what
//! the relay tells subscribers once every projection holds it.

mod live;

use serde::{Deserialize, Serialize};

use super::{
    ids::{EventId, MatchId, NotificationId, PartyId, SeasonId, SessionId, TicketId, UserId},
    matches::MatchStatus,
    mode::{Home, ModeId},
    penalty::Misdeed,
    standing::Place,
    time::Timestamp,
};

pub use self::live::{LadderChange, LiveEvent, Shared, Topic};

/// A place in a durable log: the place of the fact that it came from, and which of its consequences it is.
/// Later positions are greater; a reader that saw one resumes behind it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Position(pub i64);

impl Position {
    /// How many consequences one fact may have.
    pub const PER_FACT: i64 = 4096;

    /// The place of a fact's `index`-th consequence.
    pub const fn of(place: i64, index: i64) -> Self {
        Self(place * Self::PER_FACT + index)
    }
}

/// One line of a match's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEvent {
    /// Its place in the match's timeline, from 1, without holes.
    pub position: i64,
    /// What happened, such as `KILL`.
    pub kind: String,
    /// Milliseconds since the match started.
    pub at_ms: i32,
    /// Who did it.
    pub actor: Option<UserId>,
    /// To whom.
    pub target: Option<UserId>,
    /// Whatever else the game tells.
    pub data: Option<serde_json::Value>,
    /// When it was recorded here.
    pub recorded_at: Timestamp,
}

/// What a result did to one player.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlayerMove {
    /// Who.
    pub user: UserId,
    /// Where their profile says that they are at home.
    #[serde(flatten)]
    pub home: Home,
    /// Their name at that time.
    pub username: String,
    /// Rounded rating before.
    pub mmr_before: i32,
    /// Rounded rating after.
    pub mmr_after: i32,
    /// Their place in the order before; none while not placed.
    pub before: Option<Place>,
    /// Their place in the order after.
    pub after: Option<Place>,
    /// Index of the tier before.
    pub tier_before: Option<i32>,
    /// Index of the tier after.
    pub tier_after: Option<i32>,
    /// The highest tier of the season before.
    #[serde(default)]
    pub best_before: Option<i32>,
    /// The streak after.
    pub streak: i32,
    /// Which hero they played.
    #[serde(default)]
    pub hero: Option<String>,
}

/// Where a player stood at the end of a season.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalPlace {
    /// Who.
    pub user: UserId,
    /// Place, 1 is first.
    pub rank: i32,
    /// Rounded rating.
    pub mmr: i32,
    /// Such as Gold II.
    pub tier: Option<String>,
}

/// What became true in one transaction, kept in the outbox until every projection has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A ticket was made or changed.
    Ticket {
        /// Which.
        ticket: TicketId,
        /// In which queue.
        mode: ModeId,
        /// Whose.
        players: Vec<UserId>,
    },
    /// A user blocked somebody, or does so no more.
    BlocksChanged {
        /// Who.
        user: UserId,
    },
    /// Somebody declined or left a match.
    Penalised {
        /// Who.
        user: UserId,
        /// What they did.
        reason: Misdeed,
        /// Until when they may not queue.
        locked_until: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// A party changed, or is over.
    Party {
        /// Which.
        party: PartyId,
        /// Who is to hear of it.
        members: Vec<UserId>,
    },
    /// A match was made.
    MatchMade {
        /// Which.
        match_id: MatchId,
        /// Of which mode.
        mode: ModeId,
        /// Who plays.
        players: Vec<UserId>,
        /// Whether the players have to accept first.
        ready_check: bool,
        /// When.
        at: Timestamp,
    },
    /// A match changed its status or a player accepted.
    MatchChanged {
        /// Which.
        match_id: MatchId,
        /// Of which mode.
        mode: ModeId,
        /// Its status now.
        status: MatchStatus,
        /// Who plays.
        players: Vec<UserId>,
        /// Why, where it was cancelled.
        reason: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// A result was applied.
    MatchFinished {
        /// Which.
        match_id: MatchId,
        /// Of which mode.
        mode: ModeId,
        /// In which season.
        season: SeasonId,
        /// What it did, team by team.
        players: Vec<PlayerMove>,
        /// When.
        at: Timestamp,
    },
    /// A result was taken back, or put before later ones: players stand elsewhere, who may not have played in it.
    Corrected {
        /// The match.
        match_id: MatchId,
        /// Of which mode.
        mode: ModeId,
        /// In which season.
        season: SeasonId,
        /// Why it was voided; none: its result came late.
        reason: Option<String>,
        /// From where they stood to where they stand.
        players: Vec<PlayerMove>,
        /// When.
        at: Timestamp,
    },
    /// A match's timeline grew.
    Timeline {
        /// Of which match.
        match_id: MatchId,
        /// By what.
        events: Vec<TimelineEvent>,
    },
    /// A session ended before its time.
    SessionEnded {
        /// Which.
        session: SessionId,
    },
    /// A season ended and the next began.
    SeasonStarted {
        /// The new one.
        season: SeasonId,
        /// Its name.
        name: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody did something to an account, for the audit trail.
    Activity {
        /// Whose account.
        user: UserId,
        /// Such as `SIGNED_IN`.
        kind: String,
        /// Who did it, where it was somebody else.
        by: Option<UserId>,
        /// Details.
        data: serde_json::Value,
        /// When.
        at: Timestamp,
    },
    /// Players have not played for so long, or are so uncertain, that they are not listed until they play.
    Lapsed {
        /// In which mode.
        mode: ModeId,
        /// In which season.
        season: SeasonId,
        /// From where they stood to nowhere.
        players: Vec<PlayerMove>,
        /// When.
        at: Timestamp,
    },
    /// Where players stood at the end of a season: what rewards are given for.
    SeasonPlaced {
        /// Which season.
        season: SeasonId,
        /// Its name.
        name: String,
        /// In which mode.
        mode: ModeId,
        /// Some of them, best first.
        players: Vec<FinalPlace>,
        /// When this was told.
        at: Timestamp,
    },
    /// A player is at home elsewhere.
    #[serde(alias = "region_changed")]
    HomeChanged {
        /// Who.
        user: UserId,
        /// Where.
        #[serde(flatten)]
        home: Home,
    },
}

impl Fact {
    /// In which mode and season it moved whom.
    pub fn moves(&self) -> Option<(&ModeId, SeasonId, &[PlayerMove])> {
        match self {
            Self::MatchFinished { mode, season, players, .. }
            | Self::Corrected { mode, season, players, .. }
            | Self::Lapsed { mode, season, players, .. } => Some((mode, *season, players)),
            _ => None,
        }
    }

    /// A short name for logs and the outbox's own column.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ticket { .. } => "ticket",
            Self::Party { .. } => "party",
            Self::BlocksChanged { .. } => "blocks_changed",
            Self::Penalised { .. } => "penalised",
            Self::MatchMade { .. } => "match_made",
            Self::MatchChanged { .. } => "match_changed",
            Self::MatchFinished { .. } => "match_finished",
            Self::Corrected { .. } => "corrected",
            Self::Timeline { .. } => "timeline",
            Self::SessionEnded { .. } => "session_ended",
            Self::SeasonStarted { .. } => "season_started",
            Self::Activity { .. } => "activity",
            Self::Lapsed { .. } => "lapsed",
            Self::SeasonPlaced { .. } => "season_placed",
            Self::HomeChanged { .. } => "home_changed",
        }
    }
}

/// A fact with its place in the outbox.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its number.
    pub seq: i64,
    /// Its place in the log, once it has one; later facts have greater ones.
    pub place: Option<i64>,
    /// Its id, by which every projection knows it again.
    pub id: EventId,
    /// The trace that it belongs to (W3C trace context).
    pub trace: Option<String>,
    /// The fact.
    pub fact: Fact,
}

/// A change of one player's rating or place, as subscribers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankChange {
    /// Its place in the log.
    pub position: Position,
    /// Who.
    pub user: UserId,
    /// In which mode.
    pub mode: ModeId,
    /// The match that did it; none where somebody else's match moved the player.
    pub match_id: Option<MatchId>,
    /// Rounded rating before.
    pub mmr_before: i32,
    /// Rounded rating after.
    pub mmr_after: i32,
    /// Place before, 1 is first; none while not placed.
    pub rank_before: Option<i32>,
    /// Place after.
    pub rank_after: Option<i32>,
    /// Index of the tier before.
    pub tier_before: Option<i32>,
    /// Index of the tier after.
    pub tier_after: Option<i32>,
    /// When.
    pub at: Timestamp,
}

/// One line of the public activity feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedItem {
    /// Its place in the log.
    pub position: Position,
    /// Such as `MATCH_COMPLETED`.
    pub kind: String,
    /// About whom.
    pub user: Option<UserId>,
    /// About which match.
    pub match_id: Option<MatchId>,
    /// Details.
    pub data: serde_json::Value,
    /// When.
    pub at: Timestamp,
}

/// One line of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// Its id.
    pub id: EventId,
    /// Whose account.
    pub user: UserId,
    /// Such as `SIGNED_IN`.
    pub kind: String,
    /// Who did it, where it was somebody else.
    pub by: Option<UserId>,
    /// Details.
    pub data: serde_json::Value,
    /// When.
    pub at: Timestamp,
}

/// A hero that was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// In which match.
    pub match_id: MatchId,
    /// Of which mode.
    pub mode: ModeId,
    /// By whom.
    pub user: UserId,
    /// Which.
    pub hero: String,
    /// When the match ended.
    pub at: Timestamp,
}

/// A message to one user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// Its id, the same however often the relay makes it.
    pub id: NotificationId,
    /// To whom.
    pub user: UserId,
    /// Such as `MATCH_FOUND`.
    pub kind: String,
    /// For people.
    pub title: String,
    /// For people.
    pub body: Option<String>,
    /// For programs.
    pub data: serde_json::Value,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
