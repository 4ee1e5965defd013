//! What happened. A [`Fact`] is written into the outbox by the transaction that made it true; a [`LiveEvent`] is what
//! the relay tells subscribers once every projection holds it.

mod live;
mod log;

use serde::{Deserialize, Serialize};

use super::{
    ids::{EventId, MatchId, PartyId, SeasonId, SessionId, TicketId, UserId},
    matches::MatchStatus,
    mode::{Home, ModeId},
    penalty::Misdeed,
    standing::Place,
    time::Timestamp,
};

pub use self::{
    live::{LadderChange, LiveEvent, Shared, Topic},
    log::{Activity, FeedItem, Notification, Pick, Position, RankChange, TimelineEvent},
};

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
    /// An account was deleted: what is left names nobody.
    Erased {
        /// Which.
        user: UserId,
        /// What it was called.
        was: String,
        /// The matches of the last days: what is told of them may name it.
        matches: Vec<MatchId>,
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

    /// Lets it name a user otherwise, and tell nothing of their account.
    pub fn erase(&mut self, who: UserId, name: &str) {
        match self {
            Self::MatchFinished { players, .. }
            | Self::Corrected { players, .. }
            | Self::Lapsed { players, .. } => {
                for player in players.iter_mut().filter(|player| player.user == who) {
                    name.clone_into(&mut player.username);
                }
            }
            Self::Activity { user, by, data, .. } if *user == who || *by == Some(who) => {
                *data = serde_json::json!({});
            }
            Self::Erased { user, was, .. } if *user == who => name.clone_into(was),
            _ => {}
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
            Self::Erased { .. } => "erased",
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
    /// When it became true.
    pub at: Timestamp,
    /// The fact.
    pub fact: Fact,
}
