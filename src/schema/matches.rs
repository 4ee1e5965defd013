//! Matches.

use async_graphql::{Enum, ID, InputObject, SimpleObject};

use super::{
    paging::{Cursor, Line, connection},
    scalars::{DateTime, Json},
};
use crate::{
    entities::{match_players, matches},
    game::{
        self,
        event::TimelineEvent,
        ids::{MatchId, UserId},
        mode::{ModeId, RegionId},
    },
};

/// Where a match is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "game::matches::MatchStatus")]
pub enum MatchStatus {
    /// Waiting for every player to accept.
    ReadyCheck,
    /// All accepted, not started by the game server yet.
    Pending,
    /// Being played.
    InProgress,
    /// Over, with a result.
    Completed,
    /// Over, without one.
    Cancelled,
}

/// What a match was to one team.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "game::matches::Outcome")]
pub enum Outcome {
    /// First alone.
    Win,
    /// Behind the first.
    Loss,
    /// First together with another team.
    Draw,
}

/// A match, from the moment it was made.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Match {
    /// Its id.
    pub id: ID,
    /// Where it is in its life.
    pub status: MatchStatus,
    /// Mean rating of the players when the match was made.
    pub average_mmr: i32,
    /// Highest minus lowest player rating when the match was made.
    pub mmr_spread: i32,
    /// Predicted chance of each team to win when the match was made, in team order; they add up to 1.
    pub win_probabilities: Vec<f64>,
    /// When it was made.
    pub created_at: DateTime,
    /// When the game server started it.
    pub started_at: Option<DateTime>,
    /// When it was over.
    pub ended_at: Option<DateTime>,
    /// Why a CANCELLED match was cancelled.
    pub cancel_reason: Option<String>,
    /// When the result of a COMPLETED match was taken back; null: it counts.
    pub voided_at: Option<DateTime>,
    /// Why it was taken back.
    pub void_reason: Option<String>,
    /// As it is stored.
    #[graphql(skip)]
    pub row: matches::Model,
}

impl From<matches::Model> for Match {
    fn from(row: matches::Model) -> Self {
        Self {
            id: row.id.to_string().into(),
            status: row.status.into(),
            average_mmr: row.average_mmr,
            mmr_spread: row.mmr_spread,
            win_probabilities: serde_json::from_str(&row.win_probabilities).unwrap_or_default(),
            created_at: DateTime(row.created_at),
            started_at: row.started_at.map(DateTime),
            ended_at: row.ended_at.map(DateTime),
            cancel_reason: row.cancel_reason.clone(),
            voided_at: row.voided_at.map(DateTime),
            void_reason: row.void_reason.clone(),
            row,
        }
    }
}

connection!(MatchConnection, MatchEdge, Match);

/// One side of a match.
#[derive(Clone, Debug, SimpleObject)]
pub struct Team {
    /// From 0.
    pub index: i32,
    /// Mean rating of its players when the match was made.
    pub average_mmr: i32,
    /// Null until the match is completed.
    pub outcome: Option<Outcome>,
    /// 1 is first; null until the match is completed.
    pub placement: Option<i32>,
    /// Points, goals, rounds; null until the match is completed.
    pub score: Option<i32>,
    /// Its players.
    pub players: Vec<Participant>,
}

/// A player in a match.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Participant {
    /// Rating before the match.
    pub mmr_before: i32,
    /// Null until the match is completed.
    pub mmr_after: Option<i32>,
    /// The difference; null until the match is completed.
    pub mmr_change: Option<i32>,
    /// Whether they accepted the ready check, or there was none.
    pub accepted: bool,
    /// Kills.
    pub kills: i32,
    /// Deaths.
    pub deaths: i32,
    /// Assists.
    pub assists: i32,
    /// Which hero they played.
    pub hero: Option<String>,
    /// Whether they left early.
    pub abandoned: bool,
    /// Who.
    #[graphql(skip)]
    pub user_id: UserId,
}

