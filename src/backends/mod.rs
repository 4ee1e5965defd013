//! The ports: what leaves the process, or stands in for something that could. Each is a small trait with an embedded
//! implementation, a backend like any other; one contract suite runs over every implementation.

pub mod bus;
pub mod documents;
pub mod identity;
pub mod ladder;
pub mod leases;
pub mod limiter;
pub mod lock;
pub mod mail;
pub mod presence;
pub mod redis;
pub mod sql;

use std::sync::Arc;

use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::{config::Config, error::Result};

/// Everything that remembers or carries.
#[derive(Clone)]
pub struct Backends {
    /// By which other instances know this one.
    pub instance: Uuid,
    /// The truth.
    pub sql: sql::Sql,
    /// The way to Redis, where there is one.
    pub redis: Option<redis::Redis>,
    /// Tells subscribers.
    pub bus: Arc<dyn bus::Bus>,
    /// Orders players.
    pub ladder: Arc<dyn ladder::Ladder>,
    /// Shows other programs the order of players.
    pub mirror: Option<Arc<ladder::mirror::Mirror>>,
    /// Bounds rates.
    pub limiter: Arc<dyn limiter::Limiter>,
    /// Says who leads.
    pub leases: Arc<dyn leases::Leases>,
    /// Says who is here.
    pub presence: Arc<dyn presence::Presence>,
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
        let instance = Uuid::now_v7();
        let documents: Arc<dyn documents::Documents> = match &config.mongodb_url {
            None => Arc::new(documents::sql::SqlDocuments::new(sql.clone())),
            Some(url) => Arc::new(
                documents::mongo::MongoDocuments::new(url, &config.settings.mongodb).await?,
            ),
        };
        let ladder = Arc::new(ladder::local::LocalLadder::default());
        let Some(url) = &config.redis_url else {
            let leases: Arc<dyn leases::Leases> = if sql.is_embedded() {
                Arc::new(leases::local::LocalLeases::default())
            } else {
                Arc::new(leases::sql::SqlLeases::new(sql.clone()))
            };
            return Ok(Self {
                instance,
                sql,
                redis: None,
                bus: Arc::new(bus::local::LocalBus::default()),
                ladder,
                mirror: None,
                limiter: Arc::new(limiter::local::LocalLimiter::default()),
                leases,
                presence: Arc::new(presence::local::LocalPresence::default()),
                documents,
            });
        };
        let redis = redis::Redis::new(url.expose_secret(), &config.settings.redis)?;
        Ok(Self {
            instance,
            sql,
            bus: Arc::new(bus::redis::RedisBus::new(redis.clone())),
            ladder,
            mirror: Some(Arc::new(ladder::mirror::Mirror::new(redis.clone()))),
            limiter: Arc::new(limiter::redis::RedisLimiter::new(redis.clone())),
            leases: Arc::new(leases::redis::RedisLeases::new(redis.clone())),
            presence: Arc::new(presence::redis::RedisPresence::new(redis.clone(), instance)),
            redis: Some(redis),
            documents,
        })
    }
}
