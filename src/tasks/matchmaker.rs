//! Makes the matches: one wave of each mode each tick.

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;

use crate::{game::mode::Mode, services::Services};

/// Runs one mode until told to stop.
pub async fn run(services: Arc<Services>, mode: Arc<Mode>, stop: CancellationToken) {
    let mut next = Instant::now();
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            () = stop.cancelled() => return,
        }
        // A wave that takes longer than a tick delays the next one; it does not make two at once.
        next = Instant::now() + services.queue.tick();
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
