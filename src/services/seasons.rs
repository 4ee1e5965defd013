//! Seasons: begun, planned and ended (rule 21).

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, EntityTrait};
use uuid::Uuid;

use super::{
    audit::{self, Entry},
    core::{Core, now},
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{is_unique_violation, matches, seasons, standings},
    error::{Error, Result},
    game::{
        accounts::fold, event::Fact, ids::SeasonId, mode::Mode, season::Preview, time::Timestamp,
    },
};

/// Standings read at once.
const CHUNK: u64 = 2_000;

/// A season that is to begin.
#[derive(Clone, Debug)]
pub struct NewSeason {
    /// 1 to 100 characters, unlike that of any other season.
    pub name: String,
    /// When it is to end by itself.
    pub ends_at: Option<Timestamp>,
}

/// See the module.
pub struct Seasons {
    core: Arc<Core>,
}

impl Seasons {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Ends the current season and begins the next. Standings of the old one stay; in the new one everybody begins with
    /// their rating, less certain, and with placement matches. Matches that were made in the old season count for it.
    ///
    /// # Errors
    /// BAD_USER_INPUT for a name that is empty, longer than 100 characters, or taken, and for an end that is not to come.
    pub async fn start(&self, wanted: NewSeason) -> Result<seasons::Model> {
        let wanted = checked(wanted)?;
        retrying(|| self.try_start(&wanted)).await
    }

    async fn try_start(&self, wanted: &NewSeason) -> Result<seasons::Model> {
        let tx = self.core.sql.begin().await?;
        seasons::lock_current(&tx).await?;
        self.unlike_others(&tx, &wanted.name).await?;
        self.succeed(tx, wanted.clone()).await
    }

    async fn unlike_others(&self, tx: &Tx, name: &str) -> Result<()> {
        if seasons::all(tx).await?.iter().any(|season| fold(&season.name) == fold(name)) {
            return Err(Error::bad_input("input.name", "there is a season of this name already"));
        }
        Ok(())
    }

    /// Puts a season in the place of the current one, which nobody else ends.
    async fn succeed(&self, tx: Tx, wanted: NewSeason) -> Result<seasons::Model> {
        let now = now();
        let season = self.row(wanted, now)?;
        let before = self.core.season().ok();
        seasons::end_current(&tx, now).await?;
        let row = seasons::ActiveModel::from(season.clone()).reset_all();
        seasons::Entity::insert(row).exec_without_returning(&tx).await?;
        let data = serde_json::json!({
            "before": before.map(|before| {
                serde_json::json!({"id": before.id, "name": before.name, "endsAt": before.ends_at})
            }),
            "after": {"name": season.name, "endsAt": season.ends_at},
        });
        let entry = Entry::new("SEASON_STARTED", season.id, data);
        audit::append(&self.core, &tx, vec![entry]).await?;
        let fact = Fact::SeasonStarted { season: season.id, name: season.name.clone(), at: now };
        let written = self.core.commit(tx, &[fact]).await?;
        self.core.learn_season().await?;
        written.settled().await;
        Ok(season)
    }

    /// A season with the tiers and bounds of the configuration, which it keeps.
    fn row(&self, wanted: NewSeason, now: Timestamp) -> Result<seasons::Model> {
        let rules = serde_json::to_string(&self.core.config.settings.ladder);
        Ok(seasons::Model {
            id: SeasonId::from_uuid(Uuid::now_v7()),
            name: wanted.name,
            starts_at: now,
            ends_at: wanted.ends_at,
            current_key: Some(1),
            rules: Some(rules.map_err(Error::internal)?),
            next_name: None,
            settled_at: None,
        })
    }

