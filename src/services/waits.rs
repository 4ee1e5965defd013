//! Who came lately and how long they waited, what that says of a ticket's tolerance and wait, and the numbers of a queue.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::{
    core::now,
    pool::read_candidates,
    queue::{Queue, waited_ms},
};
use crate::{
    entities::{matches, ticket_players, tickets},
    error::{Error, Result},
    game::{
        ids::UserId,
        matches::TicketState,
        mode::{ModeId, RegionId},
        pairing::{
            self, Arrival, Candidate, Demand, Density, Estimate, Estimator, Explanation, HISTORY,
            LATELY_MS, WITHIN_MS, Waited,
        },
        rating::Rating,
        standing::shown,
    },
};

/// How many of the last waits estimates are made from, and the numbers of a queue.
const WAITS: u64 = 512;
const SHOWN_WAITS: usize = 128;
/// Arrivals longer ago than this say nothing, in milliseconds.
const ARRIVALS_WITHIN_MS: i64 = 24 * 6 * LATELY_MS;
/// How long what is known of a queue is good for.
pub(super) const FRESH: Duration = Duration::from_millis(1_000);

/// The numbers of one queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// Of which mode.
    pub mode: ModeId,
    /// In which region; none: in all.
    pub region: Option<RegionId>,
    /// Players who wait.
    pub players: i32,
    /// Tickets that wait.
    pub tickets: i32,
    /// Matches made in the last minute.
    pub matches_last_minute: i32,
    /// Median of the last waits, in seconds.
    pub median_wait_s: Option<f64>,
    /// The wait that 95 of 100 of the last tickets stayed under, in seconds.
    pub p95_wait_s: Option<f64>,
    /// How long somebody new would wait, who plays about the middle of those who came lately.
    pub estimate: Option<Estimate>,
}

/// What is known of a mode's queue: the same on every instance, but for a second.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Who arrives.
    pub demand: Demand,
    estimator: Estimator,
    /// The last waits, newest last.
    waits: Vec<(i64, Vec<RegionId>)>,
    /// The middle rating of those who came lately.
    middle_mmr: Option<f64>,
}

impl Queue {
    /// How much longer a waiting ticket will probably wait; none where too little is known.
    pub async fn estimate(&self, ticket: &tickets::Model) -> Result<Option<Estimate>> {
        if ticket.state != TicketState::Searching {
            return Ok(None);
        }
        let known = self.known(&ticket.mode).await?;
        let regions = ticket.regions();
        let region = regions.first().map(|(region, _)| region);
        Ok(known.estimator.estimate(region, ticket.mmr, waited_ms(ticket), now()))
    }

    /// How far from a ticket's rating the others of a match may be, in MMR, in the region where that is the most; for one
    /// that ended, at its end.
    pub async fn tolerance(&self, ticket: &tickets::Model) -> Result<i32> {
        let mode = self.core.mode("mode", ticket.mode.as_str())?;
        let rules = self.core.rulebook.of(mode);
        let known = self.known(&ticket.mode).await?;
        let at = ticket.ended_at.unwrap_or_else(now);
        let one = candidate(ticket, Vec::new());
        let widest =
            one.regions.iter().map(|(region, _)| one.tolerance(region, at, &rules, &known.demand));
        Ok(shown(widest.fold(0.0, f64::max)))
    }

    /// Why a ticket waits, as of a second ago at most; none for one that does not.
    pub async fn explain(&self, ticket: &tickets::Model) -> Result<Option<Explanation>> {
        if ticket.state != TicketState::Searching {
            return Ok(None);
        }
        let mode = self.core.mode("mode", ticket.mode.as_str())?.clone();
        let waiting = self.everybody_waiting(&mode.id).await?;
        let known = self.known(&mode.id).await?;
        let own = waiting.iter().find(|one| one.ticket == ticket.id).cloned();
        let own = match own {
            Some(own) => own,
            None => match read_candidates(&self.core, std::slice::from_ref(ticket)).await?.pop() {
                Some(own) => own,
                None => return Ok(None),
            },
        };
        let explain = move || pairing::explain(&own, &waiting, now(), &mode.pairing, &known.demand);
        tokio::task::spawn_blocking(explain).await.map(Some).map_err(Error::internal)
    }

    async fn everybody_waiting(&self, mode: &ModeId) -> Result<Arc<Vec<Candidate>>> {
        if let Some(waiting) = self.waiting.get(mode).await {
            return Ok(waiting);
        }
        let rows = tickets::searching(self.core.sql.read(), mode).await?;
        let mut waiting = Vec::with_capacity(rows.len());
        for rows in rows.chunks(500) {
            waiting.extend(read_candidates(&self.core, rows).await?);
        }
        let waiting = Arc::new(waiting);
        self.waiting.insert(mode.clone(), waiting.clone()).await;
        Ok(waiting)
    }

