//! What every use case stands on.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicI64},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sea_orm::ConnectionTrait;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::timeout,
};
use uuid::Uuid;

use super::{
    audit,
    boards::Boards,
    leadership::Leadership,
    notices,
    reload::{InForce, Rulebook},
    secrets,
    sessions::Revoked,
    vault::Vault,
};

use crate::{
    backends::{
        Backends,
        bus::Bus,
        documents::Documents,
        ladder::{BoardId, Ladder, mirror::Mirror},
        limiter::Limiter,
        presence::Presence,
        redis::Redis,
        sql::{Sql, Tx},
    },
    config::{Config, LadderSettings},
    entities::{outbox, seasons, standings},
    error::{Error, Result},
    game::{
        event::Fact,
        ids::{EventId, SeasonId, UserId},
        mode::{Catalog, Mode, ModeId, Region, RegionId},
        standing::{self, Standing, TierRule},
        time::Timestamp,
    },
    telemetry,
};

/// The time, as the use cases see it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Requests that wait until what they wrote is everywhere.
#[derive(Default)]
pub struct Waiting(Mutex<HashMap<EventId, oneshot::Sender<()>>>);

impl Waiting {
    fn held(&self) -> MutexGuard<'_, HashMap<EventId, oneshot::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the last fact of a transaction; none: for nothing.
    fn wait(self: &Arc<Self>, last: Option<EventId>, patience: Duration) -> Written {
        let (tell, told) = oneshot::channel();
        if let Some(last) = last {
            self.held().insert(last, tell);
        }
        Written { last, told, patience, waiting: self.clone() }
    }

    /// These facts are everywhere.
    pub fn told(&self, facts: &[EventId]) {
        let mut held = self.held();
        for fact in facts {
            if let Some(waiter) = held.remove(fact) {
                // An error means that it has waited long enough.
                let _ = waiter.send(());
            }
        }
    }
}

/// What one request did, and the trace that it belongs to.
pub struct Told {
    pub facts: Vec<Fact>,
    pub trace: Option<String>,
}

/// What was committed and is on its way out.
pub struct Written {
    last: Option<EventId>,
    told: oneshot::Receiver<()>,
    patience: Duration,
    waiting: Arc<Waiting>,
}

impl Written {
    /// Waits until it is everywhere, but not for long: what a client reads next then shows what it did.
    pub async fn settled(mut self) {
        let _ = timeout(self.patience, &mut self.told).await;
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(last) = self.last {
            self.waiting.held().remove(&last);
        }
    }
}

/// The tiers and bounds that settings give.
pub fn rules_of(settings: &LadderSettings) -> standing::Ladder {
    let tiers = settings.tiers.iter().map(|tier| TierRule {
        name: tier.name.clone(),
        from_mmr: tier.from_mmr,
        divisions: tier.divisions,
    });
    standing::Ladder::new(
        (settings.placements, settings.placements_short, settings.placements_short_below),
        (settings.demotion_margin_mmr, settings.demotion_after_matches),
        (settings.inactive_after_days, settings.unlisted_above_deviation),
        &tiers.collect::<Vec<_>>(),
    )
}

/// How far the clocks of two instances may be apart, with the time that a transaction takes, in milliseconds.
pub const APART_MS: i64 = 15_000;

/// What is known of the seasons.
#[derive(Default)]
pub struct Seasons {
    current: Option<seasons::Model>,
    /// The tiers and bounds that each was begun with.
    rules: HashMap<SeasonId, Arc<standing::Ladder>>,
    /// When those ended that are over.
    ended: HashMap<SeasonId, Timestamp>,
}

