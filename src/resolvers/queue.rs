//! Tickets and queues.

use async_graphql::{ComplexObject, Context, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    context::{Result, loaders, sees, services, signed_in, viewer},
    modes::{mode_of, region_of},
    users::user_of,
    watching::open,
};
use crate::{
    game::{
        ids::TicketId,
        mode::{ModeId, RegionId},
    },
    schema::{
        matches::Match,
        modes::{Mode, Region},
        queue::{
            JoinQueueInput, JoinQueuePayload, LeaveQueuePayload, NearestMatch, QueueStats,
            QueueTicket, WaitExplanation,
        },
        scalars::DateTime,
        users::User,
    },
    services::{now, queue, waits},
};

/// See the module.
#[derive(Default)]
pub struct QueueQuery;

#[Object]
impl QueueQuery {
    /// The viewer's live ticket; null when not queued.
    async fn my_ticket(&self, ctx: &Context<'_>) -> Option<Result<QueueTicket>> {
        let found = async {
            let who = signed_in(ctx)?;
            Ok(services(ctx).queue.mine(who.user).await?)
        };
        found.await.map(|row| row.map(Into::into)).transpose()
    }

    /// The numbers of one queue.
    async fn queue_stats(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        region: Option<RegionId>,
    ) -> Result<QueueStats> {
        Ok(services(ctx).queue.stats(mode.as_str(), region.as_ref()).await?.into())
    }
}

/// See the module.
#[derive(Default)]
pub struct QueueMutation;

#[Object]
impl QueueMutation {
    /// Puts the viewer into the queue, or the whole party that they lead, when all its members are ready.
    async fn join_queue(
        &self,
        ctx: &Context<'_>,
        input: JoinQueueInput,
    ) -> Result<JoinQueuePayload> {
        let who = signed_in(ctx)?;
        let regions = input.regions.unwrap_or_default();
        let regions = regions.into_iter().map(|wish| (wish.region, wish.latency_ms)).collect();
        let ticket = services(ctx).queue.join(who.user, input.mode.as_str(), regions).await?;
        Ok(JoinQueuePayload { ticket: ticket.into() })
    }

    /// Takes the viewer out of the queue, and their party with them.
    async fn leave_queue(&self, ctx: &Context<'_>) -> Result<LeaveQueuePayload> {
        let ticket = services(ctx).queue.leave(signed_in(ctx)?.user).await?;
        Ok(LeaveQueuePayload { ticket: ticket.map(Into::into) })
    }
}

/// See the module.
#[derive(Default)]
pub struct QueueSubscription;

#[Subscription]
impl QueueSubscription {
    /// The viewer's ticket: its state now, then each change (tolerance, estimate, match found, cancelled).
    async fn queue_status(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<QueueTicket>> + use<>> {
        let who = signed_in(ctx)?;
        let stream = services(ctx).clone().watch_ticket(who.user);
        Ok(stream.map(|row| row.map(Into::into).map_err(Into::into)))
    }

    /// Public: the numbers of one queue, now and at each change, at most once a second.
    async fn queue_stats(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        region: Option<RegionId>,
    ) -> Result<impl Stream<Item = Result<QueueStats>> + use<>> {
        let stream = services(ctx).clone().watch_stats(mode, region).await?;
        Ok(open(ctx, stream).map(|stats| stats.map(Into::into).map_err(Into::into)))
    }
}

#[ComplexObject]
impl QueueTicket {
    /// What is played.
    async fn mode(&self, ctx: &Context<'_>) -> Mode {
        mode_of(ctx, &self.row.mode)
    }

    /// Where, best first.
    async fn regions(&self, ctx: &Context<'_>) -> Vec<Region> {
        self.row.regions().iter().map(|(id, _)| region_of(ctx, id)).collect()
    }

