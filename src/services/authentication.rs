//! Whom a token belongs to, by the keys that this instance knows.

use std::sync::atomic::Ordering;

use super::{accounts::Accounts, core::now, secrets, server_keys::SERVER_KEY_PREFIX, tokens};
use crate::{
    config::secret::Purpose,
    entities::server_keys,
    error::{Error, Result},
    game::accounts::{Credential, Viewer},
};

impl Accounts {
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
        self.learn_key_of(token).await;
        let who = self.signer.verify(token, now())?;
        if self.has_ended(Credential::Session(who.session)) {
            return Err(Error::Unauthenticated("the session has ended".into()));
        }
        Ok(Viewer::User(who))
    }

    /// Uses the signing keys that are kept now, and what else is keyed.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when the database does not answer.
    pub async fn load_keys(&self) -> Result<()> {
        let core = &self.core;
        if core.config.jwt_secrets.is_empty() {
            let secrets = secrets::load(&core.config, &core.sql, Purpose::Signing).await?;
            self.signer.replace(&secrets);
        }
        core.learn_secrets(core.sql.read()).await?;
        self.look_for_imported().await
    }

    /// Another instance may have made a key that this one does not know yet.
    pub(super) async fn learn_key_of(&self, token: &str) {
        if self.signer.is_foreign(token) {
            self.load_keys_soon().await;
        }
    }

    /// The same as [`Self::load_keys`], not more often than once a second however many tokens ask for it.
    async fn load_keys_soon(&self) {
        let now = now();
        let last = self.keys_loaded.load(Ordering::Relaxed);
        let due = now.0.saturating_sub(last) >= 1_000
            && self
                .keys_loaded
                .compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if due && let Err(error) = self.load_keys().await {
            tracing::warn!(%error, "the signing keys could not be read again");
        }
    }
}