    /// What [`start`](Self::start) would do: the season as it would begin, and what that does to the players of each mode.
    /// Nothing is changed.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn preview(&self, wanted: NewSeason) -> Result<(seasons::Model, Vec<Preview>)> {
        let wanted = checked(wanted)?;
        let tx = self.core.sql.snapshot().await?;
        self.unlike_others(&tx, &wanted.name).await?;
        let season = self.row(wanted, now())?;
        let current = self.core.season()?.id;
        let mut previews = Vec::new();
        for mode in self.core.catalog.modes() {
            previews.push(self.preview_of(&tx, mode, current, season.starts_at).await?);
        }
        Ok((season, previews))
    }

    async fn preview_of(
        &self,
        tx: &Tx,
        mode: &Arc<Mode>,
        season: SeasonId,
        begins: Timestamp,
    ) -> Result<Preview> {
        let rules = &self.core.catalog.ladder;
        let mut preview = Preview {
            mode: mode.clone(),
            players: 0,
            listed: 0,
            short_placements: 0,
            deviation: (0.0, 0.0),
            open_matches: matches::open_in_season(tx, season, Some(&mode.id)).await?,
        };
        let mut last = None;
        loop {
            let rows = standings::behind(tx, (season, &mode.id), last, CHUNK).await?;
            let Some(row) = rows.last() else { break };
            last = Some(row.user_id);
            for row in rows {
                let standing = row.standing();
                let carried = standing.carried(&mode.rating, rules, begins);
                let short = i64::from(carried.placements_left) <= i64::from(rules.placements_short);
                preview.players += 1;
                preview.listed += u64::from(standing.is_listed());
                preview.short_placements += u64::from(short);
                preview.deviation.0 += standing.rating.deviation;
                preview.deviation.1 += carried.rating.deviation;
            }
        }
        let players = preview.players.max(1) as f64;
        preview.deviation = (preview.deviation.0 / players, preview.deviation.1 / players);
        Ok(preview)
    }

    /// Plans when the current season ends by itself, and what the next is called; without an end there is no plan.
    ///
    /// # Errors
    /// BAD_USER_INPUT for an end that is not to come, and for a name that is taken or malformed.
    pub async fn plan_end(
        &self,
        ends_at: Option<Timestamp>,
        next_name: Option<String>,
    ) -> Result<seasons::Model> {
        let ends_at = ends_at.map(checked_end).transpose()?;
        let named = |name| checked_name("input.nextName", name);
        let next_name = next_name.map(named).transpose()?;
        retrying(|| self.try_plan(ends_at, next_name.as_deref())).await
    }

    async fn try_plan(
        &self,
        ends_at: Option<Timestamp>,
        next_name: Option<&str>,
    ) -> Result<seasons::Model> {
        let tx = self.core.sql.begin().await?;
        seasons::lock_current(&tx).await?;
        let before = seasons::all(&tx).await?.into_iter().find(|one| one.current_key.is_some());
        let before = before.map(
            |before| serde_json::json!({"endsAt": before.ends_at, "nextName": before.next_name}),
        );
        if let Some(name) = next_name {
            let known = seasons::all(&tx).await?;
            if known.iter().any(|season| fold(&season.name) == fold(name)) {
                let message = "there is a season of this name already";
                return Err(Error::bad_input("input.nextName", message));
            }
        }
        seasons::plan_end(&tx, ends_at, next_name).await?;
        let after = serde_json::json!({"endsAt": ends_at, "nextName": next_name});
        let data = serde_json::json!({"before": before, "after": after});
        let entry = Entry::new("SEASON_END_PLANNED", self.core.season()?.id, data);
        audit::append(&self.core, &tx, vec![entry]).await?;
        tx.commit().await?;
        self.core.learn_season().await?;
        self.core.season()
    }

    /// Ends the current season where its time has come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_due(&self) -> Result<()> {
        retrying(|| self.try_end_due()).await
    }

    async fn try_end_due(&self) -> Result<()> {
        let due = |season: &seasons::Model| season.ends_at.is_some_and(|at| at <= now());
        // Another instance may have planned it: the row tells.
        let current = seasons::current(self.core.sql.read()).await?;
        if !current.as_ref().is_some_and(due) {
            return Ok(());
        }
        let tx = self.core.sql.begin().await?;
        let Some(current) = seasons::lock_current(&tx).await?.filter(due) else { return Ok(()) };
        let names: Vec<_> = seasons::all(&tx).await?.iter().map(|s| fold(&s.name)).collect();
        let free = |name: &String| !names.contains(&fold(name));
        let numbered = (names.len() + 1..).map(|number| format!("Season {number}"));
        let name = current.next_name.into_iter().chain(numbered).find(free);
        let name = name.ok_or_else(|| Error::internal("no name is free"))?;
        let season = self.succeed(tx, NewSeason { name, ends_at: None }).await?;
        tracing::info!(season = %season.id, name = season.name, "a season ended as planned");
        Ok(())
    }

    /// Begins the very first season where there is none, and learns which is current.
    pub(super) async fn ensure(&self) -> Result<()> {
        if self.core.learn_season().await?.is_none() {
            self.begin_first().await?;
            self.core.learn_season().await?;
        }
        let season = self.core.season()?;
        let configured = self.row(NewSeason { name: String::new(), ends_at: None }, now())?.rules;
        if season.rules.is_some() && season.rules != configured {
            tracing::warn!(
                season = season.name,
                "[ladder] is configured otherwise than this season was begun with: that counts from the next one on"
            );
        }
        Ok(())
    }

    async fn begin_first(&self) -> Result<()> {
        let season = self.row(NewSeason { name: "Season 1".into(), ends_at: None }, now())?;
        let tx = self.core.sql.begin().await?;
        let row = seasons::ActiveModel::from(season).reset_all();
        match seasons::Entity::insert(row).exec_without_returning(&tx).await {
            Ok(_) => tx.commit().await,
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

fn checked(wanted: NewSeason) -> Result<NewSeason> {
    let ends_at = wanted.ends_at.map(checked_end).transpose()?;
    Ok(NewSeason { name: checked_name("input.name", wanted.name)?, ends_at })
}

fn checked_name(field: &str, name: String) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Error::bad_input(field, "a season's name has 1 to 100 characters"));
    }
    Ok(name.to_owned())
}

fn checked_end(at: Timestamp) -> Result<Timestamp> {
    if at <= now() {
        return Err(Error::bad_input("input.endsAt", "a season ends in the future"));
    }
    Ok(at)
}
