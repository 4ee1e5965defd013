//! Parties: people who queue together. What changes a party that waits takes it out of the queue.

use std::{collections::HashMap, sync::Arc};

use rand::RngExt;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait, Set};
use uuid::Uuid;

use super::{
    Services,
    core::{Core, now},
    patience::patiently,
    watch::Live,
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{engagements, is_unique_violation, parties, party_members, tickets},
    error::{Error, Reason, Result},
    game::{
        event::{Fact, Topic},
        ids::{PartyId, UserId},
        matches::TicketState,
        rating::Rating,
    },
};

/// The letters of a join code, which nobody mistakes for each other, and how many it has: 40 bits.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LENGTH: usize = 8;

/// A party with its members, the longest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    /// The party.
    pub row: parties::Model,
    /// Who is in it.
    pub members: Vec<party_members::Model>,
}

impl Party {
    /// The ids of its members.
    pub fn users(&self) -> Vec<UserId> {
        self.members.iter().map(|member| member.user_id).collect()
    }

    fn has(&self, user: UserId) -> bool {
        self.members.iter().any(|member| member.user_id == user)
    }
}

/// See the module.
pub struct Parties {
    core: Arc<Core>,
}

impl Parties {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The party of a user.
    pub async fn of(&self, user: UserId) -> Result<Option<Party>> {
        let Some(member) = party_members::of_user(self.core.sql.read(), user).await? else {
            return Ok(None);
        };
        self.get(member.party_id).await
    }

    /// The party of that id.
    pub async fn get(&self, id: PartyId) -> Result<Option<Party>> {
        let db = self.core.sql.read();
        let Some(row) = parties::by_id(db, id).await? else { return Ok(None) };
        Ok(Some(Party { row, members: party_members::of_parties(db, &[id]).await? }))
    }

    /// The live tickets of these parties.
    pub async fn tickets_of(
        &self,
        parties: &[(PartyId, UserId)],
    ) -> Result<HashMap<PartyId, tickets::Model>> {
        let db = self.core.sql.read();
        let leaders: Vec<_> = parties.iter().map(|(_, leader)| *leader).collect();
        let engaged = engagements::of_users(db, &leaders).await?;
        let ids: Vec<_> = engaged.iter().filter_map(|row| row.ticket_id).collect();
        let found = tickets::by_ids(db, &ids).await?;
        let of_party = |id: PartyId| found.iter().find(|ticket| ticket.party_id == Some(id));
        Ok(parties.iter().filter_map(|(id, _)| Some((*id, of_party(*id)?.clone()))).collect())
    }

    /// Makes a party of one.
    ///
    /// # Errors
    /// CONFLICT (IN_PARTY, ALREADY_QUEUED) for somebody who is in one or in the queue.
    pub async fn create(&self, user: UserId) -> Result<Party> {
        retrying(|| self.try_create(user)).await
    }

    async fn try_create(&self, user: UserId) -> Result<Party> {
        let tx = self.core.sql.begin().await?;
        refuse_queued(&tx, user).await?;
        let row = parties::Model {
            id: PartyId::from_uuid(Uuid::now_v7()),
            leader_id: user,
            join_code: made_code(),
            created_at: now(),
        };
        let inserted = row.clone().into_active_model().reset_all();
        parties::Entity::insert(inserted).exec_without_returning(&tx).await?;
        add_member(&tx, row.id, user).await?;
        self.told(tx, row.id, &[]).await
    }

    /// Joins the party of that code.
    ///
    /// # Errors
    /// NOT_FOUND for a code of no party; CONFLICT (IN_PARTY, ALREADY_QUEUED, PARTY_FULL) for somebody who is in another party or
    /// in the queue, a party that is in the queue, or one that is as large as the largest team.
    pub async fn join(&self, user: UserId, code: &str) -> Result<Party> {
        let code = code.trim().to_ascii_uppercase();
        retrying(|| self.try_join(user, &code)).await
    }

    async fn try_join(&self, user: UserId, code: &str) -> Result<Party> {
        let tx = self.core.sql.begin().await?;
        let found = parties::by_code(&tx, code).await?.ok_or(Error::NotFound("party"))?;
        let party = locked(&tx, found.id).await?.ok_or(Error::NotFound("party"))?;
        if party.has(user) {
            return Ok(party);
        }
        refuse_queued(&tx, user).await?;
        if waiting(&tx, &party).await?.is_some() {
            let message = "this party is in the queue; it has to leave it first";
            return Err(Error::conflict(Reason::AlreadyQueued, message));
        }
        let most = self.largest_team();
        if party.members.len() >= most {
            let message = format!("this party is full: it has {most} members, as many as a team");
            return Err(Error::conflict(Reason::PartyFull, message));
        }
        add_member(&tx, party.row.id, user).await?;
        self.told(tx, party.row.id, &[]).await
    }

