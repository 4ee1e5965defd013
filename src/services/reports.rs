//! What a game server reports about a match that is over, and whether it fits the match.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tokens;
use crate::{
    entities::{match_players, matches},
    error::{Error, Result},
    game::{ids::UserId, mode::Mode, time::Timestamp},
};

/// The highest score or count that a report may hold.
const COUNT_MAX: i32 = 1_000_000;
/// How far the clock of a game server may be ahead, in milliseconds.
const CLOCK_MS: i64 = 5_000;

/// What one team did, as a game server reports it. Its serialised form is what tells two reports apart.
#[derive(Clone, Debug, Serialize)]
pub struct TeamResult {
    /// Which team.
    pub index: i32,
    /// 1 is first; equal placements are a draw.
    pub placement: i32,
    /// Points, goals, rounds.
    pub score: i32,
    /// What its players did; those who are left out did nothing.
    pub players: BTreeMap<UserId, PlayerResult>,
}

/// What one player did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PlayerResult {
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
}

/// Tells two reports apart.
pub(super) fn fingerprint(teams: &[TeamResult]) -> Result<String> {
    Ok(tokens::hash(&serde_json::to_string(teams).map_err(Error::internal)?))
}

/// When a match ended: as it is told, or now.
pub fn checked_end(
    given: Option<Timestamp>,
    row: &matches::Model,
    now: Timestamp,
) -> Result<Timestamp> {
    let Some(at) = given else { return Ok(now) };
    let started = row.started_at.unwrap_or(row.created_at);
    if at < started || at > now.plus_ms(CLOCK_MS) {
        let message = "a match ends after it started and not in the future";
        return Err(Error::bad_input("input.endedAt", message));
    }
    Ok(at.min(now))
}

/// Whether a report fits its match: every team once, every player in their own team, counts that are counts.
pub fn check(teams: &[TeamResult], mode: &Mode, players: &[match_players::Model]) -> Result<()> {
    let count = i32::from(mode.pairing.team_count);
    let mut indices: Vec<_> = teams.iter().map(|team| team.index).collect();
    indices.sort_unstable();
    if !indices.iter().copied().eq(0..count) {
        let message = format!("report each of the teams 0 to {} once", count - 1);
        return Err(Error::bad_input("input.teams", message));
    }
    if !teams.iter().any(|team| team.placement == 1) {
        return Err(Error::bad_input("input.teams", "some team is placed first, which is 1"));
    }
    for (t, team) in teams.iter().enumerate() {
        let refuse = |field: &str, message: String| {
            Err(Error::bad_input(format!("input.teams[{t}].{field}"), message))
        };
        if !(1..=count).contains(&team.placement) {
            return refuse("placement", format!("a placement is 1 to {count}"));
        }
        if !(-COUNT_MAX..=COUNT_MAX).contains(&team.score) {
            return refuse("score", format!("a score is {COUNT_MAX} at most"));
        }
        for (user, did) in &team.players {
            let here = players.iter().any(|p| p.user_id == *user && p.team == team.index);
            if !here {
                return refuse("players", format!("{user} does not play in team {}", team.index));
            }
            let counts = [did.kills, did.deaths, did.assists];
            if counts.iter().any(|count| !(0..=COUNT_MAX).contains(count)) {
                return refuse(
                    "players",
                    format!("kills, deaths and assists are 0 to {COUNT_MAX}"),
                );
            }
            if let Some(hero) = &did.hero
                && (hero.is_empty()
                    || hero.chars().count() > 64
                    || hero.chars().any(char::is_control))
            {
                return refuse("players", "a hero's name has 1 to 64 characters".into());
            }
        }
    }
    Ok(())
}
