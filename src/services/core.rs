//! What every use case stands on.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use sea_orm::{ConnectionTrait, DatabaseTransaction};
use tokio::sync::{Notify, watch};

use crate::{
    backends::{
        Backends,
        bus::Bus,
        documents::Documents,
        ladder::{BoardId, Ladder},
        limiter::Limiter,
        sql::Sql,
    },
    config::Config,
    entities::{outbox, seasons, standings},
    error::{Error, Result},
    game::{
        event::Fact,
        ids::{SeasonId, UserId},
        mode::{Catalog, Mode, ModeId, Region, RegionId},
        standing::Standing,
        time::Timestamp,
    },
};

/// The time, as the use cases see it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// See the module.
pub struct Core {
    pub config: Arc<Config>,
    pub catalog: Arc<Catalog>,
    pub sql: Sql,
    pub bus: Arc<dyn Bus>,
    pub ladder: Arc<dyn Ladder>,
    pub limiter: Arc<dyn Limiter>,
    pub documents: Arc<dyn Documents>,
    /// Wakes the relay after a commit.
    pub wake_relay: Notify,
    /// The number of the newest fact that is everywhere.
    pub relayed: watch::Sender<i64>,
    /// The newest fact written here; orders waiting for it.
    pub written: AtomicI64,
    pub season: RwLock<Option<seasons::Model>>,
    /// Seasons whose boards the ladder holds.
    pub boards: tokio::sync::Mutex<HashSet<SeasonId>>,
}

impl Core {
    pub fn new(config: Arc<Config>, catalog: Arc<Catalog>, backends: Backends) -> Self {
        Self {
            config,
            catalog,
            sql: backends.sql,
            bus: backends.bus,
            ladder: backends.ladder,
            limiter: backends.limiter,
            documents: backends.documents,
            wake_relay: Notify::new(),
            relayed: watch::Sender::new(0),
            written: AtomicI64::new(0),
            season: RwLock::new(None),
            boards: tokio::sync::Mutex::default(),
        }
    }

    /// Writes facts, commits, and wakes the relay; returns the number of the last fact.
    pub async fn commit(&self, tx: DatabaseTransaction, facts: &[Fact]) -> Result<i64> {
        let seq = outbox::put(&tx, facts, now()).await?;
        tx.commit().await?;
        self.written.fetch_max(seq, Ordering::Relaxed);
        self.wake_relay.notify_one();
        Ok(seq)
    }

    /// Waits until a fact is everywhere, but not for long: what a client reads next then shows what it did.
    pub async fn settled(&self, seq: i64) {
        let mut relayed = self.relayed.subscribe();
        let wait = relayed.wait_for(|sent| *sent >= seq);
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), wait).await;
    }

    /// Learns which season is current; none only before the very first start.
    pub async fn learn_season(&self) -> Result<Option<seasons::Model>> {
        let current = seasons::current(self.sql.read()).await?;
        if let Some(season) = &current {
            let mut known = self.season.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            *known = Some(season.clone());
        }
        Ok(current)
    }

    /// The current season.
    pub fn season(&self) -> Result<seasons::Model> {
        let season = self.season.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        season.clone().ok_or(Error::Unavailable { what: "season", source: None })
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
        let carry = |row: standings::Model| {
            row.standing().carried(&mode.rating, &self.catalog.ladder, season.starts_at)
        };
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