/// See the module.
pub struct Core {
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    /// Who may play whom, as it is now.
    pub rulebook: Rulebook,
    /// By which other instances know this one.
    pub instance: Uuid,
    pub sql: Sql,
    pub redis: Option<Redis>,
    pub bus: Arc<dyn Bus>,
    pub ladder: Arc<dyn Ladder>,
    pub mirror: Option<Arc<Mirror>>,
    pub limiter: Arc<dyn Limiter>,
    pub presence: Arc<dyn Presence>,
    pub documents: Arc<dyn Documents>,
    pub leadership: Leadership,
    pub revoked: Revoked,
    /// What only this installation can read or make.
    pub vault: Vault,
    /// Whether something was erased that the journal of an embedded database still holds.
    pub journal_holds: AtomicBool,
    /// How often accounts were deleted, as far as this instance has heard.
    pub erasures: watch::Sender<u64>,
    /// When it was last looked for those that nobody told of, in milliseconds since 1970.
    pub looked_for_erasures: AtomicI64,
    /// Wakes the mailer after a commit.
    pub wake_mailer: Notify,
    /// Wakes the relay after a commit.
    pub wake_relay: Notify,
    /// Wakes whoever makes corrections that reach far.
    pub wake_corrector: Notify,
    pub waiting: Arc<Waiting>,
    pub seasons: RwLock<Seasons>,
    /// The greatest token in whose name anything was relayed.
    pub relay_token: AtomicI64,
    /// What the ladder holds.
    pub boards: tokio::sync::Mutex<Boards>,
}

impl Core {
    pub fn new(
        config: Arc<Config>,
        catalog: Arc<Catalog>,
        backends: Backends,
        vault: Vault,
    ) -> Self {
        let lease = Duration::from_millis(config.settings.instances.lease_ms);
        let sql = backends.sql;
        Self {
            leadership: Leadership::new(sql.clone(), backends.leases, backends.instance, lease),
            rulebook: Rulebook::new(InForce::new(
                config.settings.matchmaking.clone(),
                catalog.modes(),
            )),
            config,
            catalog,
            instance: backends.instance,
            sql,
            redis: backends.redis,
            bus: backends.bus,
            ladder: backends.ladder,
            mirror: backends.mirror,
            limiter: backends.limiter,
            presence: backends.presence,
            documents: backends.documents,
            revoked: Revoked::default(),
            vault,
            erasures: watch::Sender::new(0),
            looked_for_erasures: AtomicI64::new(now().0),
            wake_mailer: Notify::new(),
            journal_holds: AtomicBool::new(false),
            wake_relay: Notify::new(),
            wake_corrector: Notify::new(),
            waiting: Arc::default(),
            seasons: RwLock::default(),
            relay_token: AtomicI64::new(0),
            boards: tokio::sync::Mutex::default(),
        }
    }

