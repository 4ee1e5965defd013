//! Takes facts out of the outbox as soon as they are written.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::PAUSE;
use crate::services::Services;

/// Looks this often even when nobody woke it: a commit whose request was cut off wakes nobody.
const IDLE: Duration = Duration::from_millis(250);

/// Runs until told to stop, and then once more, so that what was committed is also told.
pub async fn run(services: Arc<Services>, stop: CancellationToken) {
    loop {
        match services.relay.run_once().await {
            Ok(0) if stop.is_cancelled() => return,
            Ok(0) => {
                tokio::select! {
                    () = services.relay.woken() => {}
                    () = tokio::time::sleep(IDLE) => {}
                    () = stop.cancelled() => {}
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = ?error, "the relay failed; it tries again");
                if stop.is_cancelled() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
