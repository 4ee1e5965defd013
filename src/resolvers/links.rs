//! Signing in with accounts at other services.

use async_graphql::{Context, Object};

use super::{
    accounts::paid,
    context::{Result, origin, services, signed_in, take_for_address},
};
use crate::{
    schema::links::{
        BeginSignInInput, BeginSignInPayload, FinishAccountLinkInput, FinishAccountLinkPayload,
        FinishSignInInput, FinishSignInPayload, SignInProvider, UnlinkAccountInput,
        UnlinkAccountPayload,
    },
    services::links::{Finish, Started, Wanted},
};

/// See the module.
#[derive(Default)]
pub struct LinkQuery;

#[Object]
impl LinkQuery {
    /// The services that one can sign in with here.
    async fn sign_in_providers(&self, ctx: &Context<'_>) -> Vec<SignInProvider> {
        let all = services(ctx).accounts.providers().into_iter();
        all.map(|(id, name)| SignInProvider { id, name }).collect()
    }
}

/// See the module.
#[derive(Default)]
pub struct LinkMutation;

#[Object]
impl LinkMutation {
    /// Begins to sign in with an account at another service.
    async fn begin_sign_in(
        &self,
        ctx: &Context<'_>,
        input: BeginSignInInput,
    ) -> Result<BeginSignInPayload> {
        take_sign_in(ctx).await?;
        let accounts = &services(ctx).accounts;
        Ok(accounts.begin_flow(&input.provider, &input.redirect_uri, None, None).await?.into())
    }

    /// Signs in with what the service sent back. Where its account is linked to none here, one is made.
    async fn finish_sign_in(
        &self,
        ctx: &Context<'_>,
        input: FinishSignInInput,
    ) -> Result<FinishSignInPayload> {
        take_sign_in(ctx).await?;
        let finish = Finish { state: input.state, code: input.code, secret: input.secret };
        let wanted = Wanted { username: input.username, region: input.region };
        let (tokens, registered) =
            services(ctx).accounts.finish_sign_in(finish, wanted, &origin(ctx)).await?;
        Ok(FinishSignInPayload { auth: paid(ctx, tokens), registered })
    }

    /// Begins to link the viewer's account at another service. It takes the password, or a sign-in of the last 15 minutes.
    async fn begin_account_link(
        &self,
        ctx: &Context<'_>,
        input: BeginSignInInput,
    ) -> Result<BeginSignInPayload> {
        let who = signed_in(ctx)?;
        take_sign_in(ctx).await?;
        let services = services(ctx);
        if input.password.is_some() {
            let limit = services.config.settings.limits.login_per_account_minute;
            services.take(&format!("password:{}", who.user), limit).await?;
        }
        let (provider, page) = (&input.provider, &input.redirect_uri);
        Ok(services.accounts.begin_flow(provider, page, Some(who), input.password).await?.into())
    }

    /// Links the account that the service tells of to the viewer's.
    async fn finish_account_link(
        &self,
        ctx: &Context<'_>,
        input: FinishAccountLinkInput,
    ) -> Result<FinishAccountLinkPayload> {
        let who = signed_in(ctx)?;
        take_sign_in(ctx).await?;
        let finish = Finish { state: input.state, code: input.code, secret: input.secret };
        let linked = services(ctx).accounts.finish_link(who, finish).await?;
        Ok(FinishAccountLinkPayload { linked: linked.into() })
    }

    /// Unlinks the viewer's account at another service.
    async fn unlink_account(
        &self,
        ctx: &Context<'_>,
        input: UnlinkAccountInput,
    ) -> Result<UnlinkAccountPayload> {
        let who = signed_in(ctx)?;
        let unlinked = services(ctx).accounts.unlink(who, &input.provider).await?;
        Ok(UnlinkAccountPayload { unlinked })
    }
}

async fn take_sign_in(ctx: &Context<'_>) -> Result<()> {
    let limit = services(ctx).config.settings.limits.login_per_address_minute;
    take_for_address(ctx, "login", limit).await
}

impl From<Started> for BeginSignInPayload {
    fn from(started: Started) -> Self {
        Self { url: started.url, state: started.state, secret: started.secret }
    }
}
