//! What is kept of what happened: lines of durable logs, and documents.

use serde::{Deserialize, Serialize};

use crate::game::{
    ids::{EventId, MatchId, NotificationId, UserId},
    mode::ModeId,
    time::Timestamp,
};

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
    /// When what did it was committed; none for one that is read from the log.
    #[serde(default)]
    pub reported_at: Option<Timestamp>,
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

impl FeedItem {
    /// Puts another name in the place of a player's in the details of an item; false where they do not name them.
    pub fn rename(data: &mut serde_json::Value, was: &str, name: &str) -> bool {
        let players = data.get_mut("players").and_then(serde_json::Value::as_array_mut);
        let mut renamed = false;
        for player in players.into_iter().flatten().filter(|player| **player == *was) {
            *player = name.into();
            renamed = true;
        }
        renamed
    }
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
