//! Signing up, in and out (rules 1 to 5).

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, Set,
};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{
    core::{Core, now},
    passwords::{self, Passwords},
    tokens::{self, Signer},
};
use crate::{
    entities::{is_unique_violation, refresh_tokens, server_keys, sessions, users},
    error::{Error, Reason, Result},
    game::{
        accounts::{Role, SignedIn, Viewer, fold, is_email, is_username},
        event::Fact,
        ids::{MatchId, ServerKeyId, SessionId, UserId},
        mode::RegionId,
        time::Timestamp,
    },
};

/// What stands before a game server's key.
pub const SERVER_KEY_PREFIX: &str = "rhk_";
const REFRESH_PREFIX: &str = "rhr_";
/// How long a token that lets a player into a match is good for, in milliseconds.
const JOIN_TOKEN_MS: i64 = 5 * 60 * 1000;

/// Where a request comes from, as a session remembers it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<String>,
}

/// What a new account is made of.
#[derive(Debug)]
pub struct NewAccount {
    /// See rule 1.
    pub username: String,
    /// See rule 1.
    pub email: String,
    /// 8 to 128 characters.
    pub password: String,
    /// Where they play.
    pub region: Option<RegionId>,
    /// What they may do.
    pub role: Role,
}

/// A signed-in session, with the tokens that prove and renew it.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Who.
    pub user: users::Model,
    /// Proves the session.
    pub access: String,
    /// Until then.
    pub access_expires_at: Timestamp,
    /// Renews the session, once.
    pub refresh: String,
    /// Until then.
    pub refresh_expires_at: Timestamp,
}

/// See the module.
pub struct Accounts {
    core: Arc<Core>,
    passwords: Passwords,
    signer: Signer,
    /// Sessions that ended before their time, while an access token of theirs could still be about.
    ended: RwLock<HashMap<SessionId, Timestamp>>,
    endings: broadcast::Sender<SessionId>,
}

