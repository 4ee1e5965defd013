//! Corrections: a match that is voided, or whose result comes after later ones. Results take effect in the order in which
//! their matches ended (then of their ids). A correction works out anew exactly what it reaches: the players of the match
//! from then on, everybody whom they met later, and so on, each from where they stood at that moment. What comes out is what
//! a replay of the whole season would give, to the last bit.

mod replay;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    core::Core,
    reports::{PlayerResult, TeamResult},
    results::{Moved, Seat, TeamScore, place_of, play_out, rating_point},
};
use crate::{
    backends::sql::Tx,
    entities::{match_players, matches, rating_points, seasons, standings, users},
    error::{Error, Result},
    game::{
        event::PlayerMove,
        ids::{MatchId, SeasonId, UserId},
        matches::outcome,
        mode::{Mode, ModeId},
        rating::Rating,
        standing::{Ladder, Performance, Standing},
        time::Timestamp,
    },
};

pub use self::replay::replay;

/// When a result takes effect.
type Moment = (Timestamp, MatchId);

/// Before everything.
const BEGINNING: Moment = (Timestamp(i64::MIN), MatchId::from_uuid(Uuid::nil()));

/// Matches read at once.
const CHUNK: usize = 200;

/// What a correction did.
pub struct Correction {
    /// Everybody whose standing changed, from what it was to what it is: in the season of the match, then in later ones.
    pub moves: Vec<(SeasonId, Vec<PlayerMove>)>,
    /// How many matches were worked out anew.
    pub matches: usize,
}

/// What a match did to one player, as their history tells.
struct Step {
    moment: Moment,
    rating: Rating,
    played: Performance,
}

struct Sweep<'a> {
    core: &'a Core,
    tx: &'a Tx,
    mode: &'a Mode,
    season: SeasonId,
    /// The tiers and bounds of the season.
    rules: Arc<Ladder>,
    now: Timestamp,
    /// Where those who are reached stand at the moment that is worked out; none: they have not played yet.
    reached: HashMap<UserId, Option<Standing>>,
    users: HashMap<UserId, users::Model>,
    /// What is still to be worked out, in order.
    ahead: BTreeSet<Moment>,
    /// The next of those, read together.
    read: HashMap<MatchId, (matches::Model, Vec<match_players::Model>)>,
}

/// Works out a completed match and all that it reaches: with its result, or (where it is voided) without it.
///
/// # Errors
/// When the database fails.
pub async fn correct(
    core: &Core,
    tx: &Tx,
    mode: &Mode,
    row: &matches::Model,
    voided: bool,
) -> Result<Correction> {
    let moment = (row.ended_at.unwrap_or(row.created_at), row.id);
    let mut sweep = Sweep::of(core, tx, mode, row.season_id);
    for seat in match_players::of_matches(tx, &[row.id]).await? {
        sweep.reach(seat.user_id, moment).await?;
    }
    if voided {
        rating_points::forget_matches(tx, &[row.id]).await?;
        match_players::unrate(tx, row.id).await?;
    } else {
        sweep.ahead.insert(moment);
    }
    let (players, mut matches) = sweep.finish().await?;
    let mut reached: BTreeSet<_> = players.iter().map(|moved| moved.user).collect();
    let mut moves = vec![(row.season_id, players)];
    // Whoever carried another rating into a later season is worked out anew there, from its beginning.
    for season in seasons::behind(tx, row.season_id).await? {
        let users: Vec<_> = reached.iter().copied().collect();
        let mut began = Vec::new();
        for chunk in users.chunks(CHUNK) {
            began.extend(standings::of_users(tx, season, &mode.id, chunk).await?);
        }
        if began.is_empty() {
            continue;
        }
        seasons::lock(tx, season).await?;
        let mut sweep = Sweep::of(core, tx, mode, season);
        for standing in began {
            sweep.reach(standing.user_id, BEGINNING).await?;
        }
        let (players, more) = sweep.finish().await?;
        matches += more;
        reached.extend(players.iter().map(|moved| moved.user));
        moves.push((season, players));
    }
    Ok(Correction { moves, matches })
}

impl<'a> Sweep<'a> {
    fn of(core: &'a Core, tx: &'a Tx, mode: &'a Mode, season: SeasonId) -> Self {
        Self {
            core,
            tx,
            mode,
            season,
            rules: core.rules(season),
            now: core.until(season),
            reached: HashMap::new(),
            users: HashMap::new(),
            ahead: BTreeSet::new(),
            read: HashMap::new(),
        }
    }

