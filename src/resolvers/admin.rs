//! What moderators and admins do.

use async_graphql::{Context, Object};

use super::context::{Result, at_least, parse_id, services};
use crate::{
    game::accounts::Role,
    schema::admin::{
        CreateServerKeyInput, CreateServerKeyPayload, RevokeServerKeyInput, RevokeServerKeyPayload,
        SetRoleInput, SetRolePayload, StartSeasonInput, StartSeasonPayload, SuspendUserInput,
        SuspendUserPayload,
    },
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
        at_least(ctx, Role::Admin)?;
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
        at_least(ctx, Role::Admin)?;
        let season = services(ctx).seasons.start(&input.name).await?;
        Ok(StartSeasonPayload { season: season.into() })
    }

    /// Admins.
    async fn revoke_server_key(
        &self,
        ctx: &Context<'_>,
        input: RevokeServerKeyInput,
    ) -> Result<RevokeServerKeyPayload> {
        at_least(ctx, Role::Admin)?;
        services(ctx).accounts.revoke_server_key(parse_id("input.id", &input.id)?).await?;
        Ok(RevokeServerKeyPayload { id: input.id })
    }

    /// Moderators and admins. Ends the user's sessions and takes them out of the queue.
    async fn suspend_user(
        &self,
        ctx: &Context<'_>,
        input: SuspendUserInput,
    ) -> Result<SuspendUserPayload> {
        let by = at_least(ctx, Role::Moderator)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let until = input.until.map(|until| until.0);
        let services = services(ctx);
        let user = services.admin.suspend(services, by, user, until, &input.reason).await?;
        Ok(SuspendUserPayload { user: user.into() })
    }

    /// Admins.
    async fn set_role(&self, ctx: &Context<'_>, input: SetRoleInput) -> Result<SetRolePayload> {
        let by = at_least(ctx, Role::Admin)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let services = services(ctx);
        let user = services.admin.set_role(services, by, user, input.role.into()).await?;
        Ok(SetRolePayload { user: user.into() })
    }
}