    /// Who holds it.
    async fn players(&self, ctx: &Context<'_>) -> Result<Vec<User>> {
        let ids = loaders(ctx).ticket_players(self.row.id).await?.unwrap_or_default();
        futures_util::future::try_join_all(ids.into_iter().map(|id| user_of(ctx, id))).await
    }

    /// How long it has waited, or had when it ended.
    async fn waited_seconds(&self) -> f64 {
        queue::waited_ms(&self.row) as f64 / 1000.0
    }

    /// How far from `mmr` an opponent may be now; it widens with the wait.
    async fn mmr_tolerance(&self, ctx: &Context<'_>) -> Result<i32> {
        Ok(services(ctx).queue.tolerance(&self.row).await?)
    }

    /// Expected remaining wait: half of the tickets like this one wait no longer. Null where the queue has too little history.
    async fn estimated_wait_seconds(&self, ctx: &Context<'_>) -> Option<Result<f64>> {
        let estimate = services(ctx).queue.estimate(&self.row).await.transpose()?;
        Some(estimate.map(|left| left.p50_ms as f64 / 1000.0).map_err(Into::into))
    }

    /// Nine of ten tickets like this one wait no longer. Null where the queue has too little history.
    #[graphql(name = "estimatedWaitP90Seconds")]
    async fn estimated_wait_p90_seconds(&self, ctx: &Context<'_>) -> Option<Result<f64>> {
        let estimate = services(ctx).queue.estimate(&self.row).await.transpose()?;
        Some(estimate.map(|left| left.p90_ms as f64 / 1000.0).map_err(Into::into))
    }

    /// Why it still waits: for its players and admins; null for everyone else, and when it does not wait.
    async fn explanation(&self, ctx: &Context<'_>) -> Option<Result<WaitExplanation>> {
        let found = async {
            let theirs = holds(ctx, self.row.id).await?;
            if !sees(ctx, "QueueTicket.explanation", theirs) {
                return Ok(None);
            }
            Ok(services(ctx).queue.explain(&self.row).await?)
        };
        found.await.map(|why| why.map(Into::into)).transpose()
    }

    /// The match that it ended in.
    #[graphql(name = "match")]
    async fn match_(&self, ctx: &Context<'_>) -> Option<Result<Match>> {
        let id = self.row.match_id?;
        loaders(ctx).match_(id).await.map(|row| row.map(Into::into)).transpose()
    }
}

/// Whether whoever asks is one of the ticket's players.
pub async fn holds(ctx: &Context<'_>, id: TicketId) -> Result<bool> {
    let Some(user) = viewer(ctx).user_id() else { return Ok(false) };
    let players = loaders(ctx).ticket_players(id).await?;
    Ok(players.is_some_and(|players| players.contains(&user)))
}

impl From<waits::Stats> for QueueStats {
    fn from(stats: waits::Stats) -> Self {
        Self {
            players_searching: stats.players,
            tickets_searching: stats.tickets,
            matches_last_minute: stats.matches_last_minute,
            median_wait_seconds: stats.median_wait_s,
            p95_wait_seconds: stats.p95_wait_s,
            estimated_wait_seconds: stats.estimate.map(|wait| wait.p50_ms as f64 / 1000.0),
            estimated_wait_p90_seconds: stats.estimate.map(|wait| wait.p90_ms as f64 / 1000.0),
            updated_at: DateTime(now()),
            mode_id: stats.mode,
            region_id: stats.region,
        }
    }
}

#[ComplexObject]
impl NearestMatch {
    /// Where.
    async fn region(&self, ctx: &Context<'_>) -> Region {
        region_of(ctx, &self.region_id)
    }
}

#[ComplexObject]
impl QueueStats {
    /// Of which mode.
    async fn mode(&self, ctx: &Context<'_>) -> Mode {
        mode_of(ctx, &self.mode_id)
    }

    /// Null: all regions together.
    async fn region(&self, ctx: &Context<'_>) -> Option<Region> {
        self.region_id.as_ref().map(|id| region_of(ctx, id))
    }
}