    /// Works out everything that is ahead and stores it: whom that moved, and how many matches it was.
    async fn finish(mut self) -> Result<(Vec<PlayerMove>, usize)> {
        let mut done = Vec::new();
        while let Some((_, id)) = self.ahead.pop_first() {
            done.push(self.work_out(id).await?);
        }
        let ids: Vec<_> = done.iter().map(|(row, _)| row.id).collect();
        rating_points::forget_matches(self.tx, &ids).await?;
        store(self.tx, &done).await?;
        let matches = done.len();
        Ok((self.settle().await?, matches))
    }

    /// Reaches a player at a moment: from there on their matches are worked out anew.
    async fn reach(&mut self, user: UserId, at: Moment) -> Result<()> {
        if self.reached.contains_key(&user) {
            return Ok(());
        }
        let history = history(self.tx, user, &self.mode.id, self.season).await?;
        let carried = self.core.carried(self.tx, self.season, self.mode, &[user]).await?;
        let mut standing = carried.into_values().next();
        for step in history {
            if step.moment < at {
                standing = Some(step.after(standing, self.mode, &self.rules));
            } else if step.moment > at {
                self.ahead.insert(step.moment);
            }
        }
        self.reached.insert(user, standing);
        Ok(())
    }

    async fn work_out(&mut self, id: MatchId) -> Result<(matches::Model, Vec<Moved>)> {
        if !self.read.contains_key(&id) {
            self.read_ahead(id).await?;
        }
        let (row, seats) = self.read.remove(&id).ok_or(Error::NotFound("match"))?;
        let at = row.ended_at.unwrap_or(row.created_at);
        for seat in &seats {
            self.reach(seat.user_id, (at, id)).await?;
        }
        self.meet(&seats).await?;
        let teams = teams_of(&row, &seats)?;
        let seats = seats.into_iter().map(|seat| {
            let user = self.users.get(&seat.user_id).cloned().ok_or(Error::NotFound("user"))?;
            let standing = self.reached.get(&seat.user_id).cloned().flatten();
            Ok(Seat { seat, user, standing })
        });
        let seats = seats.collect::<Result<Vec<_>>>()?;
        let moved = play_out(self.mode, &self.rules, seats, &teams, at);
        for m in &moved {
            self.reached.insert(m.user.id, Some(m.after.clone()));
        }
        Ok((row, moved))
    }

    /// Reads a match, and those that come next.
    async fn read_ahead(&mut self, id: MatchId) -> Result<()> {
        let next = self.ahead.iter().map(|(_, id)| *id).filter(|id| !self.read.contains_key(id));
        let ids: Vec<_> = std::iter::once(id).chain(next).take(CHUNK).collect();
        for row in matches::by_ids(self.tx, &ids).await? {
            self.read.insert(row.id, (row, Vec::new()));
        }
        for seat in match_players::of_matches(self.tx, &ids).await? {
            if let Some((_, seats)) = self.read.get_mut(&seat.match_id) {
                seats.push(seat);
            }
        }
        Ok(())
    }

    async fn meet(&mut self, seats: &[match_players::Model]) -> Result<()> {
        let strangers = seats.iter().map(|seat| seat.user_id);
        let strangers: Vec<_> = strangers.filter(|id| !self.users.contains_key(id)).collect();
        for user in users::by_ids(self.tx, &strangers).await? {
            self.users.insert(user.id, user);
        }
        Ok(())
    }

