//! Makes the corrections that reach too far to be waited for.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::services::Services;

/// Between two looks where nobody asks here.
const LOOK: Duration = Duration::from_millis(500);

/// Runs until told to stop.
pub async fn run(services: Arc<Services>, stop: CancellationToken) {
    loop {
        let again = if services.sweeps() {
            services.matches.correct_next().await.unwrap_or_else(|error| {
                tracing::error!(error = ?error, "a correction is left for the next look");
                false
            })
        } else {
            false
        };
        if again && !stop.is_cancelled() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = services.matches.correction_asked() => {}
            () = stop.cancelled() => return,
        }
    }
}
