//! Seasons.

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::core::{Core, now};
use crate::{
    entities::{is_unique_violation, seasons},
    error::{Error, Result},
    game::{accounts::fold, event::Fact, ids::SeasonId, time::Timestamp},
};

/// See the module.
pub struct Seasons {
    core: Arc<Core>,
}

impl Seasons {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Ends the current season and begins the next. Standings of the old one stay; in the new one everybody begins with
    /// their rating, less certain, and with placement matches (rule 21). Matches that were made in the old season count
    /// for it.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a name that is empty, longer than 100 characters, or taken.
    pub async fn start(&self, name: &str) -> Result<seasons::Model> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(Error::bad_input("input.name", "a season's name has 1 to 100 characters"));
        }
        let tx = self.core.sql.begin().await?;
        if seasons::all(&tx).await?.iter().any(|season| fold(&season.name) == fold(name)) {
            return Err(Error::bad_input("input.name", "there is a season of this name already"));
        }
        let now = now();
        let season = seasons::Model {
            id: SeasonId::from_uuid(Uuid::now_v7()),
            name: name.into(),
            starts_at: now,
            ends_at: None,
            current_key: Some(1),
        };
        seasons::end_current(&tx, now).await?;
        let row = seasons::ActiveModel::from(season.clone()).reset_all();
        seasons::Entity::insert(row).exec_without_returning(&tx).await?;
        let fact = Fact::SeasonStarted { season: season.id, name: season.name.clone(), at: now };
        let seq = self.core.commit(tx, &[fact]).await?;
        self.core.learn_season().await?;
        self.core.settled(seq).await;
        Ok(season)
    }

    /// Begins the very first season where there is none, and learns which is current.
    pub(super) async fn ensure(&self) -> Result<()> {
        if self.core.learn_season().await?.is_none() {
            self.begin_first().await?;
            self.core.learn_season().await?;
        }
        Ok(())
    }

    async fn begin_first(&self) -> Result<()> {
        let season = seasons::Model {
            id: SeasonId::from_uuid(Uuid::now_v7()),
            name: "Season 1".into(),
            starts_at: now(),
            ends_at: None,
            current_key: Some(1),
        };
        let tx = self.core.sql.begin().await?;
        let row = seasons::ActiveModel::from(season).reset_all();
        match seasons::Entity::insert(row).exec_without_returning(&tx).await {
            Ok(_) => Ok(tx.commit().await?),
            // Another instance began it.
            Err(error) if is_unique_violation(&error) => Ok(()),
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
