//! Takes facts out of the outbox as soon as they are written.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::PAUSE;
use crate::{error::Error, services::Services};

/// Looks this often even when nobody woke it: a commit whose request was cut off wakes nobody.
const IDLE: Duration = Duration::from_millis(250);

/// How long it rests before it does a transaction again.
const AGAIN: Duration = Duration::from_millis(2);

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
            // Another transaction came between: it is done again at once, and nobody waits for the pause.
            Err(Error::Contended(cause)) => {
                tracing::debug!(%cause, "the relay does a transaction again");
                metrics::counter!("rankedhonor_sql_retries_total").increment(1);
                tokio::time::sleep(AGAIN).await;
            }
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
