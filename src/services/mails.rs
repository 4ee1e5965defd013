//! What is mailed to people: tokens that prove an address or let another password be chosen, and news of what was done to
//! their account.
//!
//! A transaction only says that a mail is to go out; whoever sends it makes the token then, so that its text stands nowhere
//! but in the mail. A mail goes out at least once.
//!
//! Whoever asks for a mail need not be its reader, so asking again neither spoils what was sent nor fills a mailbox: earlier
//! tokens stay good, and the more mails of a kind went out lately, the longer it takes until the next one does. It is left
//! out only while one that went out has half of its time before it, so that there is one to use, or while one before it is
//! still being tried. That is decided here and not where it is asked for, where it would tell that there is an account.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use uuid::Uuid;

use super::{
    core::{Core, now},
    notices::alarm,
    tokens,
};
use crate::{
    backends::{documents::DAY_MS, mail::Mail, sql::Tx},
    entities::{mails, one_time_tokens, users},
    error::Result,
    game::{
        accounts::{MailKind, fold, is_nowhere},
        ids::{EventId, UserId},
    },
};

/// Mails that are looked at at once.
const CHUNK: u64 = 20;
/// How often a mail is tried.
const ATTEMPTS: i32 = 8;
/// After how long a mail that did not go out is tried again; longer each time.
const RETRY_MS: i64 = 30_000;
/// How long after the one before the second mail of a kind within a day goes out to an account's address, the third, and so
/// on; the last counts from there on. None is longer than half the time that a token is good for.
const GAPS_MS: [i64; 5] = [0, 60_000, 5 * 60_000, 15 * 60_000, 30 * 60_000];
/// How long a mail counts.
pub(super) const COUNTED_MS: i64 = DAY_MS;
const TOKEN_PREFIX: &str = "rhm_";

/// See the module.
pub struct Mails {
    core: Arc<Core>,
    mail: Mail,
}

/// A mail goes out once the transaction is committed and the mailer is woken; to nobody, where nobody has the address.
pub(super) async fn ask(tx: &Tx, user: Option<UserId>, kind: MailKind) -> Result<()> {
    ask_at(tx, user, kind, None).await
}

/// The same, to an address that need not be the account's.
pub(super) async fn ask_at(
    tx: &Tx,
    user: Option<UserId>,
    kind: MailKind,
    email: Option<String>,
) -> Result<()> {
    let (now, id) = (now(), EventId::from_uuid(Uuid::now_v7()));
    let row =
        mails::Model { id, user_id: user, kind, email, created_at: now, due_at: now, attempts: 0 };
    mails::Entity::insert(row.into_active_model().reset_all()).exec_without_returning(tx).await?;
    Ok(())
}

impl Mails {
    pub(super) fn new(core: Arc<Core>) -> Result<Self> {
        Ok(Self { mail: Mail::new(&core.config)?, core })
    }

    /// Waits until a mail was asked for here.
    pub async fn asked(&self) {
        self.core.wake_mailer.notified().await;
    }

    /// Sends what is due; says how many were looked at.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when the database does not answer. A mail that does not go out is no error: it is tried again.
    pub async fn send_due(&self) -> Result<usize> {
        let due = mails::due(self.core.sql.read(), now(), CHUNK).await?;
        for mail in &due {
            let tx = self.core.sql.begin().await?;
            let retry_at = now().plus_ms(RETRY_MS << mail.attempts.clamp(0, 10));
            let taken = mails::take(&tx, mail, retry_at).await?;
            tx.commit().await?;
            if !taken {
                continue;
            }
            let sent = self.send(mail).await;
            if let Err(error) = &sent {
                let what = mail.kind.as_str();
                tracing::warn!(error = ?error, id = %mail.id, what, attempts = mail.attempts + 1, "a mail did not go out");
            }
            if sent.is_ok() || mail.attempts + 1 >= ATTEMPTS {
                let tx = self.core.sql.begin().await?;
                mails::remove(&tx, mail.id).await?;
                tx.commit().await?;
            }
        }
        Ok(due.len())
    }

    /// Removes the mails to a user, who had that address, that are files on this machine.
    ///
    /// # Errors
    /// When the directory does not let it.
    pub(super) async fn forget(&self, user: UserId, address: &str) -> Result<()> {
        self.mail.forget(user, address).await.map(drop)
    }

    /// Removes mails that are files on this machine: old ones, and those to accounts that were deleted, wherever that was
    /// done.
    ///
    /// # Errors
    /// When the database does not say whose, or the directory does not let it.
    pub async fn tidy(&self) -> Result<()> {
        let days = self.core.config.settings.retention.mail_files_days;
        let age = Duration::from_secs(u64::from(days) * 24 * 60 * 60);
        let before = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
        // Those to whoever was deleted earlier are too old by now.
        let since = now().plus_ms(-i64::from(days) * DAY_MS);
        let gone = users::deleted_since(self.core.sql.read(), since).await?;
        self.mail.tidy(before, &gone).await.map(drop)
    }

