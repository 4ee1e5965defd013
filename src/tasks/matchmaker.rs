//! Makes the matches: one wave of each mode each tick.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{game::mode::Mode, services::Services};

/// Runs one mode until told to stop.
pub async fn run(services: Arc<Services>, mode: Arc<Mode>, stop: CancellationToken) {
    let tick = Duration::from_millis(services.config.settings.matchmaking.tick_ms);
    let mut ticks = tokio::time::interval(tick);
    // A wave that takes longer than a tick delays the next one; it does not make two at once.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return,
        }
        let began = Instant::now();
        match services.queue.run_wave(&mode).await {
            Ok(0) => {}
            Ok(matches) => tracing::debug!(mode = %mode.id, matches, "a wave made matches"),
            Err(error) => {
                tracing::error!(mode = %mode.id, error = ?error, "a wave failed; the next one tries again");
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        metrics::histogram!("rankedhonor_wave_seconds", "mode" => mode.id.to_string())
            .record(seconds);
    }
}
