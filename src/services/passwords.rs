//! Password hashes: Argon2id, off the async threads, a bounded number at once.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{
    config,
    error::{Error, Result},
};

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// The fewest guesses of an attacker that a password must withstand: more than a list of common ones holds.
const GUESSES_MIN: u64 = 50_000;

/// See the module.
pub struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// Verified against where there is no account, so that both take the same time.
    decoy: String,
}

impl Passwords {
    /// Hashes as the settings say.
    pub fn new(settings: &config::Accounts) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parallel = if settings.argon2_parallel == 0 { cores } else { settings.argon2_parallel };
        let params = Params::new(settings.argon2_memory_kib, settings.argon2_passes, 1, None)
            .unwrap_or_default();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "decoy").unwrap_or_default();
        Self { argon2, turns: Arc::new(Semaphore::new(parallel)), decoy }
    }

    /// The hash of a password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || hash(&argon2, &password)).await?
    }

    /// Whether the password is the one that was hashed; with no hash, takes as long and says no.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let argon2 = self.argon2.clone();
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let right = self
            .in_turn(move || {
                PasswordHash::new(&stored)
                    .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?;
        Ok(right && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(PATIENCE, self.turns.clone().acquire_owned())
            .await
            .map_err(|error| Error::unavailable("password check", error))?
            .map_err(Error::internal)?;
        // The permit goes along: a client that hangs up does not make room while its hash is still computed.
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
        .map_err(Error::internal)
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    let hash = argon2
        .hash_password(password.as_bytes())
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a new password will do: 8 to 128 characters, and not one of the first that anybody would try.
pub fn check(field: &str, password: &str, about: &[&str]) -> Result<()> {
    let length = password.chars().count();
    if !(8..=128).contains(&length) {
        return Err(Error::bad_input(field, "a password has 8 to 128 characters"));
    }
    if zxcvbn::zxcvbn(password, about).guesses() < GUESSES_MIN {
        return Err(Error::bad_input(
            field,
            "this password is among the first that anybody would try; choose another",
        ));
    }
    Ok(())
}
