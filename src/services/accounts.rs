//! Accounts: signing up, proving who one is, and the keys of game servers (rules 1, 2 and 5).

use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicI64},
};

use chrono::DateTime;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;

use super::{
    attempts::Attempt,
    bars,
    core::{Core, now},
    mails,
    passwords::{self, Passwords, Verdict},
    sessions::activity,
    tokens::Signer,
};
use crate::{
    backends::identity::{Identity, Providers},
    config::secret::Secrets,
    entities::{is_unique_violation, sessions, users},
    error::{Error, Reason, Result},
    game::{
        accounts::{MailKind, NO_ADDRESS, Role, SignedIn, fold, is_email, is_nowhere, is_username},
        ids::UserId,
        mode::RegionId,
        time::Timestamp,
    },
};

pub(super) const REFRESH_PREFIX: &str = "rhr_";
/// What the names of deleted accounts begin with.
pub(super) const DELETED_PREFIX: &str = "deleted-";

/// For how long after a sign-in one need not prove again who one is, in milliseconds.
const FRESH_MS: i64 = 15 * 60 * 1000;
/// Kinds of hashes that are learned in one go.
const KINDS_OF_HASHES: usize = 64;

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

/// By which way an account comes to be.
#[derive(Clone, Copy)]
pub(super) enum Came<'a> {
    /// Its owner made it, or an operator.
    Here,
    /// With other users from elsewhere.
    Imported,
    /// This service knows its owner.
    Known(&'a str, &'a Identity),
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
    /// What a page sends along with the session's cookie, to show that it was told.
    pub csrf: String,
}

/// See the module.
pub struct Accounts {
    pub(super) core: Arc<Core>,
    pub(super) passwords: Passwords,
    pub(super) signer: Signer,
    pub(super) providers: Providers,
    /// When the signing keys were last asked for, in milliseconds since 1970.
    pub(super) keys_loaded: AtomicI64,
}

