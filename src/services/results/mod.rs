//! Results: applied exactly once, in one transaction (rules 14, 17 and 18).

mod batch;
mod writer;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{NotSet, Set};
use serde::Serialize;

use self::writer::Answer;
pub(super) use self::{
    batch::{Decision, Report, completed, decide},
    writer::Writer,
};
use super::{
    audit,
    core::Core,
    matches::Matches,
    reports::{PlayerResult, TeamResult},
};
use crate::{
    backends::sql::retrying,
    entities::{match_players, matches, outbox, rank_changes, rating_points, users},
    error::{Error, Result},
    game::{
        event::{Fact, PlayerMove, Position, RankChange},
        ids::{MatchId, UserId},
        matches::outcome,
        mode::Mode,
        rating::{self, Rating},
        standing::{Ladder, Performance, Place, Standing, shown},
        time::Timestamp,
    },
    telemetry,
};

/// A team's part of a stored result.
#[derive(Clone, Copy, Debug, Serialize, serde::Deserialize)]
pub struct TeamScore {
    /// 1 is first.
    pub placement: i32,
    /// Points, goals, rounds.
    pub score: i32,
}

/// One player of a match that is over; without a standing where it is their first.
pub(super) struct Seat {
    pub seat: match_players::Model,
    pub user: users::Model,
    pub standing: Option<Standing>,
}

/// One player, with where they stood before and stand after, and the seat as the result fills it.
#[derive(Clone)]
pub(super) struct Moved {
    pub seat: match_players::Model,
    pub user: users::Model,
    pub before: Standing,
    /// The uncertainty with which the match was rated.
    pub deviation_at_match: f64,
    pub after: Standing,
    /// From when on they are not listed unless they play.
    pub lapses_at: Option<Timestamp>,
}

impl Matches {
    /// Applies the result of a match. The same result again changes nothing and gets the same answer.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown match, BAD_USER_INPUT for a report that does not fit it, CONFLICT when the match is not in
    /// progress (MATCH_STATE) or was reported otherwise (RESULT_DIFFERS).
    pub async fn report(
        &self,
        id: MatchId,
        mut teams: Vec<TeamResult>,
        ended_at: Option<Timestamp>,
    ) -> Result<(matches::Model, Vec<RankChange>)> {
        teams.sort_by_key(|team| team.index);
        let (by, trace) = (audit::current().unwrap_or_default(), telemetry::current());
        let report = Arc::new(Report { id, teams, ended_at, by, trace });
        match self.writer.write(report.clone()).await? {
            Answer::Done(row, changes) => Ok((*row, changes)),
            Answer::Before(row) => {
                let changes = self.first_changes(&row).await?;
                Ok((*row, changes))
            }
            // Later results are there already: nobody else moves ratings while this one is put before them.
            Answer::Late => retrying(|| self.report_late(&report)).await,
        }
    }

    /// What a reported match did to its players; what the first report told may be on its way out still.
    pub(super) async fn first_changes(&self, row: &matches::Model) -> Result<Vec<RankChange>> {
        let (db, began) = (self.core.sql.read(), Instant::now());
        while began.elapsed() < self.core.patience()
            && rank_changes::of_matches(db, &[row.id]).await?.is_empty()
            && !outbox::unsent(db, 1).await?.is_empty()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.changes(row.id).await
    }

    /// What a match did to its players: from the log, or (where that does not reach so far back, or not yet so far) from
    /// the history, without places.
    pub(super) async fn changes(&self, id: MatchId) -> Result<Vec<RankChange>> {
        let mut changes = changes_of(&self.core, &[id]).await?;
        Ok(changes.remove(&id).unwrap_or_default())
    }
}

/// What matches did to their players: as [`Matches::changes`] tells it.
async fn changes_of(core: &Core, ids: &[MatchId]) -> Result<HashMap<MatchId, Vec<RankChange>>> {
    let db = core.sql.read();
    let mut changes: HashMap<_, Vec<_>> = HashMap::new();
    for (id, change) in rank_changes::of_matches(db, ids).await? {
        changes.entry(id).or_default().push(change);
    }
    let missing: Vec<_> = ids.iter().copied().filter(|id| !changes.contains_key(id)).collect();
    if !missing.is_empty() {
        for point in rating_points::of_matches(db, &missing).await? {
            changes.entry(point.match_id).or_default().push(without_places(point));
        }
    }
    Ok(changes)
}

/// A seat with what its player did.
pub(super) fn filled(mut seat: match_players::Model, did: PlayerResult) -> match_players::Model {
    seat.kills = did.kills;
    seat.deaths = did.deaths;
    seat.assists = did.assists;
    seat.hero = did.hero;
    seat.abandoned = did.abandoned;
    seat
}

