//! Sessions: how they begin, go on and end (rules 3 and 4).

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
};

use sea_orm::{ActiveModelTrait, EntityTrait};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    accounts::{Accounts, Origin, REFRESH_PREFIX, Tokens, refuse_suspended},
    attempts,
    core::{APART_MS, now},
    mails::COUNTED_MS,
    tokens,
};
use crate::{
    backends::{
        documents::DAY_MS,
        sql::{Tx, retrying},
    },
    config::Config,
    entities::{
        barred, oauth_flows, one_time_tokens, refresh_tokens, server_keys, sessions, users,
    },
    error::{Error, Result},
    game::{
        accounts::{Credential, SignedIn},
        event::Fact,
        ids::{SessionId, UserId},
        time::Timestamp,
    },
};

/// A line for the audit trail.
pub fn activity(user: UserId, kind: &str, by: Option<UserId>, data: serde_json::Value) -> Fact {
    Fact::Activity { user, kind: kind.into(), by, data, at: now() }
}

const HOUR_MS: i64 = 3_600_000;
/// Sessions that are forgotten in one transaction, and such transactions in one sweep.
const CHUNK: u64 = 500;
const CHUNKS: usize = 20;

/// Sessions that ended before their time, while an access token of theirs could still be about, and keys that were taken
/// back.
pub struct Revoked {
    ended: RwLock<HashMap<Credential, Timestamp>>,
    endings: broadcast::Sender<Credential>,
    /// Until when the database was asked, in milliseconds since 1970.
    loaded: AtomicI64,
}

impl Default for Revoked {
    fn default() -> Self {
        Self {
            ended: RwLock::default(),
            endings: broadcast::channel(1024).0,
            loaded: AtomicI64::new(0),
        }
    }
}

impl Revoked {
    /// Refuses what proves this from now on, and tells its sockets.
    pub fn end(&self, what: Credential, at: Timestamp) {
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        if ended.insert(what, at).is_none() {
            // An error means that nobody listens.
            let _ = self.endings.send(what);
        }
    }

    fn has(&self, what: Credential) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(&what)
    }

    /// Forgets sessions whose access tokens have run out. A key does not run out by itself, and few are taken back.
    fn forget(&self, before: Timestamp) {
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|what, at| matches!(what, Credential::ServerKey(_)) || *at >= before);
    }
}

impl Accounts {
    /// Begins a session for a user who has just proved who they are.
    pub async fn begin_session(&self, user: users::Model, from: &Origin) -> Result<Tokens> {
        retrying(|| self.try_begin(&user, from)).await
    }