    /// How long a request waits for what was written to be everywhere: a fifth of what it may take in all.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.config.settings.limits.request_timeout_ms / 5)
    }

    /// Uses the secrets that seal by now: another process may have put another in front.
    pub async fn learn_secrets(&self, db: &impl ConnectionTrait) -> Result<()> {
        match secrets::sealing(&self.config, db).await? {
            Some(secrets) => self.vault.replace(&secrets),
            None => Ok(()),
        }
    }

    /// Writes facts (what was done to accounts also into the audit log), commits, and wakes the relay.
    pub async fn commit(&self, tx: Tx, facts: &[Fact]) -> Result<Written> {
        let told = Told { facts: facts.to_vec(), trace: telemetry::current() };
        let mut written = self.commit_all(tx, &[told]).await?;
        written.pop().ok_or_else(|| Error::internal("nothing was written"))
    }

    /// Writes what several requests did, commits, and wakes the relay; each of them can wait for its own.
    pub async fn commit_all(&self, tx: Tx, told: &[Told]) -> Result<Vec<Written>> {
        let (mut facts, mut last) = (Vec::new(), Vec::new());
        for told in told {
            let ids = told.facts.iter().map(|_| EventId::from_uuid(Uuid::now_v7()));
            let own: Vec<_> =
                ids.zip(&told.facts).map(|(id, fact)| (id, fact, told.trace.as_deref())).collect();
            last.push(own.last().map(|(id, ..)| *id));
            facts.extend(own);
        }
        outbox::put(&tx, &facts, now()).await?;
        let acts: Vec<_> = facts.iter().map(|(_, fact, _)| *fact).collect();
        let mails = notices::mail(&tx, &acts).await?;
        audit::append_facts(self, &tx, &acts).await?;
        let patience = self.patience();
        let written = last.into_iter().map(|last| self.waiting.wait(last, patience)).collect();
        tx.commit().await?;
        self.wake_relay.notify_one();
        if mails {
            self.wake_mailer.notify_one();
        }
        Ok(written)
    }

    /// Learns which seasons there are, and which is current; none only before the very first start.
    pub async fn learn_season(&self) -> Result<Option<seasons::Model>> {
        let all = seasons::all(self.sql.read()).await?;
        let current = all.iter().find(|season| season.current_key.is_some()).cloned();
        let mut known = Seasons { current: current.clone(), ..Seasons::default() };
        for season in all {
            if season.current_key.is_none()
                && let Some(at) = season.ends_at
            {
                known.ended.insert(season.id, at);
            }
            if let Some(rules) = &season.rules {
                let settings = serde_json::from_str(rules).map_err(Error::internal)?;
                known.rules.insert(season.id, Arc::new(rules_of(&settings)));
            }
        }
        *self.seasons.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(current)
    }

    fn known(&self) -> RwLockReadGuard<'_, Seasons> {
        self.seasons.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current season.
    pub fn season(&self) -> Result<seasons::Model> {
        let current = self.known().current.clone();
        current.ok_or(Error::Unavailable { what: "season", source: None })
    }

    /// The tiers and bounds that a season was begun with.
    pub fn rules(&self, season: SeasonId) -> Arc<standing::Ladder> {
        let rules = self.known().rules.get(&season).cloned();
        rules.unwrap_or_else(|| self.catalog.ladder.clone())
    }

    /// Now, or the end of a season that is over: until then time counts in it.
    pub fn until(&self, season: SeasonId) -> Timestamp {
        self.known().ended.get(&season).copied().unwrap_or_else(now)
    }

    /// Where these users begin a season in a mode, as far as they stood somewhere before.
    pub async fn carried(
        &self,
        db: &impl ConnectionTrait,
        season: SeasonId,
        mode: &Mode,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Standing>> {
        let earlier = standings::before_season(db, season, &mode.id, users).await?;
        if earlier.is_empty() {
            return Ok(HashMap::new());
        }
        let season = seasons::by_id(db, season).await?.ok_or(Error::NotFound("season"))?;
        let rules = self.rules(season.id);
        let carry =
            |row: standings::Model| row.standing().carried(&mode.rating, &rules, season.starts_at);
        Ok(earlier.into_iter().map(|row| (row.user_id, carry(row))).collect())
    }

    /// The current leaderboard of a mode.
    pub fn board(&self, mode: &ModeId) -> Result<BoardId> {
        Ok(BoardId { mode: mode.clone(), season: self.season()?.id })
    }

    /// The configured mode of that id; an unknown one names the known ones.
    pub fn mode(&self, field: &str, id: &str) -> Result<&Arc<Mode>> {
        self.catalog.mode(id).ok_or_else(|| {
            let known: Vec<_> = self.catalog.modes().iter().map(|m| m.id.as_str()).collect();
            Error::bad_input(
                field,
                format!("there is no such mode; there are {}", known.join(", ")),
            )
        })
    }

    /// The configured region of that id; an unknown one names the known ones.
    pub fn region(&self, field: &str, id: &RegionId) -> Result<&Arc<Region>> {
        self.catalog.region(id.as_str()).ok_or_else(|| {
            let known: Vec<_> = self.catalog.regions().iter().map(|r| r.id.as_str()).collect();
            Error::bad_input(
                field,
                format!("there is no such region; there are {}", known.join(", ")),
            )
        })
    }
}
