//! Tickets: joining, leaving, waiting, and the waves that make matches of them (rules 6 to 12).

use std::{collections::HashMap, sync::Arc, time::Duration};

use moka::future::Cache;
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait};
use uuid::Uuid;

use super::core::{Core, now};
use crate::{
    entities::{
        engagements, is_unique_violation, match_players, matches, standings, ticket_players,
        tickets, users,
    },
    error::{Error, Reason, Result},
    game::{
        event::Fact,
        ids::{MatchId, TicketId, UserId},
        matches::{MatchStatus, TicketState},
        mode::{Mode, ModeId, RegionId},
        pairing::{self, Candidate, Proposal},
        rating::{Rating, win_probabilities},
        standing::shown,
        time::Timestamp,
    },
};

/// How many of the last waits an estimate is made from, and how far back.
const WAITS: u64 = 128;
const WAITS_WITHIN_MS: i64 = 60 * 60 * 1000;
/// How long the numbers of a queue are good for.
const FRESH: Duration = Duration::from_millis(500);

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
}

/// A round trip that no client measures, in milliseconds.
const LATENCY_MAX_MS: i32 = 10_000;

/// How long a ticket waited, in milliseconds, and in which regions.
type Wait = (i64, Vec<RegionId>);

/// See the module.
pub struct Queue {
    core: Arc<Core>,
    /// The last waits of each mode, ascending.
    waits: Cache<ModeId, Arc<Vec<Wait>>>,
}

impl Queue {
    pub(super) fn new(core: Arc<Core>) -> Self {
        let waits = Cache::builder().max_capacity(64).time_to_live(FRESH).build();
        Self { core, waits }
    }

    /// Queues a player. Without regions, the profile's counts.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region; CONFLICT (ALREADY_QUEUED, IN_MATCH) for somebody who is engaged.
    pub async fn join(
        &self,
        user: UserId,
        mode: &str,
        regions: Vec<(RegionId, Option<i32>)>,
    ) -> Result<tickets::Model> {
        let mode = self.core.mode("input.mode", mode)?.clone();
        let profile = users::by_id(self.core.sql.read(), user).await?;
        let profile =
            profile.ok_or_else(|| Error::Unauthenticated("this account is gone".into()))?;
        if profile.is_suspended(now()) {
            return Err(Error::Forbidden("this account is suspended".into()));
        }
        let regions = self.checked_regions(regions, profile.region)?;
        let tx = self.core.sql.begin().await?;
        refuse_engaged(engagements::of_user(&tx, user).await?.as_ref())?;
        let now = now();
        let rating = self.rating_of(&tx, user, &mode).await?;
        let ticket = tickets::Model {
            id: TicketId::from_uuid(Uuid::now_v7()),
            mode: mode.id.clone(),
            state: TicketState::Searching,
            regions: serde_json::to_string(&regions).map_err(Error::internal)?,
            mmr: rating.value,
            joined_at: now,
            expires_at: self.expiry(now),
            ended_at: None,
            match_id: None,
        };
        enqueue(&tx, &ticket, &[(user, rating)]).await?;
        let fact = ticket_fact(&ticket, vec![user]);
        self.core.commit(tx, &[fact]).await?;
        Ok(ticket)
    }

    /// Takes a player out of the queue; none when they were in none.
    pub async fn leave(&self, user: UserId) -> Result<Option<tickets::Model>> {
        let tx = self.core.sql.begin().await?;
        let engaged = engagements::of_user(&tx, user).await?;
        let Some(id) = engaged.and_then(|row| row.ticket_id) else { return Ok(None) };
        let ticket = self.end(&tx, id, TicketState::Cancelled).await?;
        let players = ticket_players::of_tickets(&tx, &[id]).await?;
        let fact = ticket_fact(&ticket, players.iter().map(|p| p.user_id).collect());
        self.core.commit(tx, &[fact]).await?;
        Ok(Some(ticket))
    }

    async fn end(
        &self,
        tx: &DatabaseTransaction,
        id: TicketId,
        state: TicketState,
    ) -> Result<tickets::Model> {
        tickets::end(tx, id, state, None, now()).await?;
        engagements::release_ticket(tx, id).await?;
        tickets::by_id(tx, id).await?.ok_or(Error::NotFound("ticket"))
    }

