//! Parties.

use async_graphql::{ComplexObject, Context, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    context::{Result, loaders, parse_id, sees, services, signed_in, viewer},
    users::user_of,
};
use crate::{
    game::ids::PartyId,
    schema::{
        parties::{
            JoinPartyInput, LeavePartyPayload, Party, PartyMember, PartyMemberInput, PartyPayload,
            SetPartyReadyInput,
        },
        queue::QueueTicket,
        scalars::DateTime,
        users::User,
    },
    services::parties,
};

impl From<parties::Party> for Party {
    fn from(party: parties::Party) -> Self {
        Self {
            id: party.row.id.to_string().into(),
            created_at: DateTime(party.row.created_at),
            leader_id: party.row.leader_id,
            private_code: party.row.join_code,
            rows: party.members,
        }
    }
}

fn payload(party: parties::Party) -> PartyPayload {
    PartyPayload { party: party.into() }
}

/// See the module.
#[derive(Default)]
pub struct PartyQuery;

#[Object]
impl PartyQuery {
    /// The viewer's party; null when in none.
    async fn my_party(&self, ctx: &Context<'_>) -> Option<Result<Party>> {
        let found = async {
            let who = signed_in(ctx)?;
            Ok(services(ctx).parties.of(who.user).await?)
        };
        found.await.map(|party| party.map(Into::into)).transpose()
    }
}

/// See the module.
#[derive(Default)]
pub struct PartyMutation;

#[Object]
impl PartyMutation {
    /// Makes a party, of which the viewer is the leader.
    async fn create_party(&self, ctx: &Context<'_>) -> Result<PartyPayload> {
        Ok(payload(services(ctx).parties.create(signed_in(ctx)?.user).await?))
    }

    /// Joins a party by the code that a member was shown.
    async fn join_party(&self, ctx: &Context<'_>, input: JoinPartyInput) -> Result<PartyPayload> {
        let who = signed_in(ctx)?;
        Ok(payload(services(ctx).parties.join(who.user, &input.join_code).await?))
    }

    /// A party without members ends; a leader who leaves hands over to the longest member. A party that waits leaves the queue.
    async fn leave_party(&self, ctx: &Context<'_>) -> Result<LeavePartyPayload> {
        let who = signed_in(ctx)?;
        let services = services(ctx);
        Ok(LeavePartyPayload { left: services.parties.leave(services, who.user).await? })
    }

    /// The leader puts a member out. A party that waits leaves the queue.
    async fn kick_from_party(
        &self,
        ctx: &Context<'_>,
        input: PartyMemberInput,
    ) -> Result<PartyPayload> {
        let (who, services) = (signed_in(ctx)?, services(ctx));
        let user = parse_id("input.userId", &input.user_id)?;
        Ok(payload(services.parties.kick(services, who.user, user).await?))
    }

    /// The leader makes another member the leader.
    async fn promote_party_leader(
        &self,
        ctx: &Context<'_>,
        input: PartyMemberInput,
    ) -> Result<PartyPayload> {
        let who = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        Ok(payload(services(ctx).parties.promote(who.user, user).await?))
    }

    /// Says whether the viewer is ready to queue. Somebody who is not takes a party that waits out of the queue.
    async fn set_party_ready(
        &self,
        ctx: &Context<'_>,
        input: SetPartyReadyInput,
    ) -> Result<PartyPayload> {
        let (who, services) = (signed_in(ctx)?, services(ctx));
        Ok(payload(services.parties.set_ready(services, who.user, input.ready).await?))
    }
}

/// See the module.
#[derive(Default)]
pub struct PartySubscription;

#[Subscription]
impl PartySubscription {
    /// The viewer's party: as it is now, then each change. Completes when the viewer is out of it.
    async fn party_updated(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<Party>> + use<>> {
        let who = signed_in(ctx)?;
        let stream = services(ctx).clone().watch_party(who.user).await?;
        Ok(stream.map(|party| party.map(Into::into).map_err(Into::into)))
    }
}

#[ComplexObject]
impl Party {
    /// Who queues for all.
    async fn leader(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.leader_id).await
    }

    /// Who is in it, the longest first.
    async fn members(&self) -> Vec<PartyMember> {
        self.rows.iter().cloned().map(Into::into).collect()
    }

    /// What others need to join; null for everyone but the members.
    async fn join_code(&self, ctx: &Context<'_>) -> Option<&str> {
        self.tells(ctx, "Party.joinCode").then_some(&*self.private_code)
    }

    /// With which it waits, for its members and admins; null when it is not in the queue, and for everyone else.
    async fn ticket(&self, ctx: &Context<'_>) -> Option<Result<QueueTicket>> {
        if !self.tells(ctx, "Party.ticket") {
            return None;
        }
        let id: PartyId = self.id.parse().ok()?;
        let found = loaders(ctx).party_ticket((id, self.leader_id)).await;
        found.map(|row| row.map(Into::into)).transpose()
    }
}

impl Party {
    /// Whether whoever asks sees that field of it.
    fn tells(&self, ctx: &Context<'_>, field: &str) -> bool {
        let user = viewer(ctx).user_id();
        sees(ctx, field, self.rows.iter().any(|row| Some(row.user_id) == user))
    }
}

#[ComplexObject]
impl PartyMember {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.user_id).await
    }
}
