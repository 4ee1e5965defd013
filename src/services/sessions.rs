//! Sessions: how they begin, go on and end (rules 3 and 4).

use std::sync::PoisonError;

use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Set};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    accounts::{Accounts, Origin, REFRESH_PREFIX, Tokens, refuse_suspended},
    core::now,
    tokens,
};
use crate::{
    entities::{refresh_tokens, sessions, users},
    error::{Error, Result},
    game::{accounts::SignedIn, event::Fact, ids::SessionId, time::Timestamp},
};

impl Accounts {
    /// Begins a session for a user who has just proved who they are.
    pub async fn begin_session(&self, user: users::Model, from: &Origin) -> Result<Tokens> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        let (tokens, session) = self.new_session(&tx, user, from, now).await?;
        tracing::debug!(%session, "session began");
        tx.commit().await?;
        Ok(tokens)
    }

    pub(super) async fn new_session(
        &self,
        tx: &DatabaseTransaction,
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
        tx: &DatabaseTransaction,
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
    pub async fn refresh(&self, token: &str) -> Result<Tokens> {
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
            self.end_sessions(tx, &[session.id]).await?;
            return Err(refused());
        }
        let user = users::by_id(&tx, session.user_id).await?.ok_or_else(refused)?;
        refuse_suspended(&user)?;
        let mut row = session.clone().into_active_model();
        row.last_used_at = Set(now);
        row.expires_at = Set(self.refresh_expiry(now));
        row.update(&tx).await?;
        let tokens = self.issue(&tx, user, session.id, now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// Ends the viewer's session.
    pub async fn logout(&self, who: &SignedIn) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        self.end_sessions(tx, &[who.session]).await
    }

    /// Ends every session of the viewer.
    pub async fn logout_everywhere(&self, who: &SignedIn) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let live = sessions::live_of(&tx, who.user).await?;
        self.end_sessions(tx, &live).await
    }

    /// Sessions as they end before their time.
    pub fn ended_sessions(&self) -> broadcast::Receiver<SessionId> {
        self.endings.subscribe()
    }

    /// Whether a session ended before its time.
    pub fn has_ended(&self, session: SessionId) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// Ends sessions, commits, and refuses their access tokens from now on.
    pub async fn end_sessions(&self, tx: DatabaseTransaction, ids: &[SessionId]) -> Result<()> {
        let mut facts = Vec::new();
        for id in ids {
            if sessions::end(&tx, *id, now()).await? {
                facts.push(Fact::SessionEnded { session: *id });
            }
        }
        self.core.commit(tx, &facts).await?;
        for id in ids {
            self.forget_session(*id, now());
        }
        Ok(())
    }

    /// Refuses a session's access tokens from now on, and tells its sockets.
    pub fn forget_session(&self, id: SessionId, at: Timestamp) {
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        if ended.insert(id, at).is_none() {
            // An error means that nobody listens.
            let _ = self.endings.send(id);
        }
    }

    /// Hears of sessions that ended on other instances, and before this one started.
    pub async fn load_ended(&self) -> Result<()> {
        let horizon = now().plus_ms(-self.access_ms() - 60_000);
        for (id, at) in sessions::ended_since(self.core.sql.read(), horizon).await? {
            self.forget_session(id, at.unwrap_or(horizon));
        }
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, at| *at >= horizon);
        Ok(())
    }

    /// Forgets refresh tokens that ran out.
    pub async fn sweep(&self) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        refresh_tokens::forget(&tx, now()).await?;
        Ok(tx.commit().await?)
    }

    fn access_ms(&self) -> i64 {
        i64::from(self.core.config.settings.accounts.access_token_seconds) * 1000
    }

    fn refresh_expiry(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(i64::from(self.core.config.settings.accounts.refresh_token_seconds) * 1000)
    }
}
