//! Results: applied exactly once, in one transaction (rules 14, 17 and 18).

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering,
};

use sea_orm::{
    ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, NotSet, Set,
    sea_query::Expr,
};
use serde::Serialize;

use super::{
    core::now,
    matches::{Matches, wrong_state},
    timelines::{own_event, since_start},
    tokens,
};
use crate::{
    entities::{engagements, match_players, matches, rating_points, standings, users},
    error::{Error, Reason, Result},
    game::{
        event::{Fact, PlayerMove, Position, RankChange},
        ids::{MatchId, UserId},
        matches::{MatchStatus, outcome},
        mode::Mode,
        rating::{self, Rating},
        standing::{Ladder, Performance, Standing, shown},
        time::Timestamp,
    },
};

/// The highest score or count that a report may hold.
const COUNT_MAX: i32 = 1_000_000;

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
pub(super) struct Moved {
    pub seat: match_players::Model,
    pub user: users::Model,
    pub before: Standing,
    pub after: Standing,
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
    ) -> Result<(matches::Model, Vec<RankChange>)> {
        let tx = self.core.sql.begin().await?;
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let mode = self.core.mode("mode", row.mode.as_str())?.clone();
        let players = match_players::of_matches(&tx, &[id]).await?;
        check(&teams, &mode, &players)?;
        teams.sort_by_key(|team| team.index);
        let hash = fingerprint(&teams)?;
        match (row.status, &row.result_hash) {
            (MatchStatus::InProgress, _) => {}
            (MatchStatus::Completed, Some(reported)) if *reported == hash => {
                drop(tx);
                // The first report may be on its way out still.
                self.core.settled(self.core.written.load(Ordering::Relaxed)).await;
                let changes = self.changes(id).await?;
                return Ok((row, changes));
            }
            (MatchStatus::Completed, _) => {
                let message = "this match was reported already, with another result";
                return Err(Error::conflict(Reason::ResultDiffers, message));
            }
            (status, _) => {
                return Err(wrong_state("only a match that is IN_PROGRESS has a result", status));
            }
        }
        let now = now();
        self.complete(&tx, &row, &teams, hash, now).await?;
        let moved = self.rate(&tx, &row, &mode, players, &teams, now).await?;
        store(&tx, &row, &moved, now).await?;
        let event = own_event("MATCH_COMPLETED", since_start(&row, now), now);
        let told = self.tell(&tx, id, vec![event]).await?;
        let finished = finished(&row, &moved, now);
        let row = matches::by_id(&tx, id).await?.ok_or(Error::NotFound("match"))?;
        let seq = self.core.commit(tx, &[finished, told]).await?;
        metrics::counter!("rankedhonor_results_total", "mode" => row.mode.to_string()).increment(1);
        self.core.settled(seq).await;
        Ok((row, self.changes(id).await?))
    }

    async fn complete(
        &self,
        tx: &DatabaseTransaction,
        row: &matches::Model,
        teams: &[TeamResult],
        hash: String,
        now: Timestamp,
    ) -> Result<()> {
        let scores = scores(teams)?;
        let changes = vec![
            (matches::Column::Status, Expr::value(MatchStatus::Completed)),
            (matches::Column::EndedAt, Expr::value(now)),
            (matches::Column::DeadlineAt, Expr::value(None::<Timestamp>)),
            (matches::Column::ResultHash, Expr::value(hash)),
            (matches::Column::TeamResults, Expr::value(scores)),
        ];
        if matches::advance(tx, row.id, MatchStatus::InProgress, changes).await? {
            return engagements::release_match(tx, row.id).await;
        }
        Err(wrong_state("somebody was faster", row.status))
    }

    /// What the result does to everybody's standing.
    async fn rate(
        &self,
        tx: &DatabaseTransaction,
        row: &matches::Model,
        mode: &Mode,
        players: Vec<match_players::Model>,
        teams: &[TeamResult],
        now: Timestamp,
    ) -> Result<Vec<Moved>> {
        let ids: Vec<_> = players.iter().map(|player| player.user_id).collect();
        let mut users: HashMap<_, _> =
            users::by_ids(tx, &ids).await?.into_iter().map(|user| (user.id, user)).collect();
        let mut standings: HashMap<_, _> = standings::of_users(tx, row.season_id, &row.mode, &ids)
            .await?
            .into_iter()
            .map(|row| (row.user_id, row.standing()))
            .collect();
        for (user, carried) in self.core.carried(tx, row.season_id, mode, &ids).await? {
            standings.entry(user).or_insert(carried);
        }
        let mut seats = Vec::new();
        for seat in players {
            let user = users.remove(&seat.user_id).ok_or(Error::NotFound("user"))?;
            seats.push(Seat { standing: standings.remove(&user.id), seat, user });
        }
        Ok(play_out(mode, &self.core.catalog.ladder, seats, teams, now))
    }

    /// What a match did to its players: from the log, or (where that does not reach so far back, or not yet so far) from
    /// the history, without places.
    async fn changes(&self, id: MatchId) -> Result<Vec<RankChange>> {
        let db = self.core.sql.read();
        let logged = crate::entities::rank_changes::of_match(db, id).await?;
        if !logged.is_empty() {
            return Ok(logged);
        }
        let points = rating_points::of_match(db, id).await?;
        Ok(points.into_iter().map(without_places).collect())
    }
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
    for (seat, standing) in seats.iter().zip(&before) {
        let idle = standing.last_match_at.map_or(0, |at| now.since(at));
        ratings[team_of(&seat.seat)].push(rating::aged(standing.rating, idle, &mode.rating));
    }
    let placements: Vec<_> = teams.iter().map(|team| team.placement).collect();
    let updated = rating::update(&ratings, &placements, &mode.rating);
    let moved = seats.into_iter().zip(before).zip(updated.into_iter().flatten());
    moved
        .map(|((Seat { mut seat, user, .. }, before), rating)| {
            let team = &teams[team_of(&seat)];
            let did = team.players.get(&user.id).cloned().unwrap_or_default();
            let played = Performance {
                outcome: outcome(team.placement, &placements),
                kills: did.kills,
                deaths: did.deaths,
                assists: did.assists,
            };
            let after = before.after_match(rating, played, now, ladder);
            seat.mmr_before = before.mmr();
            seat.mmr_after = Some(after.mmr());
            seat.kills = did.kills;
            seat.deaths = did.deaths;
            seat.assists = did.assists;
            seat.hero = did.hero;
            seat.abandoned = did.abandoned;
            Moved { seat, user, before, after }
        })
        .collect()
}

