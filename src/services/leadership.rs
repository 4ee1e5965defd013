//! Who does what only one instance may do (rule 12): a lease says who, for a while; a token that grows with every change
//! of hands is checked inside the transaction that takes effect, so one that only believes it leads can do no harm.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    backends::{
        leases::Leases,
        sql::{Sql, Tx, retrying},
    },
    entities::fences,
    error::{Error, Result},
};

/// Takes facts out of the outbox.
pub const RELAY: &str = "relay";
/// Ends what is overdue and forgets what is old.
pub const JANITOR: &str = "janitor";
/// What is not available to one that leads no more.
pub const LEADERSHIP: &str = "leadership";

/// Who makes the matches of a mode.
pub fn matchmaker(mode: &str) -> String {
    format!("matchmaker:{mode}")
}

/// The right to act as the leader of something.
#[derive(Clone, Debug)]
pub struct Lead {
    name: String,
    /// Grows with every change of hands.
    pub token: i64,
}

impl Lead {
    /// Makes sure, until the transaction ends, that nobody else leads.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when somebody does.
    pub async fn check(&self, tx: &Tx) -> Result<()> {
        if fences::newest(tx, &self.name).await? == Some(self.token) {
            return Ok(());
        }
        Err(Error::Unavailable { what: LEADERSHIP, source: None })
    }
}

struct Held {
    token: i64,
    until: Instant,
}

/// See the module.
pub struct Leadership {
    sql: Sql,
    leases: Arc<dyn Leases>,
    holder: String,
    lease: Duration,
    held: Mutex<HashMap<String, Held>>,
}

impl Leadership {
    pub(super) fn new(sql: Sql, leases: Arc<dyn Leases>, instance: Uuid, lease: Duration) -> Self {
        Self { sql, leases, holder: instance.to_string(), lease, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often leases are renewed.
    pub fn interval(&self) -> Duration {
        self.lease / 3
    }

    /// Takes or renews a lease; says whether this instance leads.
    ///
    /// # Errors
    /// When leases cannot be had just now; what is held then runs out by itself.
    pub async fn renew(&self, name: &str) -> Result<bool> {
        let asked = Instant::now();
        if !self.leases.hold(name, &self.holder, self.lease).await? {
            self.held().remove(name);
            return Ok(false);
        }
        let known = self.held().get(name).filter(|held| held.until > asked).map(|held| held.token);
        let token = match known {
            Some(token) => token,
            None => retrying(|| self.next_token(name)).await?,
        };
        self.held().insert(name.to_owned(), Held { token, until: asked + self.lease });
        Ok(true)
    }

    async fn next_token(&self, name: &str) -> Result<i64> {
        let tx = self.sql.begin().await?;
        let token = fences::next(&tx, name).await?;
        tx.commit().await?;
        tracing::info!(name, token, "this instance leads");
        Ok(token)
    }

    /// The right to act as the leader; none while another instance leads.
    pub fn lead(&self, name: &str) -> Option<Lead> {
        let held = self.held();
        let held = held.get(name).filter(|held| held.until > Instant::now())?;
        Some(Lead { name: name.to_owned(), token: held.token })
    }

    /// Somebody else leads: the next renewal takes a new token, if it takes any.
    pub fn lost(&self, name: &str) {
        tracing::warn!(name, "another instance leads");
        self.held().remove(name);
    }

    /// Lets go of everything, so that others need not wait for the leases to run out.
    pub async fn release(&self) {
        let names: Vec<_> = self.held().drain().map(|(name, _)| name).collect();
        for name in names {
            if let Err(error) = self.leases.release(&name, &self.holder).await {
                tracing::debug!(name, %error, "a lease runs out by itself");
            }
        }
    }
}
