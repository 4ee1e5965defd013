//! The use cases: one method is one intention of one user, and one transaction. What it changes besides its own rows it
//! writes into the outbox.

pub mod accounts;
pub mod admin;
mod attempts;
pub mod audit;
mod authentication;
pub mod bars;
mod boards;
mod consequences;
mod core;
mod corrections;
pub mod doctor;
mod erasure;
mod explain;
mod export;
pub mod feed;
pub mod follow;
mod joining;
pub mod joins;
pub mod leaderboards;
mod leadership;
mod ledger;
pub mod links;
mod listing;
pub mod mails;
pub mod matches;
mod notices;
pub mod paging;
pub mod parties;
mod passwords;
mod patience;
pub mod penalties;
mod pool;
pub mod presence;
pub mod queue;
pub mod rankings;
pub mod rebuild;
mod recovery;
pub mod relay;
pub mod reload;
pub mod replay;
pub mod reports;
pub mod results;
pub mod seasons;
pub mod secrets;
pub mod seed;
mod server_keys;
mod sessions;
pub mod simulate;
pub mod timelines;
mod tokens;
pub mod users;
pub mod vault;
pub mod waits;
pub mod watch;
mod watch_matches;
mod watch_queue;
mod waves;

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch::Receiver, time::timeout};

use self::core::Core;
pub use self::core::{now, rules_of as ladder_rules};
use crate::{
    backends::{Backends, limiter::Decision},
    config::{Config, secret::Purpose},
    entities::outbox,
    error::{Error, Result},
    game::{accounts::fold, ids::SeasonId, mode::Catalog, standing::Ladder},
};

/// What subscribers read from.
pub use self::watch::Live;

/// How long a part is waited for when it is asked whether it is there.
const PROBE: Duration = Duration::from_secs(1);