/// What a result that took effect at `now` does to everybody's standing. The seats are in the order of team and slot, the
/// teams in that of their indices.
pub(super) fn play_out(
    mode: &Mode,
    ladder: &Ladder,
    seats: Vec<Seat>,
    teams: &[TeamResult],
    now: Timestamp,
) -> Vec<Moved> {
    let newcomer = || Standing::new(&mode.rating, ladder, now);
    let before: Vec<_> =
        seats.iter().map(|seat| seat.standing.clone().unwrap_or_else(newcomer)).collect();
    let mut ratings: Vec<Vec<Rating>> = vec![Vec::new(); teams.len()];
    let mut streaks: Vec<Vec<i32>> = vec![Vec::new(); teams.len()];
    for (seat, standing) in seats.iter().zip(&before) {
        let idle = standing.last_match_at.map_or(0, |at| now.since(at));
        let team = team_of(&seat.seat);
        ratings[team].push(rating::aged(standing.rating, idle, &mode.rating));
        streaks[team].push(standing.streak);
    }
    let placements: Vec<_> = teams.iter().map(|team| team.placement).collect();
    let ratings = rating::guarded(ratings, &streaks, &placements, &mode.rating);
    let updated = rating::update(&ratings, &placements, &mode.rating);
    let entered = ratings.into_iter().flatten();
    let moved = seats.into_iter().zip(before).zip(entered.zip(updated.into_iter().flatten()));
    moved
        .map(|((Seat { mut seat, user, .. }, before), (entered, rating))| {
            let team = &teams[team_of(&seat)];
            let did = team.players.get(&user.id).cloned().unwrap_or_default();
            let played = Performance {
                outcome: outcome(team.placement, &placements),
                kills: did.kills,
                deaths: did.deaths,
                assists: did.assists,
            };
            let after = before.after_match(rating, played, now, (&mode.rating, ladder));
            seat.mmr_before = before.mmr();
            seat.mmr_after = Some(after.mmr());
            let seat = filled(seat, did);
            let lapses_at = after.lapses_at(&mode.rating, ladder);
            let deviation_at_match = entered.deviation;
            Moved { seat, user, before, deviation_at_match, after, lapses_at }
        })
        .collect()
}

fn team_of(seat: &match_players::Model) -> usize {
    usize::try_from(seat.team).unwrap_or(0)
}

/// The teams' part of a result as the match keeps it.
pub(super) fn scores(teams: &[TeamResult]) -> Result<String> {
    let score = |team: &TeamResult| TeamScore { placement: team.placement, score: team.score };
    serde_json::to_string(&teams.iter().map(score).collect::<Vec<_>>()).map_err(Error::internal)
}

/// What other parts are told about a result.
pub(super) fn finished(row: &matches::Model, moved: &[Moved], now: Timestamp) -> Fact {
    Fact::MatchFinished {
        match_id: row.id,
        mode: row.mode.clone(),
        season: row.season_id,
        players: moved.iter().map(player_move).collect(),
        at: now,
    }
}

/// The line of the history that a result adds for a player.
pub(super) fn rating_point(
    row: &matches::Model,
    m: &Moved,
    now: Timestamp,
) -> rating_points::ActiveModel {
    rating_points::ActiveModel {
        seq: NotSet,
        user_id: Set(m.user.id),
        match_id: Set(row.id),
        mode: Set(row.mode.clone()),
        season_id: Set(row.season_id),
        rating_before: Set(m.before.rating.value),
        deviation_before: Set(m.before.rating.deviation),
        volatility_before: Set(m.before.rating.volatility),
        rating_after: Set(m.after.rating.value),
        deviation_after: Set(m.after.rating.deviation),
        volatility_after: Set(m.after.rating.volatility),
        at: Set(now),
        idle_ms: Set(Some(m.before.last_match_at.map_or(0, |last| now.since(last)))),
        deviation_at_match: Set(Some(m.deviation_at_match)),
        placed: Set(Some(m.after.is_placed())),
        wins: Set(Some(m.after.wins)),
        reached_at: Set(Some(m.after.reached_at)),
        lapses_at: Set(m.lapses_at),
    }
}

/// By what a player is ordered who stands so; none while not listed.
pub(super) fn place_of(user: UserId, standing: &Standing) -> Option<Place> {
    standing.is_listed().then_some(Place {
        rating: standing.rating.value,
        deviation: standing.rating.deviation,
        wins: standing.wins,
        reached_at: standing.reached_at,
        user,
    })
}

fn player_move(m: &Moved) -> PlayerMove {
    let place = |standing: &Standing| place_of(m.user.id, standing);
    PlayerMove {
        user: m.user.id,
        home: m.user.home(),
        username: m.user.username.clone(),
        mmr_before: m.before.mmr(),
        mmr_after: m.after.mmr(),
        before: place(&m.before),
        after: place(&m.after),
        tier_before: m.before.tier,
        tier_after: m.after.tier,
        best_before: m.before.best_tier,
        streak: m.after.streak,
        hero: m.seat.hero.clone(),
    }
}

fn without_places(point: rating_points::Model) -> RankChange {
    RankChange {
        position: Position::default(),
        user: point.user_id,
        mode: point.mode,
        match_id: Some(point.match_id),
        mmr_before: shown(point.rating_before),
        mmr_after: shown(point.rating_after),
        rank_before: None,
        rank_after: None,
        tier_before: None,
        tier_after: None,
        at: point.at,
        reported_at: None,
    }
}
