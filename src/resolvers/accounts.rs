//! Signing up, in and out.

use async_graphql::{Context, Object};

use super::context::{
    Cookie, RequestMeta, Result, cookie_name, origin, parse_id, services, signed_in,
    take_for_address,
};
use crate::{
    game::accounts::Role,
    schema::{
        accounts::{
            AuthPayload, CancelAccountDeletionPayload, ChangeEmailInput, ChangeEmailPayload,
            ChangePasswordInput, DeleteMyAccountInput, DeleteMyAccountPayload, EndSessionInput,
            EndSessionPayload, ExportMyDataPayload, LoginInput, LogoutPayload, RefreshSessionInput,
            RegisterInput, RequestEmailVerificationPayload, RequestPasswordResetInput,
            RequestPasswordResetPayload, ResetPasswordInput, VerifyEmailInput, VerifyEmailPayload,
        },
        scalars::{DateTime, Json},
        users::User,
    },
    services::{
        accounts::{NewAccount, Tokens},
        now,
    },
};

/// How often one may ask for everything that is kept.
const EXPORTS_PER_MINUTE: u32 = 3;

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
        Ok(paid(ctx, services.accounts.begin_session(user, &origin(ctx)).await?))
    }

    /// Signs in.
    async fn login(&self, ctx: &Context<'_>, input: LoginInput) -> Result<AuthPayload> {
        let services = services(ctx);
        let limit = services.config.settings.limits.login_per_address_minute;
        take_for_address(ctx, "login", limit).await?;
        let origin = origin(ctx);
        // No account has a longer name.
        let login: String = input.login.chars().take(254).collect();
        services.take_sign_in(&login, origin.address).await?;
        let tokens = services.accounts.login(&login, input.password, &origin).await?;
        Ok(paid(ctx, tokens))
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
        let accounts = &services.accounts;
        let kept = cookie(ctx).filter(|_| input.refresh_token.is_empty());
        let token = match kept.and_then(|cookie| cookie.refresh.clone().zip(Some(cookie))) {
            Some((token, cookie)) => {
                accounts.check_csrf(&token, cookie.csrf.as_deref()).await?;
                token
            }
            None => input.refresh_token.into(),
        };
        Ok(paid(ctx, accounts.refresh(&token, &origin(ctx)).await?))
    }

    /// Mails whoever has that address a token for `resetPassword`. It does not tell whether somebody has it.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload> {
        let services = services(ctx);
        let limit = services.config.settings.limits.mail_per_address_minute;
        take_for_address(ctx, "mail", limit).await?;
        services.take_mail(&input.email, origin(ctx).address).await?;
        services.accounts.request_reset(&input.email).await?;
        Ok(RequestPasswordResetPayload { accepted: true })
    }

    /// Sets another password with a mailed token, ends every session and begins a new one.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        input: ResetPasswordInput,
    ) -> Result<AuthPayload> {
        let services = services(ctx);
        let limit = services.config.settings.limits.login_per_address_minute;
        take_for_address(ctx, "login", limit).await?;
        let (token, password) = (input.token, input.new_password);
        Ok(paid(ctx, services.accounts.reset_password(&token, password, &origin(ctx)).await?))
    }

    /// Mails the viewer a token for `verifyEmail`, unless their address is proven.
    async fn request_email_verification(
        &self,
        ctx: &Context<'_>,
    ) -> Result<RequestEmailVerificationPayload> {
        let who = signed_in(ctx)?;
        let services = services(ctx);
        let limit = services.config.settings.limits.mail_per_address_minute;
        take_for_address(ctx, "mail", limit).await?;
        services.take_mail(&who.user.to_string(), origin(ctx).address).await?;
        services.accounts.request_verification(who).await?;
        Ok(RequestEmailVerificationPayload { accepted: true })
    }

    /// Mails the new address a token for `verifyEmail`, which makes it the viewer's. Until then nothing changes; the address
    /// until now is told.
    async fn change_email(
        &self,
        ctx: &Context<'_>,
        input: ChangeEmailInput,
    ) -> Result<ChangeEmailPayload> {
        let who = signed_in(ctx)?;
        let services = services(ctx);
        let limits = &services.config.settings.limits;
        take_for_address(ctx, "mail", limits.mail_per_address_minute).await?;
        let limit = limits.login_per_account_minute;
        services.take(&format!("password:{}", who.user), limit).await?;
        let address = origin(ctx).address;
        services.take_mail(&who.user.to_string(), address).await?;
        services.take_mail(&input.new_email, address).await?;
        services.accounts.request_email(who, input.new_email, input.password).await?;
        Ok(ChangeEmailPayload { accepted: true })
    }

    /// Proves with a mailed token that its reader has the account's address, or the one that is to be it.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        input: VerifyEmailInput,
    ) -> Result<VerifyEmailPayload> {
        let services = services(ctx);
        let limit = services.config.settings.limits.login_per_address_minute;
        take_for_address(ctx, "login", limit).await?;
        services.accounts.verify_email(&input.token).await?;
        Ok(VerifyEmailPayload { verified: true })
    }

    /// Ends one of the viewer's sessions, at once, everywhere.
    async fn end_session(
        &self,
        ctx: &Context<'_>,
        input: EndSessionInput,
    ) -> Result<EndSessionPayload> {
        let who = signed_in(ctx)?;
        let id = parse_id("input.sessionId", &input.session_id)?;
        Ok(EndSessionPayload { ended: services(ctx).accounts.end_session(who, id).await? })
    }

    /// Everything that is kept about the viewer, in one JSON document.
    async fn export_my_data(&self, ctx: &Context<'_>) -> Result<ExportMyDataPayload> {
        let who = signed_in(ctx)?;
        let services = services(ctx);
        services.take(&format!("export:{}", who.user), EXPORTS_PER_MINUTE).await?;
        Ok(ExportMyDataPayload { document: Json(services.accounts.export(who).await?) })
    }

    /// Plans the deletion of the viewer's account: once the days of grace are over, what it leaves names nobody.
    async fn delete_my_account(
        &self,
        ctx: &Context<'_>,
        input: DeleteMyAccountInput,
    ) -> Result<DeleteMyAccountPayload> {
        let who = signed_in(ctx)?;
        let services = services(ctx);
        let limit = services.config.settings.limits.login_per_account_minute;
        services.take(&format!("password:{}", who.user), limit).await?;
        let due = services.accounts.plan_deletion(who, input.password).await?;
        Ok(DeleteMyAccountPayload { deletes_at: DateTime(due) })
    }

    /// Takes the planned deletion of the viewer's account back.
    async fn cancel_account_deletion(
        &self,
        ctx: &Context<'_>,
    ) -> Result<CancelAccountDeletionPayload> {
        let cancelled = services(ctx).accounts.cancel_deletion(signed_in(ctx)?).await?;
        Ok(CancelAccountDeletionPayload { cancelled })
    }

    /// Ends the session of the access token used, at once, everywhere.
    async fn logout(&self, ctx: &Context<'_>) -> Result<LogoutPayload> {
        services(ctx).accounts.logout(signed_in(ctx)?).await?;
        forget_cookie(ctx);
        Ok(LogoutPayload { success: true })
    }

    /// Ends every session of the viewer.
    async fn logout_everywhere(&self, ctx: &Context<'_>) -> Result<LogoutPayload> {
        services(ctx).accounts.logout_everywhere(signed_in(ctx)?).await?;
        forget_cookie(ctx);
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
        let changed = services.accounts.change_password(who, current, new, &origin(ctx)).await?;
        Ok(paid(ctx, changed))
    }
}