const MINUTE_MS: i64 = 60_000;

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub limit: u32,
    /// How many more would be allowed now.
    pub left: u32,
    /// Milliseconds until the window of the clock ends; all is there again a window later at the latest.
    pub reset_ms: u64,
}

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
    /// What was done with privileges or to accounts.
    pub audit: audit::Audit,
    /// The feed and the notifications.
    pub feed: feed::Feed,
    /// What is mailed to people.
    pub mails: mails::Mails,
    /// Matches, from ready check to result.
    pub matches: matches::Matches,
    /// People who queue together.
    pub parties: parties::Parties,
    /// Queue locks and blocks.
    pub penalties: penalties::Penalties,
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
        let signing = secrets::load(&config, &backends.sql, Purpose::Signing).await?;
        let encryption = secrets::load(&config, &backends.sql, Purpose::Encryption).await?;
        let vault = vault::Vault::new(&encryption)?;
        let core = Arc::new(Core::new(config.clone(), catalog.clone(), backends, vault));
        let services = Self {
            accounts: accounts::Accounts::new(core.clone(), &signing)?,
            admin: admin::Admin::new(core.clone()),
            audit: audit::Audit::new(core.clone()),
            feed: feed::Feed::new(core.clone()),
            mails: mails::Mails::new(core.clone())?,
            matches: matches::Matches::new(core.clone()),
            parties: parties::Parties::new(core.clone()),
            penalties: penalties::Penalties::new(core.clone()),
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
        services.core.bus.precede(follow::first(&services.core));
        services.audit.begin().await?;
        services.seasons.ensure().await?;
        services.accounts.load_ended().await?;
        services.accounts.look_for_imported().await?;
        boards::follow(&services.core).await?;
        Ok(services)
    }

    /// Takes or renews the leases of everything that only one instance does.
    pub async fn renew_leases(&self) {
        let modes =
            self.catalog.modes().iter().map(|mode| leadership::matchmaker(mode.id.as_str()));
        for name in modes.chain([leadership::RELAY.into(), leadership::JANITOR.into()]) {
            let leads = match self.core.leadership.renew(&name).await {
                Ok(leads) => leads,
                Err(error) => {
                    tracing::warn!(name, %error, "the lease could not be renewed");
                    self.core.leadership.lead(&name).is_some()
                }
            };
            metrics::gauge!("rankedhonor_leads", "what" => name).set(f64::from(u8::from(leads)));
        }
    }

    /// The tiers and bounds of a season.
    pub fn rules(&self, season: SeasonId) -> Arc<Ladder> {
        self.core.rules(season)
    }

    /// How often leases are to be renewed.
    pub fn lease_interval(&self) -> Duration {
        self.core.leadership.interval()
    }

    /// Tells the metrics how the pool is used and how far the relay is behind.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when the database does not answer.
    pub async fn gauge(&self) -> Result<()> {
        for (state, connections) in self.core.sql.connections() {
            metrics::gauge!("rankedhonor_sql_connections", "state" => state)
                .set(f64::from(connections));
        }
        let leads = self.core.leadership.lead(leadership::RELAY).is_some();
        let (waiting, oldest) =
            if leads { outbox::backlog(self.core.sql.read()).await? } else { (0, None) };
        let age_ms = oldest.map_or(0, |at| now().since(at).max(0));
        metrics::gauge!("rankedhonor_outbox_facts").set(waiting as f64);
        metrics::gauge!("rankedhonor_outbox_lag_seconds").set(age_ms as f64 / 1_000.0);
        Ok(())
    }

    /// Whether this instance ends what is overdue and forgets what is old.
    pub fn sweeps(&self) -> bool {
        self.core.leadership.lead(leadership::JANITOR).is_some()
    }

    /// Looks once at what other instances have relayed.
    ///
    /// # Errors
    /// As [`follow::Poll::look`].
    pub async fn follow(&self, poll: &mut follow::Poll) -> Result<()> {
        poll.look(&self.core).await
    }

    /// Tells when an account was deleted, on whatever instance.
    pub fn erasures(&self) -> Receiver<u64> {
        self.core.erasures.subscribe()
    }

    /// Lets other instances lead.
    pub async fn step_down(&self) {
        self.core.leadership.release().await;
    }

    /// Whether what the server stands on answers, part by part.
    pub async fn ready(&self) -> Vec<(&'static str, Result<()>)> {
        let redis = async {
            match &self.core.redis {
                Some(redis) => Some(redis.ping().await),
                None => None,
            }
        };
        let documents = async {
            match self.config.mongodb_url {
                Some(_) => Some(self.core.documents.ready().await),
                None => None,
            }
        };
        let sql = self.core.sql.ping();
        let (sql, redis, documents) =
            tokio::join!(timeout(PROBE, sql), timeout(PROBE, redis), timeout(PROBE, documents));
        let late = |late| Error::unavailable("server", late);
        let sql = Some(sql.map_err(late).flatten());
        let redis = redis.unwrap_or_else(|error| Some(Err(late(error))));
        let documents = documents.unwrap_or_else(|error| Some(Err(late(error))));
        let parts = [("sql", sql), ("redis", redis), ("mongodb", documents)];
        parts.into_iter().filter_map(|(name, answer)| Some((name, answer?))).collect()
    }

    /// Takes one of the `limit` that a key has each minute; none where there is no limit.
    ///
    /// # Errors
    /// RATE_LIMITED, saying when to come back.
    pub async fn take(&self, key: &str, limit_per_minute: u32) -> Result<Option<Allowance>> {
        self.take_some(key, 1, limit_per_minute).await
    }

    /// Takes so many of the `limit` that a key has each minute.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn take_some(&self, key: &str, amount: u32, limit: u32) -> Result<Option<Allowance>> {
        let now = now();
        match self.core.limiter.take(key, amount, limit, MINUTE_MS, now).await? {
            Decision::Allowed { .. } if limit == 0 => Ok(None),
            Decision::Allowed { left } => {
                let reset_ms = (MINUTE_MS - now.0.rem_euclid(MINUTE_MS)).unsigned_abs();
                Ok(Some(Allowance { limit, left, reset_ms }))
            }
            Decision::RetryAfter { ms } => {
                let what = key.split(':').next().unwrap_or_default().to_owned();
                metrics::counter!("rankedhonor_rate_limited_total", "what" => what).increment(1);
                Err(Error::RateLimited { retry_after_ms: ms, limit })
            }
        }
    }

    /// Takes a sign-in to an account from an address.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn take_sign_in(&self, login: &str, address: IpAddr) -> Result<()> {
        // From one network alone: nobody keeps an account's owner out by trying from elsewhere.
        let who = tokens::hash(&format!("{}:{}", accounts::normal_login(login), network(address)));
        let limit = self.config.settings.limits.login_per_account_minute;
        self.take(&format!("login:{who}"), limit).await.map(drop)
    }

    /// Takes a mail to somebody, for whoever asks from an address.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn take_mail(&self, to: &str, address: IpAddr) -> Result<()> {
        // From one network alone: nobody keeps an account's owner from asking.
        let who = tokens::hash(&format!("{}:{}", fold(to), network(address)));
        let limit = self.config.settings.limits.mail_per_account_minute;
        self.take(&format!("mail:{who}"), limit).await.map(drop)
    }

    /// Ends all connections to the backends.
    pub async fn close(&self) {
        self.core.documents.close().await;
        self.core.sql.clone().close().await;
    }
}

/// The network that an address counts with: itself, or all of an IPv6 /64, which one customer has.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}
