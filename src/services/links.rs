//! Accounts at other services: signing in with them, linking and unlinking them.
//!
//! A sign-in begins with two secrets: the state travels through the service and comes back with the person's yes; the
//! other never leaves the client that began. Both are needed to finish, so nobody can have somebody else finish what they
//! began. An address that a service tells never leads to an account that is there already: only a link does.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use super::{
    accounts::{Accounts, Came, NewAccount, Origin, Tokens, refuse_suspended},
    bars,
    core::now,
    sessions::activity,
    tokens, vault,
};
use crate::{
    backends::{
        identity::Identity,
        sql::{Tx, retrying},
    },
    entities::{is_unique_violation, linked_accounts, oauth_flows, users},
    error::{Error, Reason, Result},
    game::{
        accounts::{NO_ADDRESS, Role, SignedIn, fold, is_email, is_username},
        ids::UserId,
        mode::RegionId,
        time::Timestamp,
    },
};

/// How long a sign-in at a service may take, in milliseconds.
const FLOW_MS: i64 = 10 * 60 * 1000;
const FLOW_PREFIX: &str = "rhf_";

/// A sign-in that has begun.
#[derive(Clone, Debug)]
pub struct Started {
    /// Where the person is to be sent.
    pub url: String,
    /// What the service sends back with them.
    pub state: String,
    /// What finishes it, together with the state; only for the client that began.
    pub secret: String,
}

/// What finishes a sign-in.
#[derive(Clone, Debug)]
pub struct Finish {
    /// From the service.
    pub state: String,
    /// From the service.
    pub code: String,
    /// From the beginning.
    pub secret: String,
}

/// What a new account is to be, where the service's account is linked to none.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Their name; none: as they are called at the service, as far as that is free.
    pub username: Option<String>,
    /// Where they play.
    pub region: Option<RegionId>,
}

impl Accounts {
    /// The services that people can sign in with: id and name.
    pub fn providers(&self) -> Vec<(String, String)> {
        let all = self.providers.all().into_iter();
        all.map(|one| (one.settings.id.clone(), one.settings.name.clone())).collect()
    }

    /// Begins a sign-in at a service; for a viewer: the linking of their account there.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a service that is not configured, or a page that is not listed; for a viewer as [`Self::prove`].
    pub async fn begin_flow(
        &self,
        provider: &str,
        redirect_uri: &str,
        viewer: Option<&SignedIn>,
        password: Option<String>,
    ) -> Result<Started> {
        if let Some(who) = viewer {
            self.prove(who, "input.password", password).await?;
        }
        let known = self.providers.get(provider).ok_or_else(|| {
            let known: Vec<_> = self.providers().into_iter().map(|(id, _)| id).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message = format!("one cannot sign in with that here; configured: {known}");
            Error::bad_input("input.provider", message)
        })?;
        if !self.core.config.settings.oauth.redirect_uris.iter().any(|uri| uri == redirect_uri) {
            let message = "this page is not listed in oauth.redirect_uris";
            return Err(Error::bad_input("input.redirectUri", message));
        }
        let begun = known.begin(redirect_uri)?;
        let secret = tokens::random(FLOW_PREFIX);
        let row = oauth_flows::Model {
            state_hash: tokens::hash(&begun.state),
            secret_hash: tokens::hash(&secret),
            provider: provider.to_owned(),
            user_id: viewer.map(|who| who.user),
            verifier: self.core.vault.seal("oauth.verifier", &begun.verifier)?,
            redirect_uri: redirect_uri.to_owned(),
            expires_at: now().plus_ms(FLOW_MS),
        };
        let tx = self.core.sql.begin().await?;
        oauth_flows::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(Started { url: begun.url, state: begun.state, secret })
    }

