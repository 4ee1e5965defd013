//! Tickets: joining, leaving, waiting and going back (rules 6 to 9).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use moka::future::Cache;
use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::{
    core::{Core, now},
    parties,
    pool::Pool,
    waits::{FRESH, Known},
};
use crate::{
    backends::{
        documents::DAY_MS,
        sql::{Tx, retrying},
    },
    entities::{engagements, is_unique_violation, match_players, ticket_players, tickets},
    error::{Error, Reason, Result},
    game::{
        event::Fact,
        ids::{TicketId, UserId},
        matches::TicketState,
        mode::ModeId,
        pairing::Candidate,
        rating::Rating,
        time::Timestamp,
    },
};

/// How often a waiting ticket's tolerance is told, in milliseconds: it widens all the time.
const WIDENED_MS: i64 = 5_000;

/// Tickets that are forgotten in one transaction, and such transactions in one sweep.
const CHUNK: u64 = 500;
const CHUNKS: usize = 20;

/// See the module.
pub struct Queue {
    pub(super) core: Arc<Core>,
    /// What is known of each mode's queue.
    pub(super) known: Cache<ModeId, Arc<Known>>,
    /// Everybody who waits in a mode, for explanations.
    pub(super) waiting: Cache<ModeId, Arc<Vec<Candidate>>>,
    /// What this instance follows of the modes that it leads.
    pools: Mutex<HashMap<ModeId, Arc<tokio::sync::Mutex<Option<Pool>>>>>,
}

impl Queue {
    pub(super) fn new(core: Arc<Core>) -> Self {
        let known = Cache::builder().max_capacity(256).time_to_live(FRESH).build();
        let waiting = Cache::builder().max_capacity(256).time_to_live(FRESH).build();
        Self { core, known, waiting, pools: Mutex::default() }
    }

    /// What is followed of a mode; empty until this instance leads it.
    pub(super) fn pool_of(&self, mode: &ModeId) -> Arc<tokio::sync::Mutex<Option<Pool>>> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(mode.clone()).or_default().clone()
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
        let (ticket, fact) = self.cancel_in(&tx, id).await?;
        self.core.commit(tx, &[fact]).await?;
        Ok(Some(ticket))
    }

    /// Takes a waiting ticket out of the queue; the fact tells of it.
    pub(super) async fn cancel_in(&self, tx: &Tx, id: TicketId) -> Result<(tickets::Model, Fact)> {
        let ticket = self.end(tx, id, TicketState::Cancelled).await?;
        let players = ticket_players::of_tickets(tx, &[id]).await?;
        let fact = ticket_fact(&ticket, players.iter().map(|p| p.user_id).collect());
        Ok((ticket, fact))
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

    /// Forgets tickets that ended long enough ago.
    ///
    /// # Errors
    /// When the database fails: the next sweep goes on.
    pub async fn sweep(&self) -> Result<()> {
        let days = i64::from(self.core.config.settings.retention.tickets_days);
        for _ in 0..CHUNKS {
            let tx = self.core.sql.begin().await?;
            let over = tickets::over_before(&tx, now().plus_ms(-days * DAY_MS), CHUNK).await?;
            if over.is_empty() {
                break;
            }
            ticket_players::forget(&tx, &over).await?;
            tickets::forget(&tx, &over).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// How long it is from one wave to the next.
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.core.rulebook.settings().tick_ms)
    }

    /// When a waiting ticket is worth another look: its tolerance has widened a little, or its renewal is due.
    pub fn next_change_in(&self) -> Duration {
        Duration::from_millis((self.ttl_ms() / 3).clamp(10, WIDENED_MS).unsigned_abs())
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

    /// Puts tickets of a match that fell through back into the queue, with their seniority: all but those of parties that have
    /// changed since. The players must be released.
    pub(super) async fn requeue(&self, tx: &Tx, ids: &[TicketId]) -> Result<Vec<Fact>> {
        let now = now();
        let mut facts = Vec::new();
        for old in tickets::by_ids(tx, ids).await? {
            let holders: Vec<_> = ticket_players::of_tickets(tx, &[old.id])
                .await?
                .into_iter()
                .map(|row| (row.user_id, row.rating()))
                .collect();
            if !parties::is_whole(tx, old.party_id, &holders).await? {
                continue;
            }
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

    fn ttl_ms(&self) -> i64 {
        i64::from(self.core.rulebook.settings().ticket_ttl_seconds) * 1000
    }

    pub(super) fn expiry(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(self.ttl_ms())
    }
}

/// How long a ticket has waited, or had when it ended, in milliseconds.
pub fn waited_ms(ticket: &tickets::Model) -> i64 {
    ticket.ended_at.unwrap_or_else(now).since(ticket.joined_at).max(0)
}

/// Adds a ticket, whose holders nobody else has.
pub(super) async fn enqueue(
    tx: &Tx,
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

/// A ticket was made or changed.
pub(super) fn ticket_fact(ticket: &tickets::Model, players: Vec<UserId>) -> Fact {
    Fact::Ticket { ticket: ticket.id, mode: ticket.mode.clone(), players }
}