impl Accounts {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            passwords: Passwords::new(&core.config.settings.accounts),
            signer: Signer::new(&core.config.jwt_secret),
            ended: RwLock::default(),
            endings: broadcast::channel(1024).0,
            core,
        }
    }

    /// Makes an account.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a malformed field, CONFLICT for a name or address that is taken.
    pub async fn create(&self, new: NewAccount) -> Result<users::Model> {
        if !is_username(&new.username) {
            return Err(Error::bad_input(
                "input.username",
                "a username has 3 to 20 of the characters A-Z, a-z, 0-9, _ and -",
            ));
        }
        if !is_email(&new.email) {
            return Err(Error::bad_input("input.email", "this is not an email address"));
        }
        if let Some(region) = &new.region {
            self.core.region("input.region", region)?;
        }
        passwords::check("input.password", &new.password, &[&new.username, &new.email])?;
        let (username_key, email_key) = (fold(&new.username), fold(&new.email));
        self.refuse_taken(self.core.sql.read(), &username_key, &email_key).await?;
        let password_hash = self.passwords.hash(new.password).await?;
        let user = users::Model {
            id: UserId::from_uuid(Uuid::now_v7()),
            username: new.username,
            username_key,
            email: new.email,
            email_key,
            password_hash,
            role: new.role,
            region: new.region,
            country: None,
            avatar_url: None,
            bio: None,
            suspended_until: None,
            suspended_reason: None,
            created_at: now(),
        };
        let tx = self.core.sql.begin().await?;
        let row = users::ActiveModel::from(user.clone()).reset_all();
        match users::Entity::insert(row).exec_without_returning(&tx).await {
            Ok(_) => {}
            Err(error) if is_unique_violation(&error) => {
                // Somebody was faster; which of the two it was is read once more.
                self.refuse_taken(&tx, &user.username_key, &user.email_key).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
        tx.commit().await?;
        Ok(user)
    }

    /// The hash of a password that passes the same checks as anybody's.
    pub(super) async fn password_hash(&self, password: String) -> Result<String> {
        passwords::check("password", &password, &[])?;
        self.passwords.hash(password).await
    }

    async fn refuse_taken(
        &self,
        db: &impl ConnectionTrait,
        username: &str,
        email: &str,
    ) -> Result<()> {
        if users::by_name(db, username).await?.is_some() {
            return Err(Error::conflict(Reason::UsernameTaken, "this username is taken"));
        }
        if users::by_login(db, email).await?.is_some() {
            return Err(Error::conflict(
                Reason::EmailTaken,
                "this email address has an account already",
            ));
        }
        Ok(())
    }

    /// Begins a session for a user who has just proved who they are.
    pub async fn begin_session(&self, user: users::Model, from: &Origin) -> Result<Tokens> {
        let now = now();
        let tx = self.core.sql.begin().await?;
        let (tokens, session) = self.new_session(&tx, user, from, now).await?;
        tracing::debug!(%session, "session began");
        tx.commit().await?;
        Ok(tokens)
    }

    async fn new_session(
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

    /// Signs in with a name or address and a password.
    ///
    /// # Errors
    /// UNAUTHENTICATED, the same and as fast for an unknown name as for a wrong password; FORBIDDEN while suspended.
    pub async fn login(&self, login: &str, password: String, from: &Origin) -> Result<Tokens> {
        let user = users::by_login(self.core.sql.read(), &fold(login)).await?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.passwords.verify(password, stored).await?;
        match user {
            Some(user) if right => {
                refuse_suspended(&user)?;
                self.begin_session(user, from).await
            }
            _ => Err(Error::Unauthenticated("the login or the password is wrong".into())),
        }
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

    /// Changes the viewer's password, ends every session of theirs and begins a new one.
    ///
    /// # Errors
    /// BAD_USER_INPUT when the current password is wrong or the new one will not do.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        current: String,
        new: String,
        from: &Origin,
    ) -> Result<Tokens> {
        let user =
            users::by_id(self.core.sql.read(), who.user).await?.ok_or(Error::NotFound("user"))?;
        if !self.passwords.verify(current, Some(user.password_hash.clone())).await? {
            return Err(Error::bad_input(
                "input.currentPassword",
                "this is not the current password",
            ));
        }
        passwords::check("input.newPassword", &new, &[&user.username, &user.email])?;
        let hash = self.passwords.hash(new).await?;
        let now = now();
        let tx = self.core.sql.begin().await?;
        let live = sessions::live_of(&tx, who.user).await?;
        let mut row = user.into_active_model();
        row.password_hash = Set(hash);
        let user = row.update(&tx).await?;
        let (tokens, _) = self.new_session(&tx, user, from, now).await?;
        self.end_sessions(tx, &live).await?;
        Ok(tokens)
    }

    /// Who a bearer token belongs to: a person's access token or a game server's key.
    ///
    /// # Errors
    /// UNAUTHENTICATED when it is malformed, expired, revoked or forged.
    pub async fn authenticate(&self, token: &str) -> Result<Viewer> {
        if token.starts_with(SERVER_KEY_PREFIX) {
            let key = server_keys::live_by_hash(self.core.sql.read(), &tokens::hash(token)).await?;
            return key
                .map(|key| Viewer::Server(key.id))
                .ok_or_else(|| Error::Unauthenticated("the server key is not valid".into()));
        }
        let who = self.signer.verify(token)?;
        if self.has_ended(who.session) {
            return Err(Error::Unauthenticated("the session has ended".into()));
        }
        Ok(Viewer::User(who))
    }

    /// Sessions as they end before their time.
    pub fn ended_sessions(&self) -> broadcast::Receiver<SessionId> {
        self.endings.subscribe()
    }

    /// Whether a session ended before its time.
    pub fn has_ended(&self, session: SessionId) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).contains_key(&session)
    }

    /// A token that proves to a game server that this user plays in this match.
    pub fn join_token(&self, user: UserId, match_id: MatchId) -> Result<String> {
        self.signer.join(user, match_id, now().plus_ms(JOIN_TOKEN_MS))
    }

    /// Makes a key for a game server, which is shown this once.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a name that is empty or longer than 100 characters.
    pub async fn create_server_key(&self, name: &str) -> Result<(ServerKeyId, String)> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Error::bad_input("input.name", "a key's name has 1 to 100 characters"));
        }
        let key = tokens::random(SERVER_KEY_PREFIX);
        let id = ServerKeyId::from_uuid(Uuid::now_v7());
        let row = server_keys::Model {
            id,
            name: name.into(),
            hash: tokens::hash(&key),
            created_at: now(),
            revoked_at: None,
        };
        let tx = self.core.sql.begin().await?;
        let row = server_keys::ActiveModel::from(row).reset_all();
        server_keys::Entity::insert(row).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok((id, key))
    }

    /// Takes a game server's key back.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown one.
    pub async fn revoke_server_key(&self, id: ServerKeyId) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        if server_keys::Entity::find_by_id(id).one(&tx).await?.is_none() {
            return Err(Error::NotFound("server key"));
        }
        server_keys::revoke(&tx, id, now()).await?;
        Ok(tx.commit().await?)
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

fn refuse_suspended(user: &users::Model) -> Result<()> {
    if user.is_suspended(now()) {
        let reason = user.suspended_reason.as_deref().unwrap_or("no reason given");
        return Err(Error::Forbidden(format!("this account is suspended: {reason}")));
    }
    Ok(())
}
