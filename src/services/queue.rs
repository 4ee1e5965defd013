//! Tickets: joining, leaving, waiting and going back (rules 6 to 9).

use std::{collections::HashMap, sync::Arc, time::Duration};

use moka::future::Cache;
use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::{
    core::{Core, now},
    waits::{FRESH, Wait},
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{
        engagements, is_unique_violation, match_players, standings, ticket_players, tickets, users,
    },
    error::{Error, Reason, Result},
    game::{
        event::Fact,
        ids::{TicketId, UserId},
        matches::TicketState,
        mode::{Mode, ModeId, RegionId},
        rating::Rating,
        standing::shown,
        time::Timestamp,
    },
};

/// A round trip that no client measures, in milliseconds.
const LATENCY_MAX_MS: i32 = 10_000;

/// See the module.
pub struct Queue {
    pub(super) core: Arc<Core>,
    /// The last waits of each mode, ascending.
    pub(super) waits: Cache<ModeId, Arc<Vec<Wait>>>,
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
        retrying(|| self.try_join(user, mode, &regions)).await
    }

    async fn try_join(
        &self,
        user: UserId,
        mode: &str,
        regions: &[(RegionId, Option<i32>)],
    ) -> Result<tickets::Model> {
        let mode = self.core.mode("input.mode", mode)?.clone();
        let tx = self.core.sql.begin().await?;
        let profile = users::lock(&tx, &[user]).await?.pop();
        let profile =
            profile.ok_or_else(|| Error::Unauthenticated("this account is gone".into()))?;
        if profile.is_suspended(now()) {
            return Err(Error::Forbidden("this account is suspended".into()));
        }
        let regions = self.checked_regions(regions.to_vec(), profile.region)?;
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
        retrying(|| self.try_leave(user)).await
    }

    async fn try_leave(&self, user: UserId) -> Result<Option<tickets::Model>> {
        let tx = self.core.sql.begin().await?;
        let engaged = engagements::of_user(&tx, user).await?;
        let Some(id) = engaged.and_then(|row| row.ticket_id) else { return Ok(None) };
        let ticket = tickets::lock(&tx, id).await?;
        if ticket.is_none_or(|ticket| ticket.state != TicketState::Searching) {
            return Ok(None);
        }
        let ticket = self.end(&tx, id, TicketState::Cancelled).await?;
        let players = ticket_players::of_tickets(&tx, &[id]).await?;
        let fact = ticket_fact(&ticket, players.iter().map(|p| p.user_id).collect());
        self.core.commit(tx, &[fact]).await?;
        Ok(Some(ticket))
    }

    async fn end(&self, tx: &Tx, id: TicketId, state: TicketState) -> Result<tickets::Model> {
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

    /// Ends waiting tickets that nobody renewed in time; says how many.
    pub async fn expire(&self) -> Result<usize> {
        let overdue = tickets::overdue(self.core.sql.read(), now(), 500).await?;
        for ticket in &overdue {
            retrying(|| self.expire_one(ticket.id)).await?;
        }
        Ok(overdue.len())
    }

    async fn expire_one(&self, id: TicketId) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        // Renewed or matched meanwhile: let it be.
        let fresh = tickets::lock(&tx, id).await?;
        if !fresh.is_some_and(|t| t.state == TicketState::Searching && t.expires_at <= now()) {
            return Ok(());
        }
        let ended = self.end(&tx, id, TicketState::Expired).await?;
        let players = ticket_players::of_tickets(&tx, &[id]).await?;
        let fact = ticket_fact(&ended, players.iter().map(|p| p.user_id).collect());
        self.core.commit(tx, &[fact]).await.map(drop)
    }

    /// Puts tickets of a match that fell through back into the queue, with their seniority. The players must be released.
    pub(super) async fn requeue(&self, tx: &Tx, ids: &[TicketId]) -> Result<Vec<Fact>> {
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

    async fn rating_of(&self, tx: &Tx, user: UserId, mode: &Mode) -> Result<Rating> {
        let season = self.core.season()?.id;
        if let Some(row) = standings::of_users(tx, season, &mode.id, &[user]).await?.first() {
            return Ok(row.standing().rating);
        }
        let carried = self.core.carried(tx, season, mode, &[user]).await?;
        Ok(carried.get(&user).map_or_else(|| mode.rating.start(), |standing| standing.rating))
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

fn refuse_engaged(engaged: Option<&engagements::Model>) -> Result<()> {
    match engaged {
        None => Ok(()),
        Some(row) if row.match_id.is_some() => {
            Err(Error::conflict(Reason::InMatch, "you are in a match that is not over"))
        }
        Some(_) => Err(Error::conflict(Reason::AlreadyQueued, "you are in the queue already")),
    }
}

async fn enqueue(tx: &Tx, ticket: &tickets::Model, holders: &[(UserId, Rating)]) -> Result<()> {
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