    /// Takes the flow that these finish; the code's service then tells who that is.
    async fn finish_flow(
        &self,
        finish: Finish,
        viewer: Option<UserId>,
    ) -> Result<(String, Identity)> {
        let refused = || {
            let message = "this sign-in is unknown, finished or out of date: begin another";
            Error::bad_input("input.state", message)
        };
        let hash = tokens::hash(&finish.state);
        let tx = self.core.sql.begin().await?;
        let flow = oauth_flows::of_state(&tx, &hash).await?.ok_or_else(refused)?;
        let own = vault::same(&flow.secret_hash, &tokens::hash(&finish.secret))
            && flow.user_id == viewer
            && flow.expires_at > now();
        if !own || !oauth_flows::take(&tx, &hash).await? {
            return Err(refused());
        }
        tx.commit().await?;
        let provider = self.providers.get(&flow.provider).ok_or_else(refused)?;
        // Another instance may have a newer key already.
        self.core.learn_secrets(self.core.sql.read()).await?;
        let verifier = self.core.vault.open("oauth.verifier", &flow.verifier)?;
        let identity =
            self.providers.identify(provider, &flow.redirect_uri, finish.code, verifier).await?;
        Ok((flow.provider, identity))
    }

    /// Signs in with an account at a service; where it is linked to none here, makes one. Says whether it did.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what does not finish a sign-in, FORBIDDEN while suspended, CONFLICT for a name that is taken, or an
    /// address whose account is to be signed in to, and linked, first.
    pub async fn finish_sign_in(
        &self,
        finish: Finish,
        wanted: Wanted,
        from: &Origin,
    ) -> Result<(Tokens, bool)> {
        let (provider, identity) = self.finish_flow(finish, None).await?;
        let linked =
            linked_accounts::by_subject(self.core.sql.read(), &provider, &identity.subject).await?;
        let Some(linked) = linked else {
            let user = self.newcomer(&provider, &identity, wanted).await?;
            return Ok((self.begin_session(user, from).await?, true));
        };
        let user = users::by_id(self.core.sql.read(), linked.user_id).await?;
        let user = user.ok_or(Error::NotFound("user"))?;
        refuse_suspended(&user)?;
        // What the service tells now takes the place of what it told last time.
        retrying(|| self.try_link(user.id, &provider, &identity)).await?;
        Ok((self.begin_session(user, from).await?, false))
    }

    /// An account for somebody whom a service knows.
    async fn newcomer(
        &self,
        provider: &str,
        identity: &Identity,
        wanted: Wanted,
    ) -> Result<users::Model> {
        let proven = identity.email.clone().filter(|email| is_email(email));
        let subject = tokens::hash(&format!("{provider}:{}", identity.subject));
        let email = proven.unwrap_or_else(|| format!("{}{NO_ADDRESS}", &subject[..32]));
        let chosen = wanted.username.is_some();
        let first = wanted.username.unwrap_or_else(|| plain_name(&identity.username));
        for attempt in 0..10 {
            let username = match attempt {
                0 => first.clone(),
                _ => {
                    let cut: String = first.chars().take(15).collect();
                    format!("{cut}-{:04}", rand::random::<u16>() % 10_000)
                }
            };
            let new = NewAccount {
                username,
                email: email.clone(),
                password: String::new(),
                region: wanted.region.clone(),
                role: Role::Player,
            };
            self.refuse_malformed(&new)?;
            let (name, address) = (fold(&new.username), fold(&new.email));
            let taken = self.refuse_taken(self.core.sql.read(), &name, &address).await;
            let made = match taken {
                Ok(()) => self.insert(new, String::new(), Came::Known(provider, identity)).await,
                Err(error) => Err(error),
            };
            match made {
                Err(Error::Conflict { reason: Reason::UsernameTaken, .. }) if !chosen => {}
                made => return made,
            }
        }
        Err(Error::conflict(Reason::UsernameTaken, "choose a username"))
    }

    /// Links the viewer's account at a service to their account here.
    ///
    /// # Errors
    /// BAD_USER_INPUT for what does not finish it, CONFLICT where either account is linked already.
    pub async fn finish_link(
        &self,
        who: &SignedIn,
        finish: Finish,
    ) -> Result<linked_accounts::Model> {
        let (provider, identity) = self.finish_flow(finish, Some(who.user)).await?;
        retrying(|| self.try_link(who.user, &provider, &identity)).await
    }