    async fn send(&self, mail: &mails::Model) -> Result<()> {
        if let Some((what, more)) = alarm(mail.kind.as_str()) {
            return self.tell(mail, what, more).await;
        }
        let Some((user, to, token)) = self.make(mail).await? else { return Ok(()) };
        let settings = &self.core.config.settings.mail;
        let minutes = settings.token_seconds / 60;
        let (subject, url, what) = match mail.kind {
            MailKind::VerifyEmail => (
                "Confirm your address",
                &settings.verify_url,
                "To confirm that this is your address",
            ),
            MailKind::ResetPassword => {
                ("Choose another password", &settings.reset_url, "To choose another password")
            }
            _ => (
                "Confirm your new address",
                &settings.verify_url,
                "To make this the address of your account",
            ),
        };
        let text = format!(
            "Hello {},\n\n{what}, open this page within {minutes} minutes:\n\n{}\n\nIf you did not ask for this, do nothing: \
             without this page nothing changes.\n",
            user.username,
            url.replace("{token}", &token),
        );
        let sent = self.mail.send(user.id, &to, subject, text).await;
        if sent.is_err() {
            // Nobody has it, so it counts for nothing.
            let tx = self.core.sql.begin().await?;
            one_time_tokens::take(&tx, &tokens::hash(&token)).await?;
            tx.commit().await?;
        }
        sent
    }

    /// Tells of what was done to an account.
    async fn tell(&self, mail: &mails::Model, what: &str, more: &str) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let Some((user, to)) = reader(&tx, mail).await? else { return Ok(()) };
        tx.commit().await?;
        let text = format!(
            "Hello {},\n\n{what}. {more}\n\nIf this was not you, choose another password at once.\n",
            user.username,
        );
        self.mail.send(user.id, &to, what, text).await
    }

    /// Makes the token that a mail is about; none where there is nobody to send it to, or it comes too soon.
    async fn make(&self, mail: &mails::Model) -> Result<Option<(users::Model, String, String)>> {
        let tx = self.core.sql.begin().await?;
        let Some((user, to)) = reader(&tx, mail).await? else { return Ok(None) };
        // Nobody is written to because somebody else wants their address.
        let owner = users::by_login(&tx, &fold(&to)).await?;
        if owner.is_some_and(|owner| owner.id != user.id) {
            return Ok(None);
        }
        // One that is tried again was let through before.
        if mail.attempts == 0 && self.is_too_soon(&tx, (user.id, &to), mail).await? {
            tracing::debug!(id = %mail.id, what = mail.kind.as_str(), "a mail is left out");
            return Ok(None);
        }
        let token = tokens::random(TOKEN_PREFIX);
        let row = one_time_tokens::Model {
            hash: tokens::hash(&token),
            user_id: user.id,
            kind: mail.kind,
            email_key: fold(&to),
            email: mail.email.clone(),
            expires_at: now().plus_ms(self.token_ms()),
        };
        one_time_tokens::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(Some((user, to, token)))
    }

    async fn is_too_soon(
        &self,
        tx: &Tx,
        (user, to): (UserId, &str),
        mail: &mails::Model,
    ) -> Result<bool> {
        let (now, token_ms) = (now(), self.token_ms());
        if mails::is_tried(tx, (user, mail.kind), mail.id).await? {
            return Ok(true);
        }
        let since = now.plus_ms(token_ms - COUNTED_MS);
        let to = fold(to);
        let expiries = one_time_tokens::expiries(tx, (user, mail.kind), &to, since).await?;
        let Some(last) = expiries.first() else { return Ok(false) };
        let gap_ms = GAPS_MS[(expiries.len() - 1).min(GAPS_MS.len() - 1)].min(token_ms / 2);
        Ok(now.since(last.plus_ms(-token_ms)) < gap_ms)
    }

    fn token_ms(&self) -> i64 {
        i64::from(self.core.config.settings.mail.token_seconds) * 1000
    }
}

/// Who a mail is for, whom nobody else changes meanwhile, and to which address it goes; none where nobody is to be written to any more.
async fn reader(tx: &Tx, mail: &mails::Model) -> Result<Option<(users::Model, String)>> {
    let Some(user) = mail.user_id else { return Ok(None) };
    let user = users::lock(tx, &[user]).await?.pop();
    let Some(user) = user.filter(|user| user.deleted_at.is_none()) else { return Ok(None) };
    let to = mail.email.as_ref().unwrap_or(&user.email).clone();
    let wanted = !is_nowhere(&to) && mails::is_wanted(tx, mail.id).await?;
    Ok(wanted.then_some((user, to)))
}