    async fn try_begin(&self, user: &users::Model, from: &Origin) -> Result<Tokens> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        let fresh = users::lock(&tx, &[user.id]).await?.pop();
        // Whoever proved who they are with a password that was changed meanwhile has not.
        let user = fresh
            .filter(|fresh| fresh.password_hash == user.password_hash)
            .ok_or_else(|| Error::Unauthenticated("the password was changed just now".into()))?;
        refuse_suspended(&user)?;
        let (tokens, session) = self.new_session(&tx, user, from, now).await?;
        tracing::debug!(%session, "session began");
        let data = serde_json::json!({
            "session": session, "address": from.address, "userAgent": from.user_agent,
        });
        self.core.commit(tx, &[activity(tokens.user.id, "SIGNED_IN", None, data)]).await?;
        Ok(tokens)
    }

    pub(super) async fn new_session(
        &self,
        tx: &Tx,
        user: users::Model,
        from: &Origin,
        now: Timestamp,
    ) -> Result<(Tokens, SessionId)> {
        let session = SessionId::from_uuid(Uuid::now_v7());
        let row = sessions::Model {
            id: session,
            user_id: user.id,
            created_at: now,
            last_used_at: now,
            expires_at: self.refresh_expiry(now),
            ended_at: None,
            user_agent: from.user_agent.as_ref().map(|text| text.chars().take(200).collect()),
            address: from.address.to_string(),
        };
        let row = sessions::ActiveModel::from(row).reset_all();
        sessions::Entity::insert(row).exec_without_returning(tx).await?;
        Ok((self.issue(tx, user, session, now).await?, session))
    }

    async fn issue(
        &self,
        tx: &Tx,
        user: users::Model,
        session: SessionId,
        now: Timestamp,
    ) -> Result<Tokens> {
        let refresh = tokens::random(REFRESH_PREFIX);
        let refresh_expires_at = self.refresh_expiry(now);
        let row = refresh_tokens::Model {
            hash: tokens::hash(&refresh),
            session_id: session,
            expires_at: refresh_expires_at,
            used_at: None,
        };
        let row = refresh_tokens::ActiveModel::from(row).reset_all();
        refresh_tokens::Entity::insert(row).exec_without_returning(tx).await?;
        let access_expires_at = now.plus_ms(self.access_ms());
        let who =
            SignedIn { user: user.id, session, role: user.role, expires_at: access_expires_at };
        Ok(Tokens {
            access: self.signer.access(&who, now)?,
            csrf: self.core.vault.csrf(&session.to_string()),
            access_expires_at,
            refresh,
            refresh_expires_at,
            user,
        })
    }

    /// Trades a refresh token for a new pair; one that was used before ends its whole session.
    ///
    /// # Errors
    /// UNAUTHENTICATED when the token is unknown, used or out of date, or its session has ended.
    pub async fn refresh(&self, token: &str, from: &Origin) -> Result<Tokens> {
        retrying(|| self.try_refresh(token, from)).await
    }

    async fn try_refresh(&self, token: &str, from: &Origin) -> Result<Tokens> {
        let refused = || Error::Unauthenticated("the refresh token is not valid".into());
        let now = now();
        let hash = tokens::hash(token);
        let tx = self.core.sql.begin().await?;
        let row = refresh_tokens::Entity::find_by_id(&hash).one(&tx).await?.ok_or_else(refused)?;
        let session =
            sessions::Entity::find_by_id(row.session_id).one(&tx).await?.ok_or_else(refused)?;
        if session.ended_at.is_some() || row.expires_at <= now {
            return Err(refused());
        }
        if !refresh_tokens::take(&tx, &hash, now).await? {
            tracing::warn!(session = %session.id, user = %session.user_id, "a refresh token was used twice");
            let data = serde_json::json!({
                "session": session.id, "address": from.address, "userAgent": from.user_agent,
            });
            let trail = activity(session.user_id, "REFRESH_TOKEN_REUSED", None, data);
            self.end_sessions(tx, &[session.id], trail).await?;
            return Err(refused());
        }
        let user = users::by_id(&tx, session.user_id).await?.ok_or_else(refused)?;
        refuse_suspended(&user)?;
        let times = (now, self.refresh_expiry(now));
        sessions::renew(&tx, session.id, times, &from.address.to_string()).await?;
        let tokens = self.issue(&tx, user, session.id, now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Whether a page that sent the cookie with that refresh token may read what the server told its session.
    ///
    /// # Errors
    /// FORBIDDEN where it may not.
    pub async fn check_csrf(&self, refresh: &str, csrf: Option<&str>) -> Result<()> {
        let hash = tokens::hash(refresh);
        let row = refresh_tokens::Entity::find_by_id(&hash).one(self.core.sql.read()).await?;
        let session = row.map(|row| row.session_id.to_string()).unwrap_or_default();
        if let Some(csrf) = csrf {
            if self.core.vault.is_csrf(&session, csrf) {
                return Ok(());
            }
            // Another instance may have a newer key already.
            self.core.learn_secrets(self.core.sql.read()).await?;
            if self.core.vault.is_csrf(&session, csrf) {
                return Ok(());
            }
        }
        let message = "the cookie of a session counts only with its X-CSRF-Token";
        Err(Error::Forbidden(message.into()))
    }

    /// The viewer's sessions, the last used first.
    pub async fn of(&self, user: UserId) -> Result<Vec<sessions::Model>> {
        sessions::live_rows(self.core.sql.read(), user, now()).await
    }

    /// Ends one of the viewer's sessions; false when it had ended already.
    ///
    /// # Errors
    /// NOT_FOUND for one that is not theirs.
    pub async fn end_session(&self, who: &SignedIn, id: SessionId) -> Result<bool> {
        let tx = self.core.sql.begin().await?;
        let row = sessions::Entity::find_by_id(id).one(&tx).await?;
        let row = row.filter(|row| row.user_id == who.user).ok_or(Error::NotFound("session"))?;
        if row.ended_at.is_some() {
            return Ok(false);
        }
        let data = serde_json::json!({"session": id});
        self.end_sessions(tx, &[id], activity(who.user, "SESSION_ENDED", None, data)).await?;
        Ok(true)
    }

    /// Ends the viewer's session.
    pub async fn logout(&self, who: &SignedIn) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let data = serde_json::json!({"session": who.session});
        let trail = activity(who.user, "SIGNED_OUT", None, data);
        self.end_sessions(tx, &[who.session], trail).await
    }

    /// Ends every session of the viewer.
    pub async fn logout_everywhere(&self, who: &SignedIn) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let live = sessions::live_of(&tx, who.user).await?;
        let trail = activity(who.user, "SIGNED_OUT_EVERYWHERE", None, serde_json::json!({}));
        self.end_sessions(tx, &live, trail).await
    }

    /// Sessions as they end before their time, and keys as they are taken back.
    pub fn endings(&self) -> broadcast::Receiver<Credential> {
        self.core.revoked.endings.subscribe()
    }

    /// Whether a session ended before its time, or a key was taken back while this instance ran.
    pub fn has_ended(&self, what: Credential) -> bool {
        self.core.revoked.has(what)
    }

    /// Ends sessions, commits, and refuses their access tokens from now on.
    pub async fn end_sessions(&self, tx: Tx, ids: &[SessionId], trail: Fact) -> Result<()> {
        self.end_sessions_with(tx, ids, vec![trail]).await
    }

    /// The same, with more to tell.
    pub(super) async fn end_sessions_with(
        &self,
        tx: Tx,
        ids: &[SessionId],
        mut facts: Vec<Fact>,
    ) -> Result<()> {
        for id in ids {
            if sessions::end(&tx, *id, now()).await? {
                facts.push(Fact::SessionEnded { session: *id });
            }
        }
        self.core.commit(tx, &facts).await?;
        for id in ids {
            self.core.revoked.end(Credential::Session(*id), now());
        }
        Ok(())
    }

    /// Hears of sessions that ended on other instances, and before this one started, and of keys that were taken back
    /// there. What the bus tells at once is found here when it does not.
    pub async fn load_ended(&self) -> Result<()> {
        let now = now();
        // A token signed by a clock that is ahead is good for longer, and longer still by a clock that is behind.
        let skew_ms = i64::from(self.core.config.settings.accounts.clock_skew_seconds) * 1000;
        let horizon = now.plus_ms(-self.access_ms() - 2 * skew_ms - 60_000);
        let loaded = Timestamp(self.core.revoked.loaded.load(Ordering::Relaxed));
        let since = horizon.max(loaded.plus_ms(-APART_MS));
        let db = self.core.sql.read();
        for (id, at) in sessions::ended_since(db, since).await? {
            self.core.revoked.end(Credential::Session(id), at.unwrap_or(now));
        }
        for id in server_keys::revoked_since(db, since).await? {
            self.core.revoked.end(Credential::ServerKey(id), now);
        }
        self.core.revoked.loaded.store(now.0, Ordering::Relaxed);
        self.core.revoked.forget(horizon);
        Ok(())
    }

    /// Forgets tokens that ran out, and failures that no longer count.
    pub async fn sweep(&self) -> Result<()> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        refresh_tokens::forget(&tx, now).await?;
        // Those that ran out tell how many mails there were lately.
        one_time_tokens::expire(&tx, now.plus_ms(-COUNTED_MS)).await?;
        oauth_flows::expire(&tx, now).await?;
        barred::expire(&tx, now).await?;
        tx.commit().await?;
        self.forget_over(now).await?;
        attempts::sweep(&self.core, now).await
    }

    /// Forgets sessions that have been over for long enough.
    async fn forget_over(&self, now: Timestamp) -> Result<()> {
        let days = i64::from(self.core.config.settings.retention.sessions_days);
        // As long as an access token of theirs could be about, they are known to have ended.
        let kept = (days * DAY_MS).max(self.access_ms() + 2 * HOUR_MS);
        for _ in 0..CHUNKS {
            let tx = self.core.sql.begin().await?;
            let over = sessions::over_before(&tx, now.plus_ms(-kept), CHUNK).await?;
            if over.is_empty() {
                break;
            }
            refresh_tokens::forget_in(&tx, &over).await?;
            sessions::forget(&tx, &over).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    fn access_ms(&self) -> i64 {
        access_ms(&self.core.config)
    }

    fn refresh_expiry(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(i64::from(self.core.config.settings.accounts.refresh_token_seconds) * 1000)
    }
}

/// How long an access token is good for, in milliseconds.
pub(super) fn access_ms(config: &Config) -> i64 {
    i64::from(config.settings.accounts.access_token_seconds) * 1000
}
