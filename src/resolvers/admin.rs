//! What moderators and admins do.

use async_graphql::{Context, Object};

use super::context::{Result, parse_id, services, signed_in};
use crate::{
    schema::admin::{
        CreateServerKeyInput, CreateServerKeyPayload, LiftQueueLockInput, LiftQueueLockPayload,
        PlanSeasonEndInput, PlanSeasonEndPayload, ReloadMatchmakingPayload, RevokeServerKeyInput,
        RevokeServerKeyPayload, SetRoleInput, SetRolePayload, StartSeasonInput, StartSeasonPayload,
        SuspendUserInput, SuspendUserPayload,
    },
    services::seasons::NewSeason,
};

/// See the module.
#[derive(Default)]
pub struct AdminMutation;

#[Object]
impl AdminMutation {
    /// Admins. The key is shown this once.
    async fn create_server_key(
        &self,
        ctx: &Context<'_>,
        input: CreateServerKeyInput,
    ) -> Result<CreateServerKeyPayload> {
        let (id, key) = services(ctx).accounts.create_server_key(&input.name).await?;
        Ok(CreateServerKeyPayload {
            id: id.to_string().into(),
            name: input.name.trim().into(),
            key,
        })
    }

    /// Admins. Ends the current season and starts the next. Ratings are carried over, less certain; placement matches are
    /// to be played again.
    async fn start_season(
        &self,
        ctx: &Context<'_>,
        input: StartSeasonInput,
    ) -> Result<StartSeasonPayload> {
        let seasons = &services(ctx).seasons;
        let wanted = NewSeason { name: input.name, ends_at: input.ends_at.map(|at| at.0) };
        if input.dry_run {
            let (season, previews) = seasons.preview(wanted).await?;
            let preview = Some(previews.into_iter().map(Into::into).collect());
            return Ok(StartSeasonPayload { season: season.into(), preview });
        }
        let season = seasons.start(wanted).await?;
        Ok(StartSeasonPayload { season: season.into(), preview: None })
    }

    /// Admins. Plans when the current season ends by itself and the next begins, or takes the plan back.
    async fn plan_season_end(
        &self,
        ctx: &Context<'_>,
        input: PlanSeasonEndInput,
    ) -> Result<PlanSeasonEndPayload> {
        let ends_at = input.ends_at.map(|at| at.0);
        let season = services(ctx).seasons.plan_end(ends_at, input.next_name).await?;
        Ok(PlanSeasonEndPayload { season: season.into() })
    }

    /// Admins.
    async fn revoke_server_key(
        &self,
        ctx: &Context<'_>,
        input: RevokeServerKeyInput,
    ) -> Result<RevokeServerKeyPayload> {
        services(ctx).accounts.revoke_server_key(parse_id("input.id", &input.id)?).await?;
        Ok(RevokeServerKeyPayload { id: input.id })
    }

    /// Moderators and admins. Ends the user's sessions and takes them out of the queue.
    async fn suspend_user(
        &self,
        ctx: &Context<'_>,
        input: SuspendUserInput,
    ) -> Result<SuspendUserPayload> {
        let by = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let until = input.until.map(|until| until.0);
        let services = services(ctx);
        let user = services.admin.suspend(services, by, user, until, &input.reason).await?;
        Ok(SuspendUserPayload { user: user.into() })
    }

    /// Moderators and admins. Lets a user queue again who declined or left matches, and forgives it.
    async fn lift_queue_lock(
        &self,
        ctx: &Context<'_>,
        input: LiftQueueLockInput,
    ) -> Result<LiftQueueLockPayload> {
        let by = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let lift = services(ctx).admin.lift_queue_lock(by, user, input.reason.as_deref());
        Ok(LiftQueueLockPayload { lifted: lift.await? })
    }

    /// Admins. Reads the settings' file once more, on every instance, and puts its matchmaking part in force; one that is wrong is
    /// refused, and what was in force stays.
    async fn reload_matchmaking(&self, ctx: &Context<'_>) -> Result<ReloadMatchmakingPayload> {
        let changed = services(ctx).reload_matchmaking_everywhere().await?;
        Ok(ReloadMatchmakingPayload { changed })
    }

    /// Admins.
    async fn set_role(&self, ctx: &Context<'_>, input: SetRoleInput) -> Result<SetRolePayload> {
        let by = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let services = services(ctx);
        let user = services.admin.set_role(services, by, user, input.role.into()).await?;
        Ok(SetRolePayload { user: user.into() })
    }
}
