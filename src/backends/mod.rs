//! The ports: what leaves the process, or stands in for something that could. Each is a small trait with an embedded
//! implementation, a backend like any other; one contract suite runs over every implementation.

pub mod bus;
pub mod documents;
pub mod ladder;
pub mod limiter;
pub mod lock;
pub mod sql;

use std::sync::Arc;

use crate::{config::Config, error::Result};

/// Everything that remembers or carries.
#[derive(Clone)]
pub struct Backends {
    /// The truth.
    pub sql: sql::Sql,
    /// Tells subscribers.
    pub bus: Arc<dyn bus::Bus>,
    /// Orders players.
    pub ladder: Arc<dyn ladder::Ladder>,
    /// Bounds rates.
    pub limiter: Arc<dyn limiter::Limiter>,
    /// Keeps the feed and the notifications.
    pub documents: Arc<dyn documents::Documents>,
}

impl Backends {
    /// Connects what the configuration names: the only place that chooses between the embedded and the shared.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn connect(config: &Config) -> Result<Self> {
        let sql = sql::Sql::connect(config).await?;
        Ok(Self {
            bus: Arc::new(bus::local::LocalBus::default()),
            ladder: Arc::new(ladder::local::LocalLadder::default()),
            limiter: Arc::new(limiter::local::LocalLimiter::default()),
            documents: Arc::new(documents::sql::SqlDocuments::new(sql.clone())),
            sql,
        })
    }
}
