//! Seasons.

use std::sync::{Arc, PoisonError};

use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::core::{Core, now};
use crate::{
    entities::{is_unique_violation, seasons},
    error::Result,
    game::{ids::SeasonId, time::Timestamp},
};

/// See the module.
pub struct Seasons {
    core: Arc<Core>,
}

impl Seasons {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Begins the very first season where there is none, and learns which is current.
    pub(super) async fn ensure(&self) -> Result<()> {
        let current = match seasons::current(self.core.sql.read()).await? {
            Some(season) => season,
            None => self.begin_first().await?,
        };
        *self.core.season.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
        Ok(())
    }

    async fn begin_first(&self) -> Result<seasons::Model> {
        let season = seasons::Model {
            id: SeasonId::from_uuid(Uuid::now_v7()),
            name: "Season 1".into(),
            starts_at: now(),
            ends_at: None,
            current_key: Some(1),
        };
        let tx = self.core.sql.begin().await?;
        let row = seasons::ActiveModel::from(season.clone()).reset_all();
        match seasons::Entity::insert(row).exec_without_returning(&tx).await {
            Ok(_) => {
                tx.commit().await?;
                Ok(season)
            }
            // Another instance began it.
            Err(error) if is_unique_violation(&error) => {
                drop(tx);
                seasons::current(self.core.sql.read()).await?.ok_or_else(|| error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The current season, begun at that time or earlier: for a history that is older than the installation.
    pub(super) async fn reach_back(&self, to: Timestamp) -> Result<seasons::Model> {
        let tx = self.core.sql.begin().await?;
        seasons::begin_by(&tx, self.core.season()?.id, to).await?;
        tx.commit().await?;
        self.ensure().await?;
        self.core.season()
    }

    /// The current season.
    pub fn current(&self) -> Result<seasons::Model> {
        self.core.season()
    }

    /// Every season, newest first.
    pub async fn all(&self) -> Result<Vec<seasons::Model>> {
        seasons::all(self.core.sql.read()).await
    }

    /// The season of that id.
    pub async fn get(&self, id: SeasonId) -> Result<Option<seasons::Model>> {
        seasons::by_id(self.core.sql.read(), id).await
    }
}