    fn largest_team(&self) -> usize {
        let sizes = self.core.catalog.modes().iter().map(|mode| mode.pairing.team_size);
        sizes.max().map_or(1, usize::from)
    }

    /// Leaves the party, which leaves the queue; false for somebody who was in none.
    pub async fn leave(&self, services: &Services, user: UserId) -> Result<bool> {
        retrying(|| self.try_leave(services, user)).await
    }

    async fn try_leave(&self, services: &Services, user: UserId) -> Result<bool> {
        let tx = self.core.sql.begin().await?;
        let Some(party) = locked_of(&tx, user).await? else { return Ok(false) };
        self.without(services, tx, party, user).await?;
        Ok(true)
    }

    /// The leader puts a member out.
    ///
    /// # Errors
    /// NOT_FOUND without a party or such a member, FORBIDDEN for others than the leader, BAD_USER_INPUT for the leader
    /// themselves.
    pub async fn kick(&self, services: &Services, by: UserId, user: UserId) -> Result<Party> {
        retrying(|| self.try_kick(services, by, user)).await
    }

    async fn try_kick(&self, services: &Services, by: UserId, user: UserId) -> Result<Party> {
        let tx = self.core.sql.begin().await?;
        let party = led(&tx, by, user).await?;
        if by == user {
            return Err(Error::bad_input("input.userId", "to go yourself, leave the party"));
        }
        let party = self.without(services, tx, party, user).await?;
        party.ok_or(Error::NotFound("party"))
    }

    /// The leader makes another member the leader.
    ///
    /// # Errors
    /// NOT_FOUND without a party or such a member, FORBIDDEN for others than the leader.
    pub async fn promote(&self, by: UserId, user: UserId) -> Result<Party> {
        retrying(|| self.try_promote(by, user)).await
    }

    async fn try_promote(&self, by: UserId, user: UserId) -> Result<Party> {
        let tx = self.core.sql.begin().await?;
        let Party { row, .. } = led(&tx, by, user).await?;
        let row = set_leader(&tx, row, user).await?;
        self.told(tx, row.id, &[]).await
    }

    /// Says whether a member is ready to queue; somebody who is not takes the party out of the queue.
    ///
    /// # Errors
    /// NOT_FOUND without a party.
    pub async fn set_ready(&self, services: &Services, user: UserId, ready: bool) -> Result<Party> {
        retrying(|| self.try_set_ready(services, user, ready)).await
    }

    async fn try_set_ready(&self, services: &Services, user: UserId, ready: bool) -> Result<Party> {
        let tx = self.core.sql.begin().await?;
        let party = locked_of(&tx, user).await?.ok_or(Error::NotFound("party"))?;
        let member = party.members.iter().find(|member| member.user_id == user);
        if member.is_some_and(|member| member.ready == ready) {
            return Ok(party);
        }
        let mut facts = Vec::new();
        if !ready {
            facts.extend(out_of_queue(services, &tx, &party).await?);
        }
        if let Some(member) = member {
            let mut member = member.clone().into_active_model();
            member.ready = Set(ready);
            member.update(&tx).await?;
        }
        self.told(tx, party.row.id, &facts).await
    }

    /// Takes somebody out of a party, and the party out of the queue; none: the party is over.
    async fn without(
        &self,
        services: &Services,
        tx: Tx,
        party: Party,
        user: UserId,
    ) -> Result<Option<Party>> {
        let mut facts = out_of_queue(services, &tx, &party).await?;
        let id = party.row.id;
        let (gone, left): (Vec<_>, Vec<_>) =
            party.members.into_iter().partition(|member| member.user_id == user);
        for member in gone {
            member.delete(&tx).await?;
        }
        facts.push(Fact::Party { party: id, members: vec![user] });
        let Some(longest) = left.first() else {
            party.row.delete(&tx).await?;
            self.core.commit(tx, &facts).await?;
            return Ok(None);
        };
        if party.row.leader_id == user {
            set_leader(&tx, party.row, longest.user_id).await?;
        }
        self.told(tx, id, &facts).await.map(Some)
    }

    /// Commits a change of a party, which its members hear of.
    async fn told(&self, tx: Tx, id: PartyId, more: &[Fact]) -> Result<Party> {
        let row = parties::by_id(&tx, id).await?.ok_or(Error::NotFound("party"))?;
        let party = Party { row, members: party_members::of_parties(&tx, &[id]).await? };
        let mut facts = more.to_vec();
        facts.push(Fact::Party { party: id, members: party.users() });
        self.core.commit(tx, &facts).await?;
        Ok(party)
    }
}