    /// The player's live ticket, whose life it renews.
    pub async fn mine(&self, user: UserId) -> Result<Option<tickets::Model>> {
        let engaged = engagements::of_user(self.core.sql.read(), user).await?;
        let Some(id) = engaged.and_then(|row| row.ticket_id) else { return Ok(None) };
        let ticket = tickets::by_id(self.core.sql.read(), id).await?;
        if let Some(ticket) = &ticket {
            self.renew(ticket).await?;
        }
        Ok(ticket)
    }

    /// Puts off a ticket's expiry, unless that was done a moment ago.
    async fn renew(&self, ticket: &tickets::Model) -> Result<()> {
        let expiry = self.expiry(now());
        if expiry.since(ticket.expires_at) > self.ttl_ms() / 10 {
            let tx = self.core.sql.begin().await?;
            tickets::renew(&tx, ticket.id, expiry).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The tickets of these ids, in no order.
    pub async fn get_many(&self, ids: &[TicketId]) -> Result<Vec<tickets::Model>> {
        tickets::by_ids(self.core.sql.read(), ids).await
    }

    /// The ticket of that id, for one of its players.
    pub async fn get(
        &self,
        id: TicketId,
        viewer: Option<UserId>,
    ) -> Result<Option<tickets::Model>> {
        let players = ticket_players::of_tickets(self.core.sql.read(), &[id]).await?;
        if !players.iter().any(|player| Some(player.user_id) == viewer) {
            return Ok(None);
        }
        tickets::by_id(self.core.sql.read(), id).await
    }

    /// The players of these tickets.
    pub async fn players_of(&self, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<UserId>>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for row in ticket_players::of_tickets(self.core.sql.read(), ids).await? {
            found.entry(row.ticket_id).or_default().push(row.user_id);
        }
        Ok(found)
    }

    /// What `queueStatus` shows: the player's live ticket, or the one that led to their open match, or the one shown last.
    pub async fn shown_ticket(
        &self,
        user: UserId,
        last: Option<TicketId>,
    ) -> Result<Option<tickets::Model>> {
        let db = self.core.sql.read();
        let id = match engagements::of_user(db, user).await? {
            Some(engagements::Model { ticket_id: Some(ticket), .. }) => Some(ticket),
            Some(engagements::Model { match_id: Some(id), .. }) => {
                let players = match_players::of_matches(db, &[id]).await?;
                players.iter().find(|player| player.user_id == user).map(|player| player.ticket_id)
            }
            _ => last,
        };
        let Some(id) = id else { return Ok(None) };
        let ticket = tickets::by_id(db, id).await?;
        if let Some(ticket) = &ticket
            && ticket.state == TicketState::Searching
        {
            self.renew(ticket).await?;
        }
        Ok(ticket)
    }

    /// How far from a ticket's rating an opponent may be, in MMR; for one that ended, at its end.
    pub fn tolerance(&self, ticket: &tickets::Model) -> Result<i32> {
        let mode = self.core.mode("mode", ticket.mode.as_str())?;
        Ok(shown(mode.pairing.window.tolerance(waited_ms(ticket))))
    }

    /// Until something about a waiting ticket changes by itself: its tolerance, or its renewal is due.
    pub fn next_change_in(&self, ticket: &tickets::Model) -> Result<Duration> {
        let mode = self.core.mode("mode", ticket.mode.as_str())?;
        let renewal = self.ttl_ms() / 3;
        let step = mode.pairing.window.next_step_in_ms(waited_ms(ticket)).unwrap_or(renewal);
        Ok(Duration::from_millis(step.min(renewal).max(10).unsigned_abs()))
    }

    /// How much longer a ticket will probably wait, in seconds: the median of the last waits that were longer than its
    /// own so far. None without such.
    pub async fn estimated_wait_s(&self, ticket: &tickets::Model) -> Result<Option<f64>> {
        if ticket.state != TicketState::Searching {
            return Ok(None);
        }
        let waited = waited_ms(ticket);
        let waits = self.recent_waits(&ticket.mode).await?;
        let longer: Vec<_> = waits.iter().map(|(ms, _)| *ms).filter(|ms| *ms > waited).collect();
        Ok(quantile(&longer, 0.5).map(|ms| (ms - waited) as f64 / 1000.0))
    }

    async fn recent_waits(&self, mode: &ModeId) -> Result<Arc<Vec<Wait>>> {
        if let Some(waits) = self.waits.get(mode).await {
            return Ok(waits);
        }
        let since = now().plus_ms(-WAITS_WITHIN_MS);
        let rows = tickets::recent_waits(self.core.sql.read(), mode, since, WAITS).await?;
        let mut waits: Vec<_> = rows
            .into_iter()
            .map(|(joined, ended, regions)| {
                let regions: Vec<(RegionId, Option<u32>)> =
                    serde_json::from_str(&regions).unwrap_or_default();
                let ms = ended.map_or(0, |ended| ended.since(joined).max(0));
                (ms, regions.into_iter().map(|(region, _)| region).collect())
            })
            .collect();
        waits.sort_by_key(|(ms, _)| *ms);
        let waits = Arc::new(waits);
        self.waits.insert(mode.clone(), waits.clone()).await;
        Ok(waits)
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
        let waiting: std::collections::HashSet<_> =
            rows.iter().filter(|row| here(&row.regions())).map(|row| row.id).collect();
        let players = ticket_players::of_queue(db, &mode).await?;
        let players = players.iter().filter(|player| waiting.contains(&player.ticket_id)).count();
        let made = matches::made_since(db, &mode, region, now().plus_ms(-60_000)).await?;
        let waits = self.recent_waits(&mode).await?;
        let waits: Vec<_> = waits
            .iter()
            .filter(|(_, regions)| region.is_none_or(|region| regions.contains(region)))
            .map(|(ms, _)| *ms)
            .collect();
        let seconds = |part| quantile(&waits, part).map(|ms| ms as f64 / 1000.0);
        Ok(Stats {
            players: i32::try_from(players).unwrap_or(i32::MAX),
            tickets: i32::try_from(waiting.len()).unwrap_or(i32::MAX),
            matches_last_minute: i32::try_from(made).unwrap_or(i32::MAX),
            median_wait_s: seconds(0.5),
            p95_wait_s: seconds(0.95),
            region: region.cloned(),
            mode,
        })
    }

    /// Ends waiting tickets that nobody renewed in time; says how many.
    pub async fn expire(&self) -> Result<usize> {
        let overdue = tickets::overdue(self.core.sql.read(), now(), 500).await?;
        for ticket in &overdue {
            let tx = self.core.sql.begin().await?;
            // Renewed or matched meanwhile: let it be.
            let fresh = tickets::by_id(&tx, ticket.id).await?;
            if !fresh.is_some_and(|t| t.state == TicketState::Searching && t.expires_at <= now()) {
                continue;
            }
            let ended = self.end(&tx, ticket.id, TicketState::Expired).await?;
            let players = ticket_players::of_tickets(&tx, &[ticket.id]).await?;
            let fact = ticket_fact(&ended, players.iter().map(|p| p.user_id).collect());
            self.core.commit(tx, &[fact]).await?;
        }
        Ok(overdue.len())
    }

    /// Makes the matches that can be made now in a mode; says how many.
    pub async fn run_wave(&self, mode: &Mode) -> Result<usize> {
        let now = now();
        let db = self.core.sql.read();
        let rows = tickets::searching(db, &mode.id).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let mut holders: HashMap<TicketId, Vec<(UserId, Rating)>> = HashMap::new();
        for row in ticket_players::of_queue(db, &mode.id).await? {
            holders.entry(row.ticket_id).or_default().push((row.user_id, row.rating()));
        }
        let candidates: Vec<_> = rows
            .iter()
            .filter_map(|row| {
                let ratings = holders.get(&row.id)?.iter().map(|(_, rating)| *rating).collect();
                Some(Candidate {
                    ticket: row.id,
                    ratings,
                    mean: row.mmr,
                    joined_at: row.joined_at,
                    regions: row.regions(),
                })
            })
            .collect();
        let rules = mode.clone();
        let proposals = tokio::task::spawn_blocking(move || {
            pairing::wave(&candidates, now, &rules.pairing, &rules.rating)
        })
        .await
        .map_err(Error::internal)?;
        let mut made = 0;
        for proposal in proposals {
            made += usize::from(self.make(mode, &proposal, &holders).await?);
        }
        Ok(made)
    }

    /// Makes one match; false when one of its tickets was gone, in which case nothing happens to the others.
    async fn make(
        &self,
        mode: &Mode,
        proposal: &Proposal,
        holders: &HashMap<TicketId, Vec<(UserId, Rating)>>,
    ) -> Result<bool> {
        let now = now();
        let id = MatchId::from_uuid(Uuid::now_v7());
        let seats = seats(id, proposal, holders);
        let row = self.match_row(id, mode, proposal, holders, now)?;
        let fact = Fact::MatchMade {
            match_id: id,
            mode: mode.id.clone(),
            players: seats.iter().map(|seat| seat.user_id).collect(),
            ready_check: row.status == MatchStatus::ReadyCheck,
            at: now,
        };
        let tx = self.core.sql.begin().await?;
        matches::Entity::insert(matches::ActiveModel::from(row).reset_all())
            .exec_without_returning(&tx)
            .await?;
        let mut facts = vec![fact];
        for ticket in proposal.teams.iter().flatten() {
            let players = holders.get(ticket).map_or(0, Vec::len) as u64;
            let claimed = tickets::end(&tx, *ticket, TicketState::Matched, Some(id), now).await?
                && engagements::promote(&tx, *ticket, id).await? == players;
            if !claimed {
                return Ok(false);
            }
            let users = holders.get(ticket).into_iter().flatten().map(|(user, _)| *user).collect();
            facts.push(Fact::Ticket { ticket: *ticket, mode: mode.id.clone(), players: users });
        }
        let seats =
            seats.into_iter().map(|seat| match_players::ActiveModel::from(seat).reset_all());
        match_players::Entity::insert_many(seats).exec_without_returning(&tx).await?;
        self.core.commit(tx, &facts).await?;
        metrics::counter!("rankedhonor_matches_made_total", "mode" => mode.id.to_string())
            .increment(1);
        Ok(true)
    }

    fn match_row(
        &self,
        id: MatchId,
        mode: &Mode,
        proposal: &Proposal,
        holders: &HashMap<TicketId, Vec<(UserId, Rating)>>,
        now: Timestamp,
    ) -> Result<matches::Model> {
        let teams: Vec<Vec<Rating>> = proposal
            .teams
            .iter()
            .map(|team| {
                let players = team.iter().filter_map(|ticket| holders.get(ticket)).flatten();
                players.map(|(_, rating)| *rating).collect()
            })
            .collect();
        let values: Vec<_> = teams.iter().flatten().map(|rating| rating.value).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let chances = win_probabilities(&teams, &mode.rating);
        let (status, deadline_ms) = if mode.ready_check_ms > 0 {
            (MatchStatus::ReadyCheck, mode.ready_check_ms)
        } else {
            (MatchStatus::Pending, mode.start_deadline_ms)
        };
        Ok(matches::Model {
            id,
            mode: mode.id.clone(),
            region: proposal.region.clone(),
            season_id: self.core.season()?.id,
            status,
            average_mmr: shown(values.iter().sum::<f64>() / values.len().max(1) as f64),
            mmr_spread: shown(high - low),
            win_probabilities: serde_json::to_string(&chances).map_err(Error::internal)?,
            created_at: now,
            started_at: None,
            ended_at: None,
            deadline_at: Some(now.plus_ms(deadline_ms)),
            cancel_reason: None,
            endpoint: None,
            result_hash: None,
            team_results: None,
        })
    }

    /// Puts tickets of a match that fell through back into the queue, with their seniority. The players must be released.
    pub(super) async fn requeue(
        &self,
        tx: &DatabaseTransaction,
        ids: &[TicketId],
    ) -> Result<Vec<Fact>> {
        let now = now();
        let mut facts = Vec::new();
        for old in tickets::by_ids(tx, ids).await? {
            let holders: Vec<_> = ticket_players::of_tickets(tx, &[old.id])
                .await?
                .into_iter()
                .map(|row| (row.user_id, row.rating()))
                .collect();
            let ticket = tickets::Model {
                id: TicketId::from_uuid(Uuid::now_v7()),
                state: TicketState::Searching,
                expires_at: self.expiry(now),
                ended_at: None,
                match_id: None,
                ..old
            };
            enqueue(tx, &ticket, &holders).await?;
            facts.push(ticket_fact(&ticket, holders.iter().map(|(user, _)| *user).collect()));
        }
        Ok(facts)
    }

    async fn rating_of(
        &self,
        tx: &DatabaseTransaction,
        user: UserId,
        mode: &Mode,
    ) -> Result<Rating> {
        let season = self.core.season()?.id;
        let rows = standings::of_users(tx, season, &mode.id, &[user]).await?;
        Ok(rows.first().map_or_else(|| mode.rating.start(), |row| row.standing().rating))
    }

    fn checked_regions(
        &self,
        regions: Vec<(RegionId, Option<i32>)>,
        profile: Option<RegionId>,
    ) -> Result<Vec<(RegionId, Option<u32>)>> {
        if regions.len() > self.core.catalog.regions().len() {
            return Err(Error::bad_input("input.regions", "name each region once at most"));
        }
        let mut checked: Vec<(RegionId, Option<u32>)> = Vec::new();
        for (index, (region, latency)) in regions.into_iter().enumerate() {
            self.core.region(&format!("input.regions[{index}].region"), &region)?;
            if checked.iter().any(|(named, _)| *named == region) {
                return Err(Error::bad_input(
                    format!("input.regions[{index}].region"),
                    "this region is named twice",
                ));
            }
            let latency = match latency {
                None => None,
                Some(ms @ 0..=LATENCY_MAX_MS) => u32::try_from(ms).ok(),
                Some(_) => {
                    return Err(Error::bad_input(
                        format!("input.regions[{index}].latencyMs"),
                        format!("a round trip takes 0 to {LATENCY_MAX_MS} ms"),
                    ));
                }
            };
            checked.push((region, latency));
        }
        if checked.is_empty() {
            // A profile without a region plays where the list of regions begins.
            let first = self.core.catalog.regions().first().map(|region| region.id.clone());
            checked.extend(profile.or(first).map(|region| (region, None)));
        }
        Ok(checked)
    }

    fn ttl_ms(&self) -> i64 {
        i64::from(self.core.config.settings.matchmaking.ticket_ttl_seconds) * 1000
    }

    fn expiry(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(self.ttl_ms())
    }
}

/// How long a ticket has waited, or had when it ended, in milliseconds.
pub fn waited_ms(ticket: &tickets::Model) -> i64 {
    ticket.ended_at.unwrap_or_else(now).since(ticket.joined_at).max(0)
}

fn seats(
    id: MatchId,
    proposal: &Proposal,
    holders: &HashMap<TicketId, Vec<(UserId, Rating)>>,
) -> Vec<match_players::Model> {
    let mut seats = Vec::new();
    for (tickets, team) in proposal.teams.iter().zip(0..) {
        let players = tickets.iter().flat_map(|ticket| {
            holders.get(ticket).into_iter().flatten().map(move |player| (ticket, player))
        });
        for ((ticket, (user, rating)), slot) in players.zip(0..) {
            seats.push(match_players::Model {
                match_id: id,
                user_id: *user,
                ticket_id: *ticket,
                team,
                slot,
                mmr_before: shown(rating.value),
                mmr_after: None,
                accepted: None,
                kills: 0,
                deaths: 0,
                assists: 0,
                hero: None,
                abandoned: false,
            });
        }
    }
    seats
}

fn refuse_engaged(engaged: Option<&engagements::Model>) -> Result<()> {
    match engaged {
        None => Ok(()),
        Some(row) if row.match_id.is_some() => {
            Err(Error::conflict(Reason::InMatch, "you are in a match that is not over"))
        }
        Some(_) => Err(Error::conflict(Reason::AlreadyQueued, "you are in the queue already")),
    }
}

async fn enqueue(
    tx: &DatabaseTransaction,
    ticket: &tickets::Model,
    holders: &[(UserId, Rating)],
) -> Result<()> {
    tickets::Entity::insert(tickets::ActiveModel::from(ticket.clone()).reset_all())
        .exec_without_returning(tx)
        .await?;
    let rows = holders.iter().map(|(user, rating)| {
        ticket_players::ActiveModel::from(ticket_players::Model {
            ticket_id: ticket.id,
            user_id: *user,
            rating: rating.value,
            deviation: rating.deviation,
            volatility: rating.volatility,
        })
        .reset_all()
    });
    ticket_players::Entity::insert_many(rows).exec_without_returning(tx).await?;
    let users: Vec<_> = holders.iter().map(|(user, _)| *user).collect();
    match engagements::queue(tx, &users, ticket.id).await {
        Err(error) if is_unique_violation(&error) => {
            Err(Error::conflict(Reason::AlreadyQueued, "you are in the queue already"))
        }
        other => Ok(other?),
    }
}

fn ticket_fact(ticket: &tickets::Model, players: Vec<UserId>) -> Fact {
    Fact::Ticket { ticket: ticket.id, mode: ticket.mode.clone(), players }
}

/// The value that `part` of ascending values stay at or under.
fn quantile(ascending: &[i64], part: f64) -> Option<i64> {
    let last = ascending.len().checked_sub(1)?;
    ascending.get((last as f64 * part).round() as usize).copied()
}