impl Accounts {
    pub(super) fn new(core: Arc<Core>, secrets: &Secrets) -> Result<Self> {
        Ok(Self {
            providers: Providers::new(&core.config)?,
            passwords: Passwords::new(&core.config.settings),
            signer: Signer::new(secrets, &core.config.settings.accounts),
            keys_loaded: AtomicI64::new(0),
            core,
        })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a malformed field, CONFLICT for a name or address that is taken.
    pub async fn create(&self, new: NewAccount) -> Result<users::Model> {
        passwords::check("input.password", &new.password, &[&new.username, &new.email])?;
        self.refuse_malformed(&new)?;
        let (username_key, email_key) = (fold(&new.username), fold(&new.email));
        self.refuse_taken(self.core.sql.read(), &username_key, &email_key).await?;
        let password_hash = self.passwords.hash(new.password.clone()).await?;
        self.insert(new, password_hash, Came::Here).await
    }

    /// Makes an account that came from elsewhere, with the hash that its password had there.
    ///
    /// # Errors
    /// As [`Self::create`], and BAD_USER_INPUT for a hash that is neither Argon2id's nor bcrypt's, or dearer than is good.
    pub async fn import(&self, new: NewAccount, password_hash: String) -> Result<users::Model> {
        self.refuse_malformed(&new)?;
        passwords::check_imported("passwordHash", &password_hash)?;
        self.refuse_taken(self.core.sql.read(), &fold(&new.username), &fold(&new.email)).await?;
        self.insert(new, password_hash, Came::Imported).await
    }

    pub(super) fn refuse_malformed(&self, new: &NewAccount) -> Result<()> {
        if !is_username(&new.username) || new.username.to_lowercase().starts_with(DELETED_PREFIX) {
            return Err(Error::bad_input(
                "input.username",
                "a username has 3 to 20 of the characters A-Z, a-z, 0-9, _ and -, and does not begin with deleted-",
            ));
        }
        let none = new.password.is_empty() && new.email.ends_with(NO_ADDRESS);
        if !none && !is_email(&new.email) {
            return Err(Error::bad_input("input.email", "this is not an email address"));
        }
        if let Some(region) = &new.region {
            self.core.region("input.region", region)?;
        }
        Ok(())
    }

    pub(super) async fn insert(
        &self,
        new: NewAccount,
        password_hash: String,
        came: Came<'_>,
    ) -> Result<users::Model> {
        let now = now();
        let known = match came {
            Came::Known(provider, identity) => Some((provider, identity)),
            Came::Here | Came::Imported => None,
        };
        // What a service tells of an address it has seen proven.
        let proven = known.is_some() && !is_nowhere(&new.email);
        let user = users::Model {
            id: UserId::from_uuid(Uuid::now_v7()),
            username_key: fold(&new.username),
            username: new.username,
            email_key: fold(&new.email),
            email: new.email,
            password_hash,
            role: new.role,
            region: new.region,
            country: None,
            avatar_url: None,
            bio: None,
            suspended_until: None,
            suspended_reason: None,
            created_at: now,
            email_verified_at: proven.then_some(now),
            deletes_at: None,
            deleted_at: None,
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
        if let Some((provider, identity)) = known {
            self.put_link(&tx, user.id, provider, identity, now).await?;
        }
        // Whoever is brought from elsewhere is not written to before they come here.
        if matches!(came, Came::Here) {
            mails::ask(&tx, Some(user.id), MailKind::VerifyEmail).await?;
        }
        let data = serde_json::json!({
            "after": {"username": user.username, "role": user.role.as_str()},
            "provider": known.map(|(provider, _)| provider),
        });
        self.core.commit(tx, &[activity(user.id, "REGISTERED", None, data)]).await?;
        self.core.wake_mailer.notify_one();
        Ok(user)
    }

    /// The hash of a password that passes the same checks as anybody's.
    pub(super) async fn password_hash(&self, password: String) -> Result<String> {
        passwords::check("password", &password, &[])?;
        self.passwords.hash(password).await
    }

    pub(super) async fn refuse_taken(
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
        // After the others: what was deleted meanwhile is barred by now.
        bars::refuse_address(&self.core, db, email).await?;
        bars::refuse_name(&self.core, db, username).await
    }

    /// Signs in with a name or address and a password.
    ///
    /// # Errors
    /// UNAUTHENTICATED, the same and as fast for an unknown name as for a wrong password; RATE_LIMITED after a few of those;
    /// FORBIDDEN while suspended.
    pub async fn login(&self, login: &str, password: String, from: &Origin) -> Result<Tokens> {
        let login = normal_login(login);
        // Nobody has another name; and some databases would find one all the same, whatever blanks follow it.
        let user = match is_username(&login) || is_email(&login) {
            true => users::by_login(self.core.sql.read(), &login).await?,
            false => None,
        };
        // Counted by what was typed: a count that a name and an address have in common would tell whose the address is.
        let attempt = Attempt::new(&self.core, &login, from.address);
        attempt.check(user.as_ref()).await?;
        let stored = user.as_ref().map(|user| user.password_hash.clone());
        let verdict = self.passwords.verify(password.clone(), stored).await?;
        let Some(user) = user.clone().filter(|_| verdict != Verdict::Wrong) else {
            attempt.failed(user.as_ref()).await?;
            return Err(Error::Unauthenticated("the login or the password is wrong".into()));
        };
        attempt.succeeded().await?;
        refuse_suspended(&user)?;
        let user = match verdict {
            Verdict::Outdated => self.upgraded(user, password).await?,
            Verdict::Right | Verdict::Wrong => user,
        };
        self.begin_session(user, from).await
    }

    /// The user with a hash as they are made here, of the password that theirs is of.
    async fn upgraded(&self, mut user: users::Model, password: String) -> Result<users::Model> {
        let hash = self.passwords.hash(password.clone()).await?;
        let tx = self.core.sql.begin().await?;
        let done = users::upgrade_hash(&tx, user.id, &user.password_hash, &hash).await?;
        tx.commit().await?;
        if done {
            user.password_hash = hash;
            return Ok(user);
        }
        // Somebody was faster: with the same password, unless it was changed.
        let changed = || Error::Unauthenticated("the password was changed just now".into());
        let fresh = users::by_id(self.core.sql.read(), user.id).await?.ok_or_else(changed)?;
        match self.passwords.verify(password, Some(fresh.password_hash.clone())).await? {
            Verdict::Wrong => Err(changed()),
            Verdict::Right | Verdict::Outdated => Ok(fresh),
        }
    }

    /// Changes the viewer's password, ends every session of theirs and begins a new one.
    ///
    /// # Errors
    /// BAD_USER_INPUT when the current password is wrong (whoever has none must have signed in just now) or the new one will
    /// not do.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        current: String,
        new: String,
        from: &Origin,
    ) -> Result<Tokens> {
        let user = self.prove(who, "input.currentPassword", Some(current)).await?;
        passwords::check("input.newPassword", &new, &[&user.username, &user.email])?;
        let hash = self.passwords.hash(new).await?;
        let now = now();
        let tx = self.core.sql.begin().await?;
        let fresh = users::lock(&tx, &[who.user]).await?.pop();
        if fresh.is_none_or(|fresh| fresh.password_hash != user.password_hash) {
            let message = "the password was changed by another request just now";
            return Err(Error::bad_input("input.currentPassword", message));
        }
        self.forget_ways_in(&tx, who.user).await?;
        let live = sessions::live_of(&tx, who.user).await?;
        let mut row = user.into_active_model();
        row.password_hash = Set(hash);
        let user = row.update(&tx).await?;
        let (tokens, _) = self.new_session(&tx, user, from, now).await?;
        let trail = activity(who.user, "PASSWORD_CHANGED", None, serde_json::json!({}));
        self.end_sessions(tx, &live, trail).await?;
        Ok(tokens)
    }

    /// Whoever is about to change the ways in says the password; where there is none, or none is said, they must have signed
    /// in just now: a token that was picked up somewhere is not enough.
    ///
    /// # Errors
    /// BAD_USER_INPUT, naming the field, when they do not.
    pub(super) async fn prove(
        &self,
        who: &SignedIn,
        field: &str,
        password: Option<String>,
    ) -> Result<users::Model> {
        let db = self.core.sql.read();
        let user = users::by_id(db, who.user).await?.ok_or(Error::NotFound("user"))?;
        if let Some(password) = password.filter(|_| !user.password_hash.is_empty()) {
            let stored = Some(user.password_hash.clone());
            return match self.passwords.verify(password, stored).await? {
                Verdict::Wrong => Err(Error::bad_input(field, "this is not the current password")),
                Verdict::Right | Verdict::Outdated => Ok(user),
            };
        }
        let session = sessions::Entity::find_by_id(who.session).one(db).await?;
        if session.is_none_or(|session| now().since(session.created_at) > FRESH_MS) {
            let message =
                "you signed in a while ago: say the password, or sign in again where you have none";
            return Err(Error::bad_input(field, message));
        }
        Ok(user)
    }

    /// Learns what the hashes cost that accounts have.
    pub(super) async fn look_for_imported(&self) -> Result<()> {
        for _ in 0..KINDS_OF_HASHES {
            let seen = self.passwords.seen();
            let Some(hash) = users::hash_unlike(self.core.sql.read(), &seen).await? else { break };
            self.passwords.expect(&hash);
        }
        Ok(())
    }
}

/// What is typed to sign in, without what spellings of the same differ in.
pub(super) fn normal_login(text: &str) -> String {
    fold(text.trim())
}

pub(super) fn refuse_suspended(user: &users::Model) -> Result<()> {
    if user.is_suspended(now()) {
        let reason = user.suspended_reason.as_deref().unwrap_or("no reason given");
        let until = user.suspended_until.filter(|until| *until < Timestamp::FOREVER);
        let until = until.and_then(|until| DateTime::from_timestamp_millis(until.0));
        let until = until.map(|at| at.format(" until %F %R UTC").to_string()).unwrap_or_default();
        return Err(Error::Suspended(format!("this account is suspended{until}: {reason}")));
    }
    Ok(())
}
