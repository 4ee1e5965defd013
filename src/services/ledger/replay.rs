//! A replay of a whole season, which should find nothing that is stored otherwise.

use std::collections::{HashMap, HashSet};

use super::{CHUNK, store, teams_of};
use crate::{
    backends::sql::Tx,
    entities::{match_players, matches, rating_points, standings, users},
    error::Result,
    game::{
        ids::{MatchId, SeasonId, UserId},
        mode::Mode,
        rating::Rating,
        standing::{Ladder, Standing},
        time::Timestamp,
    },
    services::{
        core::Core,
        results::{Moved, Seat, play_out},
    },
};

/// What a replay of a whole season found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Matches replayed.
    pub matches: usize,
    /// Players' changes that were stored otherwise.
    pub changes_off: usize,
    /// Standings that were stored otherwise.
    pub standings_off: usize,
}

/// Replays every match of a mode and season from the beginning, and corrects what is stored otherwise; `progress` is told
/// how many matches are done.
///
/// # Errors
/// When the database fails.
pub async fn replay(
    core: &Core,
    tx: &Tx,
    mode: &Mode,
    season: SeasonId,
    progress: impl Fn(usize),
) -> Result<Audit> {
    let mut audit = Audit::default();
    let rules = core.rules(season);
    let mut now: HashMap<UserId, Standing> = HashMap::new();
    let mut known: HashSet<UserId> = HashSet::new();
    let order = matches::in_effect(tx, &mode.id, season).await?;
    for chunk in order.chunks(CHUNK) {
        let rows: HashMap<_, _> =
            matches::by_ids(tx, chunk).await?.into_iter().map(|row| (row.id, row)).collect();
        let mut seats: HashMap<MatchId, Vec<match_players::Model>> = HashMap::new();
        for seat in match_players::of_matches(tx, chunk).await? {
            seats.entry(seat.match_id).or_default().push(seat);
        }
        let mut points: HashMap<(MatchId, UserId), rating_points::Model> = HashMap::new();
        for point in rating_points::of_matches(tx, chunk).await? {
            points.insert((point.match_id, point.user_id), point);
        }
        let strangers: HashSet<_> = seats.values().flatten().map(|seat| seat.user_id).collect();
        let strangers: Vec<_> = strangers.into_iter().filter(|id| known.insert(*id)).collect();
        now.extend(core.carried(tx, season, mode, &strangers).await?);
        let members: HashSet<_> = seats.values().flatten().map(|seat| seat.user_id).collect();
        let members: Vec<_> = members.into_iter().collect();
        let people: HashMap<_, _> =
            users::by_ids(tx, &members).await?.into_iter().map(|user| (user.id, user)).collect();
        for id in chunk {
            let (Some(row), Some(seats)) = (rows.get(id), seats.remove(id)) else { continue };
            let teams = teams_of(row, &seats)?;
            let seats = seats.into_iter().filter_map(|seat| {
                let user = people.get(&seat.user_id)?.clone();
                Some(Seat { standing: now.get(&user.id).cloned(), seat, user })
            });
            let at = row.ended_at.unwrap_or(row.created_at);
            let moved = play_out(mode, &rules, seats.collect(), &teams, at);
            let off = moved.iter().filter(|m| !matches_point(m, points.get(&(*id, m.user.id))));
            let off = off.count();
            if off > 0 {
                audit.changes_off += off;
                rating_points::forget_matches(tx, &[*id]).await?;
                store(tx, &[(row.clone(), moved.clone())]).await?;
            }
            now.extend(moved.into_iter().map(|m| (m.user.id, m.after)));
            audit.matches += 1;
        }
        progress(audit.matches);
    }
    audit.standings_off = settle_all(tx, (mode, &rules), (season, core.until(season)), now).await?;
    Ok(audit)
}

fn matches_point(m: &Moved, point: Option<&rating_points::Model>) -> bool {
    let rating = |value, deviation, volatility| Rating { value, deviation, volatility };
    point.is_some_and(|point| {
        rating(point.rating_before, point.deviation_before, point.volatility_before)
            == m.before.rating
            && rating(point.rating_after, point.deviation_after, point.volatility_after)
                == m.after.rating
            && point.wins == Some(m.after.wins)
            && point.lapses_at == m.lapses_at
    })
}

/// Stores the standings that are stored otherwise; says how many there were.
async fn settle_all(
    tx: &Tx,
    (mode, rules): (&Mode, &Ladder),
    (season, until): (SeasonId, Timestamp),
    mut now: HashMap<UserId, Standing>,
) -> Result<usize> {
    now.retain(|_, standing| standing.has_played());
    let held = standings::of_mode(tx, season, &mode.id).await?;
    let gone: Vec<_> =
        held.iter().map(|row| row.user_id).filter(|id| !now.contains_key(id)).collect();
    let mut rows: HashMap<_, _> = now
        .into_iter()
        .map(|(id, standing)| {
            let standing = standing.as_of(until, &mode.rating, rules);
            (id, standings::Model::of(id, (mode, rules), season, &standing))
        })
        .collect();
    for row in held {
        // Whoever is away is taken off the board in their own time.
        let same = |found: &standings::Model| {
            standings::Model { lapsed: row.lapsed, ..found.clone() } == row
        };
        if rows.get(&row.user_id).is_some_and(same) {
            rows.remove(&row.user_id);
        }
    }
    let rows: Vec<_> = rows.into_values().collect();
    for chunk in rows.chunks(CHUNK) {
        standings::put(tx, chunk.to_vec()).await?;
    }
    for chunk in gone.chunks(CHUNK) {
        standings::forget(tx, season, &mode.id, chunk).await?;
    }
    Ok(rows.len() + gone.len())
}
