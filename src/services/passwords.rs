//! Password hashes: Argon2id, off the async threads, a bounded number at once. Accounts that came from elsewhere may have
//! bcrypt's until their owner signs in for the first time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
/// The most memory (in KiB), passes and lanes of a hash that was made elsewhere: no server should spend minutes or
/// gigabytes on a password because of a file that was imported.
const IMPORTED: (u32, u32, u32) = (64 * 1024, 10, 4);
/// The greatest cost of bcrypt, for the same reason.
const BCRYPT_MOST: u32 = 13;
/// Bytes of a password that bcrypt looks at.
const BCRYPT_BYTES: usize = 72;
/// What is hashed to take as long as another would.
const DECOY: &[u8] = b"decoy";

/// See the module.
pub struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// How long a request waits for its turn.
    patience: Duration,
    work: Mutex<Work>,
}

/// What the dearest hashes of all accounts cost: so much is computed for each password that is wrong.
#[derive(Clone, Debug)]
struct Work {
    /// Memory in KiB and passes.
    argon2: (u32, u32),
    /// None: no account has such a hash.
    bcrypt: Option<u32>,
    /// What the hashes begin with that were looked at.
    seen: Vec<String>,
}

/// How a hash was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Argon2 { memory: u32, passes: u32, lanes: u32, newest: bool },
    Bcrypt(u32),
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
        let own = (params.m_cost(), params.t_cost());
        let seen = vec![format!("$argon2id$v=19$m={},t={},p=1$", own.0, own.1)];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let turns = Arc::new(Semaphore::new(parallel));
        let work = Mutex::new(Work { argon2: own, bcrypt: None, seen });
        Self { argon2, turns, patience, work }
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the hashes begin with of which it is known what they cost.
    pub fn seen(&self) -> Vec<String> {
        self.work().seen.clone()
    }

    /// Some account has such a hash: from now on whoever fails takes as long as that account, so that the time does not tell
    /// which do.
    pub fn expect(&self, stored: &str) {
        let class = class(stored);
        let mut work = self.work();
        if work.seen.iter().any(|seen| seen == class) {
            return;
        }
        work.seen.push(class.to_owned());
        match scheme(stored).filter(|scheme| self.is_bearable(scheme)) {
            Some(Scheme::Argon2 { memory, passes, .. })
                if cost((memory, passes)) > cost(work.argon2) =>
            {
                work.argon2 = (memory, passes);
            }
            Some(Scheme::Bcrypt(cost)) => work.bcrypt = work.bcrypt.max(Some(cost)),
            _ => {}
        }
    }

    /// Whether a server of these settings computes such a hash.
    fn is_bearable(&self, scheme: &Scheme) -> bool {
        let Scheme::Argon2 { memory, passes, .. } = *scheme else { return is_modest(scheme) };
        let own = self.argon2.params();
        is_modest(scheme) || (memory <= own.m_cost() && passes <= own.t_cost())
    }

    fn is_weaker(&self, scheme: &Scheme) -> bool {
        let Scheme::Argon2 { memory, passes, newest, .. } = *scheme else { return true };
        let own = self.argon2.params();
        !newest || memory < own.m_cost() || passes < own.t_cost()
    }

    /// The hash of a password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String> {
        let argon2 = self.argon2.clone();
        self.in_turn(move || hash(&argon2, &password)).await?
    }

    /// How the password compares to the one that was hashed. Whatever hash there is, or none: a password that is wrong
    /// takes the same work.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<Verdict> {
        // Whoever has no password has an empty hash.
        let stored = stored.filter(|stored| stored.starts_with('$'));
        if let Some(stored) = &stored {
            self.expect(stored);
        }
        let known = stored.and_then(|stored| Some((scheme(&stored)?, stored)));
        let known = known.filter(|(scheme, _)| self.is_bearable(scheme));
        let weaker = known.as_ref().is_some_and(|(scheme, _)| self.is_weaker(scheme));
        let work = self.work().clone();
        let argon2 = self.argon2.clone();
        self.in_turn(move || {
            let (mut kib, mut rounds) = (0, 0);
            let right = match &known {
                Some((Scheme::Argon2 { memory, passes, .. }, stored)) => {
                    kib = cost((*memory, *passes));
                    count("argon2", kib);
                    PasswordHash::new(stored).is_ok_and(|hash| {
                        argon2.verify_password(password.as_bytes(), &hash).is_ok()
                    })
                }
                Some((Scheme::Bcrypt(cost), stored)) => {
                    rounds = 1_u64 << cost;
                    count("bcrypt", rounds);
                    bcrypt::verify(&password, stored).unwrap_or(false)
                }
                None => false,
            };
            if !right {
                spend_argon2(work.argon2, cost(work.argon2).saturating_sub(kib));
                let most = work.bcrypt.map_or(0, |cost| 1_u64 << cost);
                spend_bcrypt(most.saturating_sub(rounds));
                return Verdict::Wrong;
            }
            // What bcrypt did not look at may be anything: it must not become a part of the password.
            let whole =
                !matches!(known, Some((Scheme::Bcrypt(_), _))) || password.len() <= BCRYPT_BYTES;
            if weaker && whole { Verdict::Outdated } else { Verdict::Right }
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

/// How a hash was made; none: in a way that is not known here.
fn scheme(stored: &str) -> Option<Scheme> {
    if stored.starts_with("$2") {
        let parts: bcrypt::HashParts = stored.parse().ok()?;
        return Some(Scheme::Bcrypt(parts.get_cost()));
    }
    let hash = PasswordHash::new(stored).ok()?;
    let whole = hash.algorithm.as_str() == "argon2id" && hash.salt.is_some() && hash.hash.is_some();
    let params = Params::try_from(&hash).ok().filter(|_| whole)?;
    Some(Scheme::Argon2 {
        memory: params.m_cost(),
        passes: params.t_cost(),
        lanes: params.p_cost(),
        newest: hash.version == Some(Version::V0x13.into()),
    })
}

/// Whether a hash that was made elsewhere is no dearer than is good for a server.
fn is_modest(scheme: &Scheme) -> bool {
    match *scheme {
        Scheme::Argon2 { memory, passes, lanes, .. } => {
            memory <= IMPORTED.0 && passes <= IMPORTED.1 && lanes <= IMPORTED.2
        }
        Scheme::Bcrypt(cost) => (4..=BCRYPT_MOST).contains(&cost),
    }
}

/// What all hashes begin with that were made with the same parameters.
fn class(stored: &str) -> &str {
    if stored.starts_with("$2") {
        return stored.get(..7).unwrap_or(stored);
    }
    let mut ends = stored.rmatch_indices('$').map(|(at, _)| at);
    let salt = ends.nth(1).filter(|at| *at > "$argon2id$".len());
    salt.map_or(stored, |at| &stored[..=at])
}

/// The work of a hash: KiB that are written, all passes together.
fn cost((memory, passes): (u32, u32)) -> u64 {
    u64::from(memory) * u64::from(passes)
}

fn count(kind: &'static str, work: u64) {
    metrics::counter!("rankedhonor_password_work_total", "kind" => kind).increment(work);
}

/// Computes as much as a hash of Argon2id that writes so many KiB, with the memory of the dearest.
fn spend_argon2((memory, _): (u32, u32), kib: u64) {
    let (passes, rest) = (kib / u64::from(memory), kib % u64::from(memory));
    for (memory, passes) in [(u64::from(memory), passes), (rest, 1)] {
        let params = (u32::try_from(memory), u32::try_from(passes));
        let (Ok(memory), Ok(passes)) = params else { continue };
        // Less than eight blocks are no hash, and no time.
        let Ok(params) = Params::new(memory, passes, 1, None) else { continue };
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        count("argon2", cost((memory, passes)));
        let mut output = [0; 32];
        let _ = argon2.hash_password_into(DECOY, &[0; 16], &mut output);
        std::hint::black_box(output);
    }
}

/// Computes so many rounds of bcrypt: the sum of powers of two that are costs.
fn spend_bcrypt(rounds: u64) {
    for cost in (4..=BCRYPT_MOST).filter(|cost| rounds & (1 << cost) != 0) {
        count("bcrypt", 1 << cost);
        let _ = std::hint::black_box(bcrypt::hash_with_salt(DECOY, cost, [0; 16]));
    }
}

/// Refuses a hash from elsewhere that passwords are not compared to here, saying why.
///
/// # Errors
/// BAD_USER_INPUT.
pub fn check_imported(field: &str, stored: &str) -> Result<()> {
    let (memory, passes, lanes) = IMPORTED;
    let why = match scheme(stored).filter(|_| stored.len() <= 255) {
        None => "expected a hash of Argon2id or bcrypt, such as $2b$12$…".to_owned(),
        Some(scheme) if is_modest(&scheme) => return Ok(()),
        Some(Scheme::Argon2 { .. }) => {
            format!("a hash of Argon2id has at most m={memory},t={passes},p={lanes} here")
        }
        Some(Scheme::Bcrypt(_)) => format!("a hash of bcrypt has a cost from 4 to {BCRYPT_MOST}"),
    };
    Err(Error::bad_input(field, why))
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String> {
    count("argon2", cost((argon2.params().m_cost(), argon2.params().t_cost())));
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
