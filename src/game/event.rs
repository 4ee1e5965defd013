//! What happened. A [`Fact`] is written into the outbox by the transaction that made it true; a [`LiveEvent`] is what
//! the relay tells subscribers once every projection holds it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    ids::{EventId, MatchId, NotificationId, SeasonId, SessionId, TicketId, UserId},
    matches::MatchStatus,
    mode::{ModeId, RegionId},
    standing::Place,
    time::Timestamp,
};

/// A place in a durable log: the number of the fact that it came from, and which of its consequences it is.
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
    pub const fn of(seq: i64, index: i64) -> Self {
        Self(seq * Self::PER_FACT + index)
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
    /// The region of their profile.
    pub region: Option<RegionId>,
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
    /// The streak after.
    pub streak: i32,
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
    /// A player moved to another region.
    RegionChanged {
        /// Who.
        user: UserId,
        /// Where to.
        region: Option<RegionId>,
    },
}

impl Fact {
    /// A short name for logs and the outbox's own column.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ticket { .. } => "ticket",
            Self::MatchMade { .. } => "match_made",
            Self::MatchChanged { .. } => "match_changed",
            Self::MatchFinished { .. } => "match_finished",
            Self::Timeline { .. } => "timeline",
            Self::SessionEnded { .. } => "session_ended",
            Self::SeasonStarted { .. } => "season_started",
            Self::RegionChanged { .. } => "region_changed",
        }
    }
}

/// A fact with its place in the outbox.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its number; later facts have greater ones.
    pub seq: i64,
    /// Its id, by which every projection knows it again.
    pub id: EventId,
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

/// What subscribers are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum LiveEvent {
    /// A ticket was made or changed.
    Ticket {
        /// Which.
        ticket: TicketId,
        /// In which queue.
        mode: ModeId,
        /// Whose.
        players: Vec<UserId>,
    },
    /// A match was made or changed.
    Match {
        /// Which.
        match_id: MatchId,
        /// Of which mode.
        mode: ModeId,
        /// Its status now.
        status: MatchStatus,
        /// Who plays.
        players: Vec<UserId>,
        /// Whether it was made just now.
        made: bool,
    },
    /// A match's timeline grew.
    Timeline {
        /// Of which match.
        match_id: MatchId,
        /// By what.
        events: Vec<TimelineEvent>,
    },
    /// Ratings or places changed, in the order of their positions.
    Ranks {
        /// In which mode.
        mode: ModeId,
        /// What changed.
        changes: Vec<RankChange>,
    },
    /// The order of a leaderboard may have changed.
    Board {
        /// Of which mode; none: of all.
        mode: Option<ModeId>,
    },
    /// The feed grew, in the order of the positions.
    Feed {
        /// By what.
        items: Vec<FeedItem>,
    },
    /// A user got a message.
    Notification(Notification),
    /// A session ended before its time.
    SessionEnded {
        /// Which.
        session: SessionId,
    },
}

/// What one can subscribe to on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everything about one match.
    Match(MatchId),
    /// Every match, made or changed.
    Matches,
    /// Rating and place changes of every mode.
    Ranks,
    /// Leaderboards whose order may have changed.
    Boards,
    /// The activity feed.
    Feed,
    /// A user's ticket, and matches.
    Player(UserId),
    /// A user's messages.
    Notifications(UserId),
    /// What changes the numbers of one queue.
    Queue(ModeId),
    /// Sessions that end before their time.
    Sessions,
}

impl LiveEvent {
    /// The topics under which this is told.
    pub fn topics(&self) -> Vec<Topic> {
        match self {
            Self::Ticket { mode, players, .. } => players
                .iter()
                .map(|user| Topic::Player(*user))
                .chain([Topic::Queue(mode.clone())])
                .collect(),
            Self::Match { match_id, mode, players, .. } => players
                .iter()
                .map(|user| Topic::Player(*user))
                .chain([Topic::Match(*match_id), Topic::Matches, Topic::Queue(mode.clone())])
                .collect(),
            Self::Timeline { match_id, .. } => vec![Topic::Match(*match_id)],
            Self::Ranks { .. } => vec![Topic::Ranks],
            Self::Board { .. } => vec![Topic::Boards],
            Self::Feed { .. } => vec![Topic::Feed],
            Self::Notification(notification) => vec![Topic::Notifications(notification.user)],
            Self::SessionEnded { .. } => vec![Topic::Sessions],
        }
    }
}

/// An event as the bus hands it to every subscriber.
pub type Shared = Arc<LiveEvent>;
