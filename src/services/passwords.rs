//! Password hashes: Argon2id, off the async threads, a bounded number at once. Accounts that came from elsewhere may have
//! bcrypt's until their owner signs in for the first time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{
    config,
    error::{Error, Result},
};

/// The fewest guesses of an attacker that a password must withstand: more than a list of common ones holds.
const GUESSES_MIN: u64 = 50_000;

/// See the module.
pub struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// How long a request waits for its turn.
    patience: Duration,
    /// Verified against where there is no account, so that both take the same time.
    decoy: String,
    /// The cost of bcrypt where some account has such a hash; 0: none has.
    bcrypt_cost: AtomicU32,
}

/// How a password compares to a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there is none.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and the hash is weaker than those that are made here.
    Outdated,
}

impl Passwords {
    /// Hashes as the settings say. A request waits for its turn for two fifths of what it may take in all.
    pub fn new(settings: &config::Settings) -> Self {
        let patience = Duration::from_millis(settings.limits.request_timeout_ms * 2 / 5);
        let settings = &settings.accounts;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let parallel = if settings.argon2_parallel == 0 { cores } else { settings.argon2_parallel };
        let params = Params::new(settings.argon2_memory_kib, settings.argon2_passes, 1, None)
            .unwrap_or_default();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "decoy").unwrap_or_default();
        let turns = Arc::new(Semaphore::new(parallel));
        Self { argon2, turns, patience, decoy, bcrypt_cost: AtomicU32::new(0) }
    }

    /// Some account has a hash of bcrypt at that cost: from now on whoever fails takes as long as such an account, so that
    /// the time does not tell which accounts do.
    pub fn expect_bcrypt(&self, cost: u32) {
        self.bcrypt_cost.fetch_max(cost, Ordering::Relaxed);
    }

    /// The hash of a password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || hash(&argon2, &password)).await?
    }

    /// How the password compares to the one that was hashed; with no hash, takes as long and says that it is wrong.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<Verdict> {
        let argon2 = self.argon2.clone();
        // Whoever has no password has an empty hash.
        let stored = stored.filter(|stored| stored.starts_with('$'));
        let decoy = self.decoy.clone();
        let cost = self.bcrypt_cost.load(Ordering::Relaxed);
        self.in_turn(move || {
            let argon = |stored: &str| {
                PasswordHash::new(stored)
                    .is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok())
            };
            match stored {
                Some(stored) if bcrypt_cost(&stored).is_some() => {
                    if bcrypt::verify(&password, &stored).unwrap_or(false) {
                        return Verdict::Outdated;
                    }
                    argon(&decoy);
                    Verdict::Wrong
                }
                Some(stored) if argon(&stored) => Verdict::Right,
                known => {
                    if known.is_none() {
                        argon(&decoy);
                    }
                    if cost > 0 {
                        let _ = bcrypt::hash(&password, cost);
                    }
                    Verdict::Wrong
                }
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = tokio::time::timeout(self.patience, self.turns.clone().acquire_owned())
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

/// The cost of a hash of bcrypt; none: it is no such hash.
pub fn bcrypt_cost(stored: &str) -> Option<u32> {
    let parts: bcrypt::HashParts = stored.parse().ok()?;
    // No server should spend minutes on a password because of a file that was imported.
    Some(parts.get_cost()).filter(|cost| (4..=16).contains(cost))
}

/// Whether passwords can be compared to such a hash.
pub fn is_known(stored: &str) -> bool {
    let argon2 = PasswordHash::new(stored).is_ok_and(|hash| hash.algorithm.as_str() == "argon2id");
    stored.len() <= 255 && (argon2 || bcrypt_cost(stored).is_some())
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
