//! Accounts: signing up, proving who one is, and the keys of game servers (rules 1, 2 and 5).

use std::{net::IpAddr, sync::Arc};

use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Set};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    core::{Core, now},
    passwords::{self, Passwords},
    sessions::activity,
    tokens::{self, Signer},
};
use crate::{
    entities::{is_unique_violation, server_keys, sessions, users},
    error::{Error, Reason, Result},
    game::{
        accounts::{Role, SignedIn, Viewer, fold, is_email, is_username},
        ids::{MatchId, ServerKeyId, UserId},
        mode::RegionId,
        time::Timestamp,
    },
};

/// What stands before a game server's key.
pub const SERVER_KEY_PREFIX: &str = "rhk_";
pub(super) const REFRESH_PREFIX: &str = "rhr_";
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
    pub(super) core: Arc<Core>,
    passwords: Passwords,
    pub(super) signer: Signer,
}

impl Accounts {
    pub(super) fn new(core: Arc<Core>, secret: &SecretString) -> Self {
        Self {
            passwords: Passwords::new(&core.config.settings.accounts),
            signer: Signer::new(secret),
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
                drop(tx);
                self.refuse_taken(self.core.sql.read(), &user.username_key, &user.email_key)
                    .await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        }
        let data = serde_json::json!({"username": user.username, "role": user.role.as_str()});
        self.core.commit(tx, &[activity(user.id, "REGISTERED", None, data)]).await?;
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
        let fresh = users::lock(&tx, &[who.user]).await?.pop();
        if fresh.is_none_or(|fresh| fresh.password_hash != user.password_hash) {
            let message = "the password was changed by another request just now";
            return Err(Error::bad_input("input.currentPassword", message));
        }
        let live = sessions::live_of(&tx, who.user).await?;
        let mut row = user.into_active_model();
        row.password_hash = Set(hash);
        let user = row.update(&tx).await?;
        let (tokens, _) = self.new_session(&tx, user, from, now).await?;
        let trail = activity(who.user, "PASSWORD_CHANGED", None, serde_json::json!({}));
        self.end_sessions(tx, &live, trail).await?;
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
        tx.commit().await
    }
}

pub(super) fn refuse_suspended(user: &users::Model) -> Result<()> {
    if user.is_suspended(now()) {
        let reason = user.suspended_reason.as_deref().unwrap_or("no reason given");
        return Err(Error::Forbidden(format!("this account is suspended: {reason}")));
    }
    Ok(())
}
