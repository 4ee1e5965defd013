//! Sends the mails that are due.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::services::Services;

/// Between two looks at mails that others asked for, or that did not go out.
const LOOK: Duration = Duration::from_secs(2);

/// Runs until told to stop.
pub async fn run(services: Arc<Services>, stop: CancellationToken) {
    loop {
        match services.mails.send_due().await {
            Ok(0) => tokio::select! {
                () = services.mails.asked() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => return,
            },
            Ok(_) if stop.is_cancelled() => return,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = ?error, "mails are left for the next look");
                tokio::select! {
                    () = tokio::time::sleep(super::PAUSE) => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    }
}
