//! The matchmaking part of the settings, which can change while servers run.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    Services,
    audit::{self, Entry},
    core::Core,
};
use crate::{
    config::{Config, Matchmaking, Settings},
    error::{Error, Result},
    game::{
        event::LiveEvent,
        mode::{Mode, ModeId},
        pairing::{LatencyStep, Rules, Window},
    },
};

/// Who may play whom by these settings, in a mode of teams of that size and number.
pub fn pairing_rules(settings: &Matchmaking, team_size: u8, team_count: u8) -> Rules {
    let ms = |seconds: u32| i64::from(seconds) * 1000;
    let latency = settings.latency.iter();
    Rules {
        team_size,
        team_count,
        window: Window {
            start_mmr: settings.tolerance_start_mmr,
            least_mmr: settings.tolerance_least_mmr,
            most_mmr: settings.tolerance_most_mmr,
            mmr_per_second: settings.mmr_per_second,
            widens_ms: ms(settings.tolerance_widens_seconds),
            starves_ms: ms(settings.starves_seconds),
        },
        latency: latency
            .map(|step| LatencyStep { from_ms: ms(step.from_seconds), max_ms: step.max_ms })
            .collect(),
        premade_mmr: settings.premade_mmr,
        rematch_ms: ms(settings.rematch_after_seconds),
    }
}

/// The settings in force.
#[derive(Clone, Debug)]
pub struct InForce {
    /// As they were read.
    pub settings: Arc<Matchmaking>,
    rules: HashMap<ModeId, Arc<Rules>>,
}

impl InForce {
    /// Of these settings.
    pub fn new(settings: Matchmaking, modes: &[Arc<Mode>]) -> Self {
        let rules = modes.iter().map(|mode| {
            let (size, count) = (mode.pairing.team_size, mode.pairing.team_count);
            (mode.id.clone(), Arc::new(pairing_rules(&settings, size, count)))
        });
        Self { rules: rules.collect(), settings: Arc::new(settings) }
    }
}

/// The settings in force, which can be replaced.
pub struct Rulebook(RwLock<InForce>);

impl Rulebook {
    /// Begins with these.
    pub const fn new(first: InForce) -> Self {
        Self(RwLock::new(first))
    }

    /// The settings.
    pub fn settings(&self) -> Arc<Matchmaking> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).settings.clone()
    }

    /// Who may play whom in a mode now.
    pub fn of(&self, mode: &Mode) -> Arc<Rules> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.rules.get(&mode.id).cloned().unwrap_or_else(|| Arc::new(mode.pairing.clone()))
    }

    fn replace(&self, by: InForce) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = by;
    }
}

/// Reads the file with the settings once more, and puts its matchmaking part in force; says whether anything changed.
///
/// # Errors
/// BAD_USER_INPUT with everything that is wrong in the file, or where the server was started without one; what was in force
/// stays.
pub(super) fn reload(core: &Core) -> Result<bool> {
    let (file, settings) = read(core)?;
    let changed = settings != *core.rulebook.settings();
    if changed {
        core.rulebook.replace(InForce::new(settings, core.catalog.modes()));
    }
    tracing::info!(changed, file = %file.display(), "matchmaking settings read again");
    Ok(changed)
}

fn read(core: &Core) -> Result<(&PathBuf, Matchmaking)> {
    let Config { file: Some(file), .. } = &*core.config else {
        let message = "the server was started without a file of settings";
        return Err(Error::bad_input("RANKEDHONOR_CONFIG", message));
    };
    let settings = Settings::load(Some(file))
        .map_err(|problems| Error::bad_input("RANKEDHONOR_CONFIG", problems.to_string()))?;
    Ok((file, settings.matchmaking))
}

impl Services {
    /// As [`reload`], on this instance alone.
    ///
    /// # Errors
    /// As [`reload`]; SERVICE_UNAVAILABLE when the database does not answer.
    pub async fn reload_matchmaking(&self) -> Result<bool> {
        self.note_reload().await?;
        reload(&self.core)
    }

    /// Writes down what is about to be put in force.
    async fn note_reload(&self) -> Result<()> {
        let before = self.core.rulebook.settings();
        let (_, after) = read(&self.core)?;
        let tx = self.core.sql.begin().await?;
        let data = serde_json::json!({"before": &*before, "after": after});
        let entry = Entry::new("MATCHMAKING_RELOADED", "settings", data);
        audit::append(&self.core, &tx, vec![entry]).await?;
        tx.commit().await
    }

    /// Puts the matchmaking part of the settings in force once more, on every instance, each from its own file.
    ///
    /// # Errors
    /// As [`reload`]: then the others are not told.
    pub async fn reload_matchmaking_everywhere(&self) -> Result<bool> {
        self.note_reload().await?;
        let changed = reload(&self.core)?;
        let event = LiveEvent::MatchmakingReloaded { by: self.core.instance };
        self.core.bus.publish(&[Arc::new(event)]).await?;
        Ok(changed)
    }
}
