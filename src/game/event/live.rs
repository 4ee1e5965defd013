//! What the bus carries: to subscribers, and from the instance that relays to the others.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{FeedItem, Notification, PlayerMove, RankChange, TimelineEvent};
use crate::game::{
    ids::{EventId, MatchId, PartyId, SeasonId, ServerKeyId, SessionId, TicketId, UserId},
    matches::MatchStatus,
    mode::{Home, ModeId},
};

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
    /// A user blocked somebody, or does so no more.
    BlocksChanged {
        /// Who.
        user: UserId,
    },
    /// A party changed, or is over.
    Party {
        /// Which.
        party: PartyId,
        /// Who is to hear of it.
        members: Vec<UserId>,
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
    /// A game server's key was taken back.
    ServerKeyRevoked {
        /// Which.
        key: ServerKeyId,
    },
    /// An account was deleted: what was rendered before may name it.
    Erased,
    /// The matchmaking settings are to be read again.
    MatchmakingReloaded {
        /// The instance that has done so.
        by: Uuid,
    },
    /// Facts are everywhere; the other instances do to their ladders what the one that relays has done to its own.
    Relayed {
        /// The instance that relays.
        by: Uuid,
        /// The token in whose name it relays: what comes with a smaller one than was seen is out of date.
        token: i64,
        /// The ids of the facts.
        facts: Vec<EventId>,
        /// In order.
        changes: Vec<LadderChange>,
        /// The traces that the facts belong to.
        #[serde(default)]
        traces: Vec<String>,
    },
}

/// What a fact does to every instance's ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum LadderChange {
    /// A result moved players.
    Moves {
        /// In which mode.
        mode: ModeId,
        /// In which season.
        season: SeasonId,
        /// Who, and whereto.
        players: Vec<PlayerMove>,
    },
    /// A player is at home elsewhere now.
    Home {
        /// Who.
        user: UserId,
        /// Where.
        #[serde(flatten)]
        home: Home,
    },
    /// Another season is current.
    Season,
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
    /// A user's ticket, party and matches.
    Player(UserId),
    /// A user's messages.
    Notifications(UserId),
    /// What changes the numbers of one queue.
    Queue(ModeId),
    /// Who has blocked whom.
    Blocks,
    /// Sessions that end before their time, and keys that are taken back.
    Sessions,
    /// What instances tell each other.
    Instances,
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
            Self::BlocksChanged { .. } => vec![Topic::Blocks],
            Self::Party { members, .. } => {
                members.iter().map(|user| Topic::Player(*user)).collect()
            }
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
            Self::SessionEnded { .. } | Self::ServerKeyRevoked { .. } => vec![Topic::Sessions],
            Self::Erased | Self::MatchmakingReloaded { .. } | Self::Relayed { .. } => {
                vec![Topic::Instances]
            }
        }
    }
}

/// An event as the bus hands it to every subscriber.
pub type Shared = Arc<LiveEvent>;