/// The session as its client gets it: the refresh token within the answer, or in a cookie that no script can read.
pub fn paid(ctx: &Context<'_>, tokens: Tokens) -> AuthPayload {
    let kept = cookie(ctx);
    if let Some(cookie) = kept {
        let seconds = tokens.refresh_expires_at.since(now()).max(0) / 1000;
        set_cookie(ctx, cookie, &tokens.refresh, seconds);
    }
    AuthPayload {
        user: User { own: true, ..tokens.user.into() },
        access_token: tokens.access,
        access_token_expires_at: DateTime(tokens.access_expires_at),
        refresh_token: if kept.is_some() { String::new() } else { tokens.refresh },
        refresh_token_expires_at: DateTime(tokens.refresh_expires_at),
        csrf_token: kept.map(|_| tokens.csrf),
    }
}

fn cookie<'a>(ctx: &Context<'a>) -> Option<&'a Cookie> {
    let meta: &RequestMeta = ctx.data_unchecked();
    meta.cookie.as_ref()
}

fn forget_cookie(ctx: &Context<'_>) {
    if let Some(cookie) = cookie(ctx) {
        set_cookie(ctx, cookie, "", 0);
    }
}

fn set_cookie(ctx: &Context<'_>, cookie: &Cookie, value: &str, seconds: i64) {
    let name = cookie_name(cookie.secure);
    let secure = if cookie.secure { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}");
    ctx.append_http_header("set-cookie", text);
}
