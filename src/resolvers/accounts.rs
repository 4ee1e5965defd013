//! Signing up, in and out.

use async_graphql::{Context, Object};

use super::context::{Result, origin, services, signed_in, take_for_address};
use crate::{
    game::accounts::{Role, fold},
    schema::{
        accounts::{
            AuthPayload, ChangePasswordInput, LoginInput, LogoutPayload, RefreshSessionInput,
            RegisterInput,
        },
        scalars::DateTime,
        users::User,
    },
    services::accounts::{NewAccount, Tokens},
};

/// See the module.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Makes an account and signs in.
    async fn register(&self, ctx: &Context<'_>, input: RegisterInput) -> Result<AuthPayload> {
        let services = services(ctx);
        let limit = services.config.settings.limits.register_per_address_minute;
        take_for_address(ctx, "register", limit).await?;
        let user = services
            .accounts
            .create(NewAccount {
                username: input.username,
                email: input.email,
                password: input.password,
                region: input.region,
                role: Role::Player,
            })
            .await?;
        Ok(services.accounts.begin_session(user, &origin(ctx)).await?.into())
    }

    /// Signs in.
    async fn login(&self, ctx: &Context<'_>, input: LoginInput) -> Result<AuthPayload> {
        let services = services(ctx);
        let limits = &services.config.settings.limits;
        take_for_address(ctx, "login", limits.login_per_address_minute).await?;
        // No account has a longer name; the key of the limit stays short.
        let key: String = fold(&input.login).chars().take(254).collect();
        services.take(&format!("login:{key}"), limits.login_per_account_minute).await?;
        let tokens = services.accounts.login(&input.login, input.password, &origin(ctx)).await?;
        Ok(tokens.into())
    }

    /// Trades a refresh token for a new pair. A used refresh token ends its whole session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        input: RefreshSessionInput,
    ) -> Result<AuthPayload> {
        let services = services(ctx);
        let limit = services.config.settings.limits.refresh_per_address_minute;
        take_for_address(ctx, "refresh", limit).await?;
        Ok(services.accounts.refresh(&input.refresh_token).await?.into())
    }

    /// Ends the session of the access token used, at once, everywhere.
    async fn logout(&self, ctx: &Context<'_>) -> Result<LogoutPayload> {
        services(ctx).accounts.logout(signed_in(ctx)?).await?;
        Ok(LogoutPayload { success: true })
    }

    /// Ends every session of the viewer.
    async fn logout_everywhere(&self, ctx: &Context<'_>) -> Result<LogoutPayload> {
        services(ctx).accounts.logout_everywhere(signed_in(ctx)?).await?;
        Ok(LogoutPayload { success: true })
    }

    /// Changes the viewer's password, ends every session and begins a new one.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<AuthPayload> {
        let who = signed_in(ctx)?;
        let services = services(ctx);
        let limit = services.config.settings.limits.login_per_account_minute;
        services.take(&format!("password:{}", who.user), limit).await?;
        let (current, new) = (input.current_password, input.new_password);
        Ok(services.accounts.change_password(who, current, new, &origin(ctx)).await?.into())
    }
}

impl From<Tokens> for AuthPayload {
    fn from(tokens: Tokens) -> Self {
        Self {
            user: User { own: true, ..tokens.user.into() },
            access_token: tokens.access,
            access_token_expires_at: DateTime(tokens.access_expires_at),
            refresh_token: tokens.refresh,
            refresh_token_expires_at: DateTime(tokens.refresh_expires_at),
        }
    }
}