fn team_of(seat: &match_players::Model) -> usize {
    usize::try_from(seat.team).unwrap_or(0)
}

/// Tells two reports apart.
pub(super) fn fingerprint(teams: &[TeamResult]) -> Result<String> {
    Ok(tokens::hash(&serde_json::to_string(teams).map_err(Error::internal)?))
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

async fn store(
    tx: &DatabaseTransaction,
    row: &matches::Model,
    moved: &[Moved],
    now: Timestamp,
) -> Result<()> {
    let rows = moved
        .iter()
        .map(|m| standings::Model::of(m.user.id, row.mode.clone(), row.season_id, &m.after));
    standings::put(tx, rows.collect()).await?;
    let points = moved.iter().map(|m| rating_point(row, m, now));
    rating_points::Entity::insert_many(points).exec_without_returning(tx).await?;
    for m in moved {
        m.seat.clone().into_active_model().reset_all().update(tx).await?;
    }
    Ok(())
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
    }
}

fn player_move(m: &Moved) -> PlayerMove {
    let place = |standing: &Standing| {
        standing.is_placed().then_some(crate::game::standing::Place {
            rating: standing.rating.value,
            deviation: standing.rating.deviation,
            wins: standing.wins,
            reached_at: standing.reached_at,
            user: m.user.id,
        })
    };
    PlayerMove {
        user: m.user.id,
        region: m.user.region.clone(),
        username: m.user.username.clone(),
        mmr_before: m.before.mmr(),
        mmr_after: m.after.mmr(),
        before: place(&m.before),
        after: place(&m.after),
        tier_before: m.before.tier,
        tier_after: m.after.tier,
        streak: m.after.streak,
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
    }
}

/// Whether a report fits its match: every team once, every player in their own team, counts that are counts.
fn check(teams: &[TeamResult], mode: &Mode, players: &[match_players::Model]) -> Result<()> {
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