    /// What is known of a mode's queue.
    pub(super) async fn known(&self, mode: &ModeId) -> Result<Arc<Known>> {
        if let Some(known) = self.known.get(mode).await {
            return Ok(known);
        }
        let known = Arc::new(self.load_known(mode).await?);
        self.known.insert(mode.clone(), known.clone()).await;
        Ok(known)
    }

    async fn load_known(&self, mode: &ModeId) -> Result<Known> {
        let (db, now) = (self.core.sql.read(), now());
        let since = now.plus_ms(-ARRIVALS_WITHIN_MS);
        let mut came = tickets::arrivals(db, mode, since, HISTORY as u64).await?;
        came.reverse();
        let ids: Vec<_> = came.iter().map(|row| row.id).collect();
        let mut holders: HashMap<_, Vec<_>> = HashMap::new();
        for ids in ids.chunks(500) {
            for player in ticket_players::of_tickets(db, ids).await? {
                holders.entry(player.ticket_id).or_default().push(player.user_id);
            }
        }
        let mut regions: HashMap<RegionId, Vec<Arrival>> = HashMap::new();
        for row in &came {
            let Some(users) = holders.get(&row.id) else { continue };
            let arrival =
                Arrival { at: row.joined_at, user: users[0], mmr: row.mmr, players: users.len() };
            for (region, _) in row.regions() {
                regions.entry(region).or_default().push(arrival);
            }
        }
        let known = regions
            .into_iter()
            .filter_map(|(region, arrivals)| Some((region, Density::of(&arrivals, now)?)));
        let demand = Demand::new(known);
        let mut ratings: Vec<_> = came.iter().map(|row| row.mmr).collect();
        ratings.sort_by(f64::total_cmp);
        let mut rows = tickets::recent_waits(db, mode, now.plus_ms(-WITHIN_MS), WAITS).await?;
        rows.reverse();
        let mut estimator = Estimator::default();
        let mut waits = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(at) = row.ended_at else { continue };
            let regions: Vec<_> = row.regions().into_iter().map(|(region, _)| region).collect();
            let ms = at.since(row.joined_at).max(0);
            let region = regions.first().cloned();
            estimator.learn(&Waited { at, ms, mmr: row.mmr, region });
            waits.push((ms, regions));
        }
        let middle_mmr = ratings.get(ratings.len() / 2).copied();
        Ok(Known { demand, estimator, waits, middle_mmr })
    }

    /// The numbers of one queue.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region.
    pub async fn stats(&self, mode: &str, region: Option<&RegionId>) -> Result<Stats> {
        let mode = self.core.mode("mode", mode)?.id.clone();
        if let Some(region) = region {
            self.core.region("region", region)?;
        }
        let db = self.core.sql.read();
        let here = |regions: &[(RegionId, Option<u32>)]| {
            region.is_none_or(|region| regions.iter().any(|(named, _)| named == region))
        };
        let rows = tickets::searching(db, &mode).await?;
        let waiting: HashSet<_> =
            rows.iter().filter(|row| here(&row.regions())).map(|row| row.id).collect();
        let players = ticket_players::of_queue(db, &mode).await?;
        let players = players.iter().filter(|player| waiting.contains(&player.ticket_id)).count();
        let made = matches::made_since(db, &mode, region, now().plus_ms(-60_000)).await?;
        let known = self.known(&mode).await?;
        let mut waits: Vec<_> = known
            .waits
            .iter()
            .rev()
            .filter(|(_, regions)| region.is_none_or(|region| regions.contains(region)))
            .take(SHOWN_WAITS)
            .map(|(ms, _)| *ms)
            .collect();
        waits.sort_unstable();
        let seconds = |part| quantile(&waits, part).map(|ms| ms as f64 / 1000.0);
        let estimate =
            known.middle_mmr.and_then(|middle| known.estimator.estimate(region, middle, 0, now()));
        Ok(Stats {
            players: i32::try_from(players).unwrap_or(i32::MAX),
            tickets: i32::try_from(waiting.len()).unwrap_or(i32::MAX),
            matches_last_minute: i32::try_from(made).unwrap_or(i32::MAX),
            median_wait_s: seconds(0.5),
            p95_wait_s: seconds(0.95),
            estimate,
            region: region.cloned(),
            mode,
        })
    }
}

/// A ticket as the matchmaker sees it.
pub(super) fn candidate(row: &tickets::Model, players: Vec<(UserId, Rating)>) -> Candidate {
    Candidate {
        ticket: row.id,
        players,
        mmr: row.mmr,
        joined_at: row.joined_at,
        regions: row.regions(),
        blocked: Vec::new(),
        met: Vec::new(),
    }
}

/// The value that `part` of ascending values stay at or under.
fn quantile(ascending: &[i64], part: f64) -> Option<i64> {
    let last = ascending.len().checked_sub(1)?;
    ascending.get((last as f64 * part).round() as usize).copied()
}
