//! Proving an address, and coming back in without the password. None of it tells whether an address has an account: what
//! is answered, and the work that is done before the answer, are the same.

use super::{
    accounts::{Accounts, Origin, Tokens, refuse_suspended},
    attempts,
    core::now,
    mails, passwords,
    sessions::activity,
    tokens,
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{one_time_tokens, sessions, users},
    error::{Error, Result},
    game::{
        accounts::{MailKind, SignedIn, fold, is_email},
        ids::UserId,
    },
};
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

impl Accounts {
    /// Mails the viewer a token that proves their address, unless it is proven.
    pub async fn request_verification(&self, who: &SignedIn) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let user = users::by_id(&tx, who.user).await?.ok_or(Error::NotFound("user"))?;
        if user.email_verified_at.is_none() && !user.has_no_address() {
            self.ask(tx, Some(user.id), MailKind::VerifyEmail).await?;
        }
        Ok(())
    }

    /// Mails whoever has that address a token with which another password can be set.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is no address.
    pub async fn request_reset(&self, email: &str) -> Result<()> {
        if !is_email(email) {
            return Err(Error::bad_input("input.email", "this is not an email address"));
        }
        let tx = self.core.sql.begin().await?;
        let user = users::by_login(&tx, &fold(email)).await?;
        self.ask(tx, user.map(|user| user.id), MailKind::ResetPassword).await
    }

    async fn ask(&self, tx: Tx, user: Option<UserId>, kind: MailKind) -> Result<()> {
        mails::ask(&tx, user, kind).await?;
        tx.commit().await?;
        self.core.wake_mailer.notify_one();
        Ok(())
    }

    /// Whoever has this token has the address that it was mailed to.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a token that is unknown, used or out of date, or whose address is the account's no more.
    pub async fn verify_email(&self, token: &str) -> Result<users::Model> {
        retrying(|| self.try_verify(token)).await
    }

    async fn try_verify(&self, token: &str) -> Result<users::Model> {
        let tx = self.core.sql.begin().await?;
        let user = self.use_up(&tx, token, MailKind::VerifyEmail).await?;
        let mut row = user.into_active_model();
        row.email_verified_at = Set(Some(now()));
        let user = row.update(&tx).await?;
        let trail = activity(user.id, "EMAIL_VERIFIED", None, serde_json::json!({}));
        self.core.commit(tx, &[trail]).await?;
        Ok(user)
    }

    /// Sets another password with a mailed token, ends every session and begins a new one.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a token as above or a password that will not do; FORBIDDEN while suspended.
    pub async fn reset_password(
        &self,
        token: &str,
        password: String,
        from: &Origin,
    ) -> Result<Tokens> {
        // Looked at before the password is hashed, which is dear; used up below.
        let hash = tokens::hash(token);
        let db = self.core.sql.read();
        let found = one_time_tokens::live(db, &hash, MailKind::ResetPassword, now()).await?;
        let user = users::by_id(db, found.ok_or_else(bad_token)?.user_id).await?;
        let user = user.ok_or_else(bad_token)?;
        passwords::check("input.newPassword", &password, &[&user.username, &user.email])?;
        let password_hash = self.passwords.hash(password).await?;
        retrying(|| self.try_reset(token, &password_hash, from)).await
    }

    async fn try_reset(&self, token: &str, hash: &str, from: &Origin) -> Result<Tokens> {
        let tx = self.core.sql.begin().await?;
        let user = self.use_up(&tx, token, MailKind::ResetPassword).await?;
        refuse_suspended(&user)?;
        let now = now();
        let verified_at = user.email_verified_at.or(Some(now));
        let mut row = user.into_active_model();
        row.password_hash = Set(hash.to_owned());
        row.email_verified_at = Set(verified_at);
        let user = row.update(&tx).await?;
        let live = sessions::live_of(&tx, user.id).await?;
        attempts::forgive(&tx, &user, from.address).await?;
        let data = serde_json::json!({"address": from.address, "userAgent": from.user_agent});
        let trail = activity(user.id, "PASSWORD_RESET", None, data);
        let (tokens, _) = self.new_session(&tx, user, from, now).await?;
        self.end_sessions(tx, &live, trail).await?;
        Ok(tokens)
    }

    async fn use_up(&self, tx: &Tx, token: &str, kind: MailKind) -> Result<users::Model> {
        let hash = tokens::hash(token);
        let row = one_time_tokens::live(tx, &hash, kind, now()).await?.ok_or_else(bad_token)?;
        let user = users::lock(tx, &[row.user_id]).await?.pop();
        // Addresses are proven by their owner's own wish, who has no use for any but the last.
        let after = one_time_tokens::expiries(tx, row.user_id, kind, row.expires_at).await?;
        if kind == MailKind::VerifyEmail && !after.is_empty() {
            return Err(bad_token());
        }
        // Of several who use one, or of several that are used, one is first and ends them all.
        if !one_time_tokens::take(tx, &hash).await? {
            return Err(bad_token());
        }
        one_time_tokens::forget(tx, row.user_id, Some(kind)).await?;
        user.filter(|user| user.email_key == row.email_key).ok_or_else(bad_token)
    }
}

fn bad_token() -> Error {
    Error::bad_input("input.token", "this token is unknown, used or out of date: ask for another")
}