    /// Stores where everybody who was reached stands now.
    async fn settle(mut self) -> Result<Vec<PlayerMove>> {
        let ids: Vec<_> = self.reached.keys().copied().collect();
        let mut held = HashMap::new();
        for chunk in ids.chunks(CHUNK) {
            for row in standings::of_users(self.tx, self.season, &self.mode.id, chunk).await? {
                held.insert(row.user_id, row.standing());
            }
            for user in users::by_ids(self.tx, chunk).await? {
                self.users.insert(user.id, user);
            }
        }
        let (mut moves, mut rows, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (id, after) in self.reached {
            // Somebody without a match is where they were before their first.
            let played = after.filter(Standing::has_played);
            let user = self.users.get(&id).ok_or(Error::NotFound("user"))?;
            let played = played.map(|standing| {
                let now = standing.as_of(self.now, &self.mode.rating, &self.rules);
                // Whoever was deleted is not listed again, whatever is corrected.
                Standing { lapsed: now.lapsed || user.deleted_at.is_some(), ..now }
            });
            let before = held.remove(&id);
            if before == played {
                continue;
            }
            let start = || Standing::new(&self.mode.rating, &self.rules, Timestamp(0));
            let (from, to) = (before.unwrap_or_else(start), played.clone().unwrap_or_else(start));
            moves.push(PlayerMove {
                user: id,
                home: user.home(),
                username: user.username.clone(),
                mmr_before: from.mmr(),
                mmr_after: to.mmr(),
                before: place_of(id, &from),
                after: place_of(id, &to),
                tier_before: from.tier,
                tier_after: to.tier,
                best_before: from.best_tier,
                streak: to.streak,
                hero: None,
            });
            match played {
                Some(standing) => {
                    let rules = (self.mode, &*self.rules);
                    rows.push(standings::Model::of(id, rules, self.season, &standing));
                }
                None => gone.push(id),
            }
        }
        for chunk in rows.chunks(CHUNK) {
            standings::put(self.tx, chunk.to_vec()).await?;
        }
        for chunk in gone.chunks(CHUNK) {
            standings::forget(self.tx, self.season, &self.mode.id, chunk).await?;
        }
        moves.sort_by_key(|player| player.user);
        Ok(moves)
    }
}

impl Step {
    fn after(&self, before: Option<Standing>, mode: &Mode, rules: &Ladder) -> Standing {
        let at = self.moment.0;
        let before = before.unwrap_or_else(|| Standing::new(&mode.rating, rules, at));
        before.after_match(self.rating, self.played, at, (&mode.rating, rules))
    }
}

/// A player's matches of a season, in the order in which they took effect.
async fn history(tx: &Tx, user: UserId, mode: &ModeId, season: SeasonId) -> Result<Vec<Step>> {
    let points =
        rating_points::list(tx, (user, mode, season), None, None, false, u64::MAX >> 1).await?;
    let mut steps = Vec::new();
    for chunk in points.chunks(CHUNK) {
        let ids: Vec<_> = chunk.iter().map(|point| point.match_id).collect();
        let rows: HashMap<_, _> =
            matches::by_ids(tx, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
        let seats: HashMap<_, _> = match_players::of_user_in(tx, user, &ids)
            .await?
            .into_iter()
            .map(|seat| (seat.match_id, seat))
            .collect();
        for point in chunk {
            let (Some(row), Some(seat)) = (rows.get(&point.match_id), seats.get(&point.match_id))
            else {
                return Err(Error::internal("a rating point without its match"));
            };
            let scores = scores_of(row)?;
            let placements: Vec<_> = scores.iter().map(|score| score.placement).collect();
            let own = usize::try_from(seat.team).ok().and_then(|team| placements.get(team));
            let own = *own.ok_or_else(|| Error::internal("a seat without a team"))?;
            steps.push(Step {
                moment: (point.at, point.match_id),
                rating: Rating {
                    value: point.rating_after,
                    deviation: point.deviation_after,
                    volatility: point.volatility_after,
                },
                played: Performance {
                    outcome: outcome(own, &placements),
                    kills: seat.kills,
                    deaths: seat.deaths,
                    assists: seat.assists,
                },
            });
        }
    }
    Ok(steps)
}

fn scores_of(row: &matches::Model) -> Result<Vec<TeamScore>> {
    serde_json::from_str(row.team_results.as_deref().unwrap_or("[]")).map_err(Error::internal)
}

/// The result of a match, as it was reported.
fn teams_of(row: &matches::Model, seats: &[match_players::Model]) -> Result<Vec<TeamResult>> {
    let teams = scores_of(row)?.into_iter().zip(0..).map(|(score, index)| {
        let members = seats.iter().filter(|seat| seat.team == index);
        let players: BTreeMap<_, _> = members
            .map(|seat| {
                let did = PlayerResult {
                    kills: seat.kills,
                    deaths: seat.deaths,
                    assists: seat.assists,
                    hero: seat.hero.clone(),
                    abandoned: seat.abandoned,
                };
                (seat.user_id, did)
            })
            .collect();
        TeamResult { index, placement: score.placement, score: score.score, players }
    });
    Ok(teams.collect())
}

async fn store(tx: &Tx, done: &[(matches::Model, Vec<Moved>)]) -> Result<()> {
    let (mut points, mut seats) = (Vec::new(), Vec::new());
    for (row, moved) in done {
        let at = row.ended_at.unwrap_or(row.created_at);
        points.extend(moved.iter().map(|m| rating_point(row, m, at)));
        seats.extend(moved.iter().map(|m| m.seat.clone()));
    }
    rating_points::add(tx, points).await?;
    match_players::put(tx, seats).await
}
