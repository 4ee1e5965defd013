//! What this instance does with what the others tell, before its own subscribers hear of it.

use std::sync::{Arc, atomic::Ordering};

use futures_util::FutureExt;

use super::{
    boards,
    core::{APART_MS, Core, now},
    leadership::RELAY,
    reload::reload,
};
use crate::{
    backends::bus::{First, Signal},
    entities::{outbox, users},
    error::Result,
    game::{accounts::Credential, event::LiveEvent, time::Timestamp},
    telemetry,
};

/// Facts looked at once.
const BATCH: u64 = 1_000;

/// See the module.
pub fn first(core: &Arc<Core>) -> First {
    let core = Arc::downgrade(core);
    Arc::new(move |signal| {
        let core = core.upgrade();
        async move {
            if let Some(core) = core
                && let Err(error) = hear(&core, signal).await
            {
                // What the ladder missed is read from the database when it is next asked.
                tracing::warn!(%error, "what another instance told could not be done here");
                boards::distrust(&core).await;
            }
        }
        .boxed()
    })
}

/// Where instances share a database server and no Redis: looks whether another one has relayed, and then lets everybody
/// here look again. What the bus tells at once is found out so, a moment later.
#[derive(Default)]
pub struct Poll {
    /// The place of the last fact that was seen to be everywhere.
    seen: Option<i64>,
}

impl Poll {
    /// Looks once.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(super) async fn look(&mut self, core: &Core) -> Result<()> {
        if core.redis.is_some() || core.sql.is_embedded() || core.leadership.lead(RELAY).is_some() {
            self.seen = None;
            return Ok(());
        }
        let db = core.sql.read();
        let Some(seen) = self.seen else {
            tracing::warn!(
                "another instance runs on this database: live events between instances want REDIS_URL"
            );
            self.seen = Some(outbox::last_place(db).await?);
            return core.bus.gap().await;
        };
        let facts = outbox::sent_behind(db, seen, BATCH).await?;
        let Some(newest) = facts.last().and_then(|fact| fact.place) else { return Ok(()) };
        self.seen = Some(newest);
        core.bus.gap().await?;
        core.waiting.told(&facts.iter().map(|fact| fact.id).collect::<Vec<_>>());
        Ok(())
    }
}

async fn hear(core: &Core, signal: Signal) -> Result<()> {
    match signal {
        Signal::Gap => {
            metrics::counter!("rankedhonor_bus_gaps_total").increment(1);
            core.learn_season().await?;
            look_for_erasures(core).await?;
            boards::look_again(core).await
        }
        Signal::Event(event) => match &*event {
            LiveEvent::SessionEnded { session } => {
                core.revoked.end(Credential::Session(*session), now());
                Ok(())
            }
            LiveEvent::ServerKeyRevoked { key } => {
                core.revoked.end(Credential::ServerKey(*key), now());
                Ok(())
            }
            LiveEvent::Erased => {
                core.erasures.send_modify(|seen| *seen += 1);
                Ok(())
            }
            LiveEvent::MatchmakingReloaded { by } => {
                if *by != core.instance
                    && let Err(error) = reload(core)
                {
                    tracing::error!(%error, "the matchmaking settings stay as they were");
                }
                Ok(())
            }
            LiveEvent::Relayed { by, token, facts, changes, traces } => {
                for trace in traces {
                    telemetry::follows(&tracing::debug_span!("tell", by = %by), trace);
                }
                // One that was paused may tell what everybody has read from SQL since.
                let newest = core.relay_token.fetch_max(*token, Ordering::Relaxed);
                if *by != core.instance && *token >= newest {
                    boards::apply(core, changes).await?;
                }
                core.waiting.told(facts);
                Ok(())
            }
            _ => Ok(()),
        },
    }
}

/// Finds out whether accounts were deleted that nobody told of.
async fn look_for_erasures(core: &Core) -> Result<()> {
    let now = now();
    let looked = Timestamp(core.looked_for_erasures.load(Ordering::Relaxed));
    if !users::deleted_since(core.sql.read(), looked.plus_ms(-APART_MS)).await?.is_empty() {
        core.erasures.send_modify(|seen| *seen += 1);
    }
    core.looked_for_erasures.fetch_max(now.0, Ordering::Relaxed);
    Ok(())
}
