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
    parties::{self, Party},
    penalties,
    pool::Pool,
    waits::{FRESH, Known},
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
        pairing::Candidate,
        rating::Rating,
        time::Timestamp,
    },
};

/// A round trip that no client measures, in milliseconds.
const LATENCY_MAX_MS: i32 = 10_000;

/// How often a waiting ticket's tolerance is told, in milliseconds: it widens all the time.
const WIDENED_MS: i64 = 5_000;

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

    /// Queues a player, or the party that they lead. Without regions, the profile's counts.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an unknown mode or region, or a party that is larger than a team; FORBIDDEN for a member who does not
    /// lead; CONFLICT (ALREADY_QUEUED, IN_MATCH, PARTY_NOT_READY, QUEUE_LOCKED) where somebody is engaged, not ready, or locked.
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
        let party = parties::locked_of(&tx, user).await?;
        let members = match &party {
            Some(party) => ready_members(party, user, &mode)?,
            None => vec![user],
        };
        let profiles = users::lock(&tx, &members).await?;
        let profile = profiles.iter().find(|profile| profile.id == user);
        let profile =
            profile.ok_or_else(|| Error::Unauthenticated("this account is gone".into()))?;
        if let Some(suspended) = profiles.iter().find(|profile| profile.is_suspended(now())) {
            let whose = called(suspended.id, user, &suspended.username);
            return Err(Error::Forbidden(format!("the account of {whose} is suspended")));
        }
        let regions = self.checked_regions(regions.to_vec(), profile.region.clone())?;
        for engaged in engagements::of_users(&tx, &members).await? {
            refuse_engaged(&engaged, user)?;
        }
        let now = now();
        penalties::refuse_locked(&tx, user, &profiles, now).await?;
        let mut holders = Vec::with_capacity(members.len());
        for member in &members {
            holders.push((*member, self.rating_of(&tx, *member, &mode).await?));
        }
        let ratings: Vec<_> = holders.iter().map(|(_, rating)| *rating).collect();
        let ticket = tickets::Model {
            id: TicketId::from_uuid(Uuid::now_v7()),
            mode: mode.id.clone(),
            state: TicketState::Searching,
            regions: serde_json::to_string(&regions).map_err(Error::internal)?,
            mmr: self.core.rulebook.of(&mode).queue_rating(&ratings),
            joined_at: now,
            expires_at: self.expiry(now),
            ended_at: None,
            match_id: None,
            party_id: party.map(|party| party.row.id),
        };
        enqueue(&tx, &ticket, &holders).await?;
        let fact = ticket_fact(&ticket, members);
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
        i64::from(self.core.rulebook.settings().ticket_ttl_seconds) * 1000
    }

    fn expiry(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(self.ttl_ms())
    }
}

/// How long a ticket has waited, or had when it ended, in milliseconds.
pub fn waited_ms(ticket: &tickets::Model) -> i64 {
    ticket.ended_at.unwrap_or_else(now).since(ticket.joined_at).max(0)
}

/// What a message calls a member of a party.
pub(super) fn called(who: UserId, viewer: UserId, username: &str) -> String {
    if who == viewer { "you".into() } else { username.into() }
}

/// The members of a party, whom only its leader queues, and only when all others are ready.
fn ready_members(party: &Party, user: UserId, mode: &Mode) -> Result<Vec<UserId>> {
    if party.row.leader_id != user {
        return Err(Error::Forbidden("only the party's leader queues".into()));
    }
    let (size, most) = (party.members.len(), usize::from(mode.pairing.team_size));
    if size > most {
        let message = format!("your party has {size} members; a team of {} has {most}", mode.name);
        return Err(Error::bad_input("input.mode", message));
    }
    if party.members.iter().any(|member| !member.ready && member.user_id != user) {
        let message = "not everybody in your party is ready";
        return Err(Error::conflict(Reason::PartyNotReady, message));
    }
    Ok(party.users())
}

fn refuse_engaged(engaged: &engagements::Model, viewer: UserId) -> Result<()> {
    let own = engaged.user_id == viewer;
    let who = if own { "you are" } else { "somebody in your party is" };
    Err(if engaged.match_id.is_some() {
        Error::conflict(Reason::InMatch, format!("{who} in a match that is not over"))
    } else {
        Error::conflict(Reason::AlreadyQueued, format!("{who} in the queue already"))
    })
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