impl Participant {
    /// A seat in a match of that status; `ready_check` for modes where everybody is asked.
    pub fn new(
        row: &match_players::Model,
        ready_check: bool,
        status: game::matches::MatchStatus,
    ) -> Self {
        let shown = Self {
            mmr_before: row.mmr_before,
            mmr_after: None,
            mmr_change: None,
            accepted: row.accepted.unwrap_or(!ready_check),
            kills: 0,
            deaths: 0,
            assists: 0,
            hero: None,
            abandoned: false,
            user_id: row.user_id,
        };
        // A match that is shown as it stood before its end shows nothing of its result.
        if status.is_open() {
            return shown;
        }
        Self {
            mmr_after: row.mmr_after,
            mmr_change: row.mmr_after.map(|after| after - row.mmr_before),
            kills: row.kills,
            deaths: row.deaths,
            assists: row.assists,
            hero: row.hero.clone(),
            abandoned: row.abandoned,
            ..shown
        }
    }
}

/// How the players connect.
#[derive(Clone, Debug, SimpleObject)]
pub struct GameSession {
    /// host:port; null until the game server started the match.
    pub endpoint: Option<String>,
    /// A short-lived token that proves to the game server that the viewer plays in this match.
    pub join_token: Option<String>,
}

/// One line of a match's timeline.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct MatchEvent {
    /// Where it stands, for `after`.
    pub cursor: String,
    /// Such as MATCH_STARTED, KILL, OBJECTIVE, MATCH_COMPLETED.
    pub kind: String,
    /// Milliseconds since the match started.
    pub at_ms: i32,
    /// Whatever else the game tells.
    pub data: Option<Json>,
    /// When it was recorded.
    pub recorded_at: DateTime,
    /// Of which match.
    #[graphql(skip)]
    pub match_id: MatchId,
    /// Who did it.
    #[graphql(skip)]
    pub actor_id: Option<UserId>,
    /// To whom.
    #[graphql(skip)]
    pub target_id: Option<UserId>,
}

impl MatchEvent {
    /// A line of that match's timeline.
    pub fn new(match_id: MatchId, event: TimelineEvent) -> Self {
        Self {
            cursor: Line(event.position).encode(),
            kind: event.kind,
            at_ms: event.at_ms,
            data: event.data.map(Json),
            recorded_at: DateTime(event.recorded_at),
            match_id,
            actor_id: event.actor,
            target_id: event.target,
        }
    }
}

connection!(MatchEventConnection, MatchEventEdge, MatchEvent);

/// Which matches are wanted.
#[derive(Debug, Default, InputObject)]
pub struct MatchFilter {
    /// Of that mode.
    pub mode: Option<ModeId>,
    /// In that region.
    pub region: Option<RegionId>,
    /// In that state.
    pub status: Option<MatchStatus>,
    /// With that player.
    pub user_id: Option<ID>,
    /// Ended by a report with that server key, or of that admin. Admins.
    pub reported_by: Option<ID>,
}

/// An answer to a ready check.
#[derive(Debug, InputObject)]
pub struct RespondToReadyCheckInput {
    /// Of which match.
    pub match_id: ID,
    /// Whether the viewer plays.
    pub accept: bool,
}

/// Takes back the result of a match.
#[derive(Debug, InputObject)]
pub struct VoidMatchInput {
    /// Which.
    pub match_id: ID,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

/// Declares a payload that holds a match.
macro_rules! match_payload {
    ($($name:ident),+) => {
        $(
            /// The match as it is now.
            #[derive(Debug, SimpleObject)]
            pub struct $name {
                /// The match.
                #[graphql(name = "match")]
                pub match_: Match,
            }
        )+
    };
}

pub(super) use match_payload;

match_payload!(RespondToReadyCheckPayload);

/// The match whose result was taken back.
#[derive(Debug, SimpleObject)]
pub struct VoidMatchPayload {
    /// The match.
    #[graphql(name = "match")]
    pub match_: Match,
    /// Whether the ratings of those whom it reaches are still being worked out: `rankChanged` tells of them.
    pub pending: bool,
}
