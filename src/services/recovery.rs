//! Proving an address, changing it, and coming back in without the password. None of it tells whether an address has an account: what
//! is answered, and the work that is done before the answer, are the same.

use super::{
    accounts::{Accounts, Origin, Tokens, refuse_suspended},
    attempts, bars,
    core::now,
    mails, passwords,
    sessions::activity,
    tokens,
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{
        is_unique_violation, linked_accounts, mails as mails_of, oauth_flows, one_time_tokens,
        sessions, users,
    },
    error::{Error, Reason, Result},
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

    /// Mails that address a token that makes it the viewer's. Until it is used nothing changes; whether somebody else has the
    /// address is looked at as the mail is sent, and told nobody.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what is no address or not the password (whoever has none must have signed in just now).
    pub async fn request_email(
        &self,
        who: &SignedIn,
        email: String,
        password: String,
    ) -> Result<()> {
        if !is_email(&email) {
            return Err(Error::bad_input("input.newEmail", "this is not an email address"));
        }
        self.prove(who, "input.password", Some(password)).await?;
        let tx = self.core.sql.begin().await?;
        users::lock(&tx, &[who.user]).await?.pop().ok_or(Error::NotFound("user"))?;
        one_time_tokens::arm(&tx, who.user, &email).await?;
        mails_of::forget_kinds(&tx, who.user, &[MailKind::ChangeEmail]).await?;
        mails::ask_at(&tx, Some(who.user), MailKind::ChangeEmail, Some(email)).await?;
        let trail = activity(who.user, "EMAIL_CHANGE_ASKED", None, serde_json::json!({}));
        self.core.commit(tx, &[trail]).await?;
        Ok(())
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
    /// BAD_USER_INPUT for a token that is unknown, used or out of date, or whose address is the account's no more; CONFLICT
    /// where it was to become that and somebody else has it meanwhile; FORBIDDEN where it was a suspended account's.
    pub async fn verify_email(&self, token: &str) -> Result<users::Model> {
        retrying(|| self.try_verify(token)).await
    }

    async fn try_verify(&self, token: &str) -> Result<users::Model> {
        let tx = self.core.sql.begin().await?;
        let kinds = [MailKind::VerifyEmail, MailKind::ChangeEmail];
        let (user, used) = self.use_up(&tx, token, &kinds).await?;
        if let Some(email) = used.email {
            return self.change_email(tx, user, email).await;
        }
        let mut row = user.into_active_model();
        row.email_verified_at = Set(Some(now()));
        let user = row.update(&tx).await?;
        let trail = activity(user.id, "EMAIL_VERIFIED", None, serde_json::json!({}));
        self.core.commit(tx, &[trail]).await?;
        Ok(user)
    }

    async fn change_email(
        &self,
        tx: Tx,
        user: users::Model,
        email: String,
    ) -> Result<users::Model> {
        let (id, before) = (user.id, user.email.clone());
        bars::refuse_address(&self.core, &tx, &fold(&email)).await?;
        let mut row = user.into_active_model();
        row.email_key = Set(fold(&email));
        row.email = Set(email);
        row.email_verified_at = Set(Some(now()));
        let user = row.update(&tx).await.map_err(|error| match is_unique_violation(&error) {
            true => {
                Error::conflict(Reason::EmailTaken, "this email address has an account already")
            }
            false => error.into(),
        })?;
        // What went to the address before opens nothing any more.
        one_time_tokens::forget(&tx, id, None).await?;
        let tokens = [MailKind::VerifyEmail, MailKind::ResetPassword, MailKind::ChangeEmail];
        mails_of::forget_kinds(&tx, id, &tokens).await?;
        mails::ask_at(&tx, Some(id), MailKind::EmailChanged, Some(before)).await?;
        let trail = activity(id, "EMAIL_CHANGED", None, serde_json::json!({}));
        self.core.commit(tx, &[trail]).await?;
        self.core.wake_mailer.notify_one();
        Ok(user)
    }

    /// What could let somebody in who began it before the password was changed comes to nothing.
    pub(super) async fn forget_ways_in(&self, tx: &Tx, user: UserId) -> Result<()> {
        for kind in [MailKind::ResetPassword, MailKind::ChangeEmail] {
            one_time_tokens::forget(tx, user, Some(kind)).await?;
            mails_of::forget_kinds(tx, user, &[kind]).await?;
        }
        oauth_flows::forget(tx, user).await
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
        let found = one_time_tokens::live(db, &hash, &[MailKind::ResetPassword], now()).await?;
        let user = users::by_id(db, found.ok_or_else(bad_token)?.user_id).await?;
        let user = user.ok_or_else(bad_token)?;
        passwords::check("input.newPassword", &password, &[&user.username, &user.email])?;
        let password_hash = self.passwords.hash(password).await?;
        retrying(|| self.try_reset(token, &password_hash, from)).await
    }

    async fn try_reset(&self, token: &str, hash: &str, from: &Origin) -> Result<Tokens> {
        let tx = self.core.sql.begin().await?;
        let (user, _) = self.use_up(&tx, token, &[MailKind::ResetPassword]).await?;
        refuse_suspended(&user)?;
        self.forget_ways_in(&tx, user.id).await?;
        let mut facts = Vec::new();
        if user.email_verified_at.is_none() {
            // Whoever made the account need not be who has the address: their other ways in go.
            for linked in linked_accounts::of_user(&tx, user.id).await? {
                let data = serde_json::json!({"provider": linked.provider});
                facts.push(activity(user.id, "ACCOUNT_UNLINKED", None, data));
            }
            linked_accounts::unlink(&tx, user.id, None).await?;
        }
        let now = now();
        let verified_at = user.email_verified_at.or(Some(now));
        let mut row = user.into_active_model();
        row.password_hash = Set(hash.to_owned());
        row.email_verified_at = Set(verified_at);
        let user = row.update(&tx).await?;
        let live = sessions::live_of(&tx, user.id).await?;
        attempts::forgive(&tx, &user, from.address).await?;
        let data = serde_json::json!({"address": from.address, "userAgent": from.user_agent});
        facts.push(activity(user.id, "PASSWORD_RESET", None, data));
        let (tokens, _) = self.new_session(&tx, user, from, now).await?;
        self.end_sessions_with(tx, &live, facts).await?;
        Ok(tokens)
    }

    async fn use_up(
        &self,
        tx: &Tx,
        token: &str,
        kinds: &[MailKind],
    ) -> Result<(users::Model, one_time_tokens::Model)> {
        let hash = tokens::hash(token);
        let row = one_time_tokens::live(tx, &hash, kinds, now()).await?.ok_or_else(bad_token)?;
        let user = users::lock(tx, &[row.user_id]).await?.pop();
        // Addresses are proven by their owner's own wish, who has no use for any but the last.
        if row.kind != MailKind::ResetPassword && one_time_tokens::is_outdated(tx, &row).await? {
            return Err(bad_token());
        }
        // Of several who use one, or of several that are used, one is first and ends them all.
        if !one_time_tokens::take(tx, &hash).await? {
            return Err(bad_token());
        }
        one_time_tokens::forget(tx, row.user_id, Some(row.kind)).await?;
        let fits = |user: &users::Model| row.email.is_some() || user.email_key == row.email_key;
        let user = user.filter(fits).ok_or_else(bad_token)?;
        Ok((user, row))
    }
}

fn bad_token() -> Error {
    Error::bad_input("input.token", "this token is unknown, used or out of date: ask for another")
}