impl Services {
    /// A user's party, now and at each change, until they are out of it.
    ///
    /// # Errors
    /// NOT_FOUND for somebody who is in none.
    pub async fn watch_party(self: Arc<Self>, user: UserId) -> Result<Live<Party>> {
        // Heard from before it is looked at, so that nothing falls between.
        let mut bus = self.core.bus.subscribe(Topic::Player(user));
        let first = self.parties.of(user).await?.ok_or(Error::NotFound("party"))?;
        let id = first.row.id;
        Ok(Box::pin(async_stream::try_stream! {
            let mut shown = (first.clone(), self.ticket_of(&first).await?);
            yield first;
            while bus.next().await.is_some() {
                let look = || async {
                    let party = self.parties.of(user).await?.filter(|party| party.row.id == id);
                    let Some(party) = party else { return Ok(None) };
                    let ticket = self.ticket_of(&party).await?;
                    Ok(Some((party, ticket)))
                };
                let Some(seen) = patiently(look).await? else { break };
                if seen != shown {
                    shown = seen.clone();
                    yield seen.0;
                }
            }
        }))
    }

    async fn ticket_of(&self, party: &Party) -> Result<Option<tickets::Model>> {
        let mut found = self.parties.tickets_of(&[(party.row.id, party.row.leader_id)]).await?;
        Ok(found.remove(&party.row.id).map(|ticket| tickets::Model {
            // Being renewed is no change.
            expires_at: ticket.joined_at,
            ..ticket
        }))
    }
}

async fn set_leader(tx: &Tx, row: parties::Model, user: UserId) -> Result<parties::Model> {
    let mut row = row.into_active_model();
    row.leader_id = Set(user);
    Ok(row.update(tx).await?)
}

/// A party that nobody else changes until the transaction ends.
pub(super) async fn locked(tx: &Tx, id: PartyId) -> Result<Option<Party>> {
    let Some(row) = parties::lock(tx, id).await? else { return Ok(None) };
    Ok(Some(Party { row, members: party_members::of_parties(tx, &[id]).await? }))
}

/// The party of a user, which nobody else changes until the transaction ends.
pub(super) async fn locked_of(tx: &Tx, user: UserId) -> Result<Option<Party>> {
    let Some(member) = party_members::of_user(tx, user).await? else { return Ok(None) };
    let party = locked(tx, member.party_id).await?;
    // They may have gone before it was locked.
    Ok(party.filter(|party| party.has(user)))
}

/// The party that `by` leads and `user` is a member of.
async fn led(tx: &Tx, by: UserId, user: UserId) -> Result<Party> {
    let party = locked_of(tx, by).await?.ok_or(Error::NotFound("party"))?;
    if party.row.leader_id != by {
        return Err(Error::Forbidden("only the party's leader can".into()));
    }
    let is_there = party.has(user);
    is_there.then_some(party).ok_or(Error::NotFound("member of the party"))
}

/// Whether the holders of a party's ticket still are that party; without a party they are.
pub(super) async fn is_whole(
    tx: &Tx,
    party: Option<PartyId>,
    holders: &[(UserId, Rating)],
) -> Result<bool> {
    let Some(party) = party else { return Ok(true) };
    let members = party_members::of_parties(tx, &[party]).await?;
    let is_member = |user: UserId| members.iter().any(|member| member.user_id == user);
    Ok(members.len() == holders.len() && holders.iter().all(|(user, _)| is_member(*user)))
}

/// The ticket with which a party waits.
async fn waiting(tx: &Tx, party: &Party) -> Result<Option<tickets::Model>> {
    let engaged = engagements::of_users(tx, &party.users()).await?;
    for id in engaged.iter().filter_map(|row| row.ticket_id) {
        let ticket = tickets::lock(tx, id).await?;
        let waits = |ticket: &tickets::Model| {
            ticket.state == TicketState::Searching && ticket.party_id == Some(party.row.id)
        };
        if let Some(ticket) = ticket.filter(waits) {
            return Ok(Some(ticket));
        }
    }
    Ok(None)
}

async fn out_of_queue(services: &Services, tx: &Tx, party: &Party) -> Result<Vec<Fact>> {
    match waiting(tx, party).await? {
        Some(ticket) => Ok(vec![services.queue.cancel_in(tx, ticket.id).await?.1]),
        None => Ok(Vec::new()),
    }
}

async fn refuse_queued(tx: &Tx, user: UserId) -> Result<()> {
    let engaged = engagements::of_user(tx, user).await?;
    if engaged.is_some_and(|row| row.ticket_id.is_some()) {
        let message = "you are in the queue; leave it first";
        return Err(Error::conflict(Reason::AlreadyQueued, message));
    }
    Ok(())
}

async fn add_member(tx: &Tx, party: PartyId, user: UserId) -> Result<()> {
    let row =
        party_members::Model { user_id: user, party_id: party, ready: false, joined_at: now() };
    let row = row.into_active_model().reset_all();
    match party_members::Entity::insert(row).exec_without_returning(tx).await {
        Err(error) if is_unique_violation(&error) => {
            Err(Error::conflict(Reason::InParty, "you are in a party; leave it first"))
        }
        other => Ok(other.map(drop)?),
    }
}

fn made_code() -> String {
    let mut random = rand::rng();
    (0..CODE_LENGTH).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}
