//! The use cases: one method is one intention of one user, and one transaction. What it changes besides its own rows it
//! writes into the outbox.

pub mod accounts;
pub mod admin;
mod boards;
mod core;
pub mod feed;
pub mod matches;
pub mod paging;
mod passwords;
pub mod presence;
pub mod queue;
pub mod rankings;
pub mod relay;
pub mod replay;
pub mod results;
pub mod seasons;
pub mod seed;
mod sessions;
pub mod timelines;
mod tokens;
pub mod users;
pub mod waits;
mod watch;
mod watch_matches;
mod watch_queue;
mod waves;

use std::sync::Arc;

use self::core::Core;
pub use self::core::now;
use crate::{
    backends::{Backends, limiter::Decision},
    config::Config,
    error::{Error, Result},
    game::mode::Catalog,
};

/// What subscribers read from.
pub use self::watch::Live;

/// All use cases.
pub struct Services {
    /// The settings.
    pub config: Arc<Config>,
    /// Modes, regions and tiers.
    pub catalog: Arc<Catalog>,
    /// Signing in and out.
    pub accounts: accounts::Accounts,
    /// What moderators and admins do.
    pub admin: admin::Admin,
    /// The feed and the notifications.
    pub feed: feed::Feed,
    /// Matches, from ready check to result.
    pub matches: matches::Matches,
    /// Who is here.
    pub presence: presence::Presences,
    /// Tickets and waves.
    pub queue: queue::Queue,
    /// Leaderboards and histories.
    pub rankings: rankings::Rankings,
    /// Facts on their way out.
    pub relay: relay::Relay,
    /// Seasons.
    pub seasons: seasons::Seasons,
    /// Profiles.
    pub users: users::Users,
    core: Arc<Core>,
}

impl Services {
    /// Wires the use cases to the backends and fills what lives in memory: the season, the ended sessions, the ladder.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn start(
        config: Arc<Config>,
        catalog: Arc<Catalog>,
        backends: Backends,
    ) -> Result<Self> {
        let core = Arc::new(Core::new(config.clone(), catalog.clone(), backends));
        let services = Self {
            accounts: accounts::Accounts::new(core.clone()),
            admin: admin::Admin::new(core.clone()),
            feed: feed::Feed::new(core.clone()),
            matches: matches::Matches::new(core.clone()),
            presence: presence::Presences::new(core.clone()),
            queue: queue::Queue::new(core.clone()),
            rankings: rankings::Rankings::new(core.clone()),
            relay: relay::Relay::new(core.clone()),
            seasons: seasons::Seasons::new(core.clone()),
            users: users::Users::new(core.clone()),
            catalog,
            config,
            core,
        };
        services.seasons.ensure().await?;
        services.accounts.load_ended().await?;
        services.relay.rebuild_ladder().await?;
        Ok(services)
    }

    /// Whether everything that the server needs answers.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE, naming what does not.
    pub async fn ready(&self) -> Result<()> {
        self.core.sql.ping().await
    }

    /// Takes one of the `limit` that a key has each minute.
    ///
    /// # Errors
    /// RATE_LIMITED, saying when to come back.
    pub async fn take(&self, key: &str, limit_per_minute: u32) -> Result<()> {
        match self.core.limiter.take(key, limit_per_minute, 60_000, now()).await? {
            Decision::Allowed => Ok(()),
            Decision::RetryAfter { ms } => Err(Error::RateLimited { retry_after_ms: ms }),
        }
    }

    /// Ends all connections to the backends.
    pub async fn close(&self) {
        self.core.sql.clone().close().await;
    }
}