    async fn try_link(
        &self,
        user: UserId,
        provider: &str,
        identity: &Identity,
    ) -> Result<linked_accounts::Model> {
        let tx = self.core.sql.begin().await?;
        users::lock(&tx, &[user]).await?.pop().ok_or(Error::NotFound("user"))?;
        let held = linked_accounts::by_subject(&tx, provider, &identity.subject).await?;
        if held.as_ref().is_some_and(|held| held.user_id != user) {
            return Err(conflict("this account is linked to somebody else"));
        }
        let own = linked_accounts::of_user(&tx, user).await?;
        if held.is_none() && own.iter().any(|own| own.provider == provider) {
            return Err(conflict("another account there is linked: unlink it first"));
        }
        let fresh = held.is_none();
        let linked_at = held.map_or_else(now, |held| held.linked_at);
        let row = self.put_link(&tx, user, provider, identity, linked_at).await?;
        let data = serde_json::json!({"provider": provider, "name": row.name});
        let trail = fresh.then(|| activity(user, "ACCOUNT_LINKED", None, data));
        self.core.commit(tx, trail.as_slice()).await?;
        Ok(row)
    }

    /// Puts what a service tells now in the place of what it told before, if it did.
    pub(super) async fn put_link(
        &self,
        tx: &Tx,
        user: UserId,
        provider: &str,
        identity: &Identity,
        linked_at: Timestamp,
    ) -> Result<linked_accounts::Model> {
        bars::refuse_elsewhere(&self.core, tx, provider, &identity.subject).await?;
        // For this account there alone: it does not open where somebody else's is.
        let purpose = format!("{TOKENS}:{provider}:{}", identity.subject);
        let mut tokens = identity.tokens.clone();
        if let Some(held) = linked_accounts::by_subject(tx, provider, &identity.subject).await?
            && let Ok(before) = self.core.vault.open(&purpose, &held.tokens)
        {
            tokens.keep(serde_json::from_str(&before).map_err(Error::internal)?);
        }
        let tokens = serde_json::to_string(&tokens).map_err(Error::internal)?;
        let row = linked_accounts::Model {
            provider: provider.to_owned(),
            subject: identity.subject.clone(),
            user_id: user,
            name: identity.username.chars().take(100).collect(),
            tokens: self.core.vault.seal(&purpose, &tokens)?,
            linked_at,
            last_used_at: now(),
        };
        linked_accounts::unlink(tx, user, Some(provider)).await?;
        let insert = linked_accounts::Entity::insert(row.clone().into_active_model().reset_all());
        match insert.exec_without_returning(tx).await {
            Err(error) if is_unique_violation(&error) => {
                return Err(conflict("this account is linked to somebody else"));
            }
            other => other.map(drop)?,
        }
        Ok(row)
    }

    /// Unlinks the viewer's account at a service; false where none was linked.
    ///
    /// # Errors
    /// CONFLICT where it is all that they can sign in with.
    pub async fn unlink(&self, who: &SignedIn, provider: &str) -> Result<bool> {
        retrying(|| self.try_unlink(who.user, provider)).await
    }

    async fn try_unlink(&self, user: UserId, provider: &str) -> Result<bool> {
        let tx: Tx = self.core.sql.begin().await?;
        let row = users::lock(&tx, &[user]).await?.pop().ok_or(Error::NotFound("user"))?;
        let held = linked_accounts::of_user(&tx, user).await?;
        if !held.iter().any(|held| held.provider == provider) {
            return Ok(false);
        }
        if row.password_hash.is_empty() && held.len() == 1 {
            let message = "this is all that you can sign in with: set a password first";
            return Err(Error::conflict(Reason::LastSignIn, message));
        }
        linked_accounts::unlink(&tx, user, Some(provider)).await?;
        let data = serde_json::json!({"provider": provider});
        self.core.commit(tx, &[activity(user, "ACCOUNT_UNLINKED", None, data)]).await?;
        Ok(true)
    }

    /// What a user has linked, the oldest first.
    pub async fn linked(&self, user: UserId) -> Result<Vec<linked_accounts::Model>> {
        linked_accounts::of_user(self.core.sql.read(), user).await
    }
}

fn conflict(message: &str) -> Error {
    Error::conflict(Reason::AccountLinked, message)
}

/// What the tokens of services are sealed for.
const TOKENS: &str = "oauth.tokens";

/// The nearest to a name that can be a username here.
fn plain_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    let mut plain: String = name.trim().chars().map(plain).take(20).collect();
    while plain.len() < 3 {
        plain.push('_');
    }
    if is_username(&plain) { plain } else { "player".into() }
}
