//! What game servers tell of matches, and what they are told.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    matches::{Match, match_payload},
    rankings::RankChange,
    scalars::{DateTime, Json},
    users::User,
};

/// A token that a player brought to a game server.
#[derive(Debug, InputObject)]
pub struct VerifyJoinTokenInput {
    /// `Match.session.joinToken`, as its player sees it.
    pub token: String,
}

/// What the token proves.
#[derive(Debug, SimpleObject)]
pub struct VerifyJoinTokenPayload {
    /// Who brought it.
    pub user: User,
    /// In which match they play.
    #[graphql(name = "match")]
    pub match_: Match,
    /// Until when the token is good.
    pub expires_at: DateTime,
}

/// A match that a game server has started.
#[derive(Debug, InputObject)]
pub struct StartMatchInput {
    /// Which.
    pub match_id: ID,
    /// host:port that the players connect to.
    pub endpoint: Option<String>,
}

/// What happened in a match.
#[derive(Debug, InputObject)]
pub struct RecordMatchEventsInput {
    /// In which match.
    pub match_id: ID,
    /// 1 to 500 events, in time order.
    pub events: Vec<MatchEventInput>,
}

/// One event.
#[derive(Debug, InputObject)]
pub struct MatchEventInput {
    /// The game server's own number for the event; one that was recorded already is skipped.
    pub sequence: i32,
    /// 1 to 64 of letters, digits, _ . : and -.
    pub kind: String,
    /// Milliseconds since the match started.
    pub at_ms: i32,
    /// Who did it.
    pub actor_id: Option<ID>,
    /// To whom.
    pub target_id: Option<ID>,
    /// Whatever else there is to tell.
    pub data: Option<Json>,
}

/// The result of a match.
#[derive(Debug, InputObject)]
pub struct ReportMatchResultInput {
    /// Of which match.
    pub match_id: ID,
    /// Every team once.
    pub teams: Vec<TeamResultInput>,
    /// When the match ended; without it: now. Results take effect in the order in which matches ended, in whatever order
    /// they are told.
    pub ended_at: Option<DateTime>,
}

/// The result of one team.
#[derive(Debug, InputObject)]
pub struct TeamResultInput {
    /// Which, from 0.
    pub index: i32,
    /// 1 is first; equal placements are a draw.
    pub placement: i32,
    /// Points, goals, rounds.
    pub score: Option<i32>,
    /// What its players did.
    pub players: Option<Vec<PlayerResultInput>>,
}

/// The result of one player.
#[derive(Debug, InputObject)]
pub struct PlayerResultInput {
    /// Who.
    pub user_id: ID,
    /// Kills.
    #[graphql(default_with = "Some(0)")]
    pub kills: Option<i32>,
    /// Deaths.
    #[graphql(default_with = "Some(0)")]
    pub deaths: Option<i32>,
    /// Assists.
    #[graphql(default_with = "Some(0)")]
    pub assists: Option<i32>,
    /// Which hero they played.
    pub hero: Option<String>,
    /// Whether they left early.
    #[graphql(default_with = "Some(false)")]
    pub abandoned: Option<bool>,
}

/// A match that will not be played on.
#[derive(Debug, InputObject)]
pub struct CancelMatchInput {
    /// Which.
    pub match_id: ID,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

match_payload!(StartMatchPayload, CancelMatchPayload);

/// What was recorded.
#[derive(Debug, SimpleObject)]
pub struct RecordMatchEventsPayload {
    /// The match.
    #[graphql(name = "match")]
    pub match_: Match,
    /// How many events were new.
    pub recorded: i32,
}

/// What a result did.
#[derive(Debug, SimpleObject)]
pub struct ReportMatchResultPayload {
    /// The match.
    #[graphql(name = "match")]
    pub match_: Match,
    /// What it did to the players; empty where it came late and reaches so far that it is still being worked out.
    pub rank_changes: Vec<RankChange>,
}
