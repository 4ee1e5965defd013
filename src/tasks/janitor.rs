//! Ends what is overdue and forgets what is old.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    error::Result,
    services::{Services, now},
};

/// Between two looks at deadlines.
const DEADLINES: Duration = Duration::from_millis(500);
/// Looks at deadlines between two sweeps of what is old.
const SWEEP_EVERY: u32 = 120;

/// Runs until told to stop.
pub async fn run(services: Arc<Services>, stop: CancellationToken) {
    let mut round = 0_u32;
    loop {
        let sweeps = services.sweeps();
        if sweeps && let Err(error) = deadlines(&services).await {
            tracing::error!(error = ?error, "overdue tickets and matches are left for the next look");
        }
        services.relay.mend_mirror().await;
        if round.is_multiple_of(SWEEP_EVERY)
            && let Err(error) = services.mails.tidy().await
        {
            tracing::error!(error = ?error, "old mails are left for the next sweep");
        }
        if sweeps
            && round.is_multiple_of(SWEEP_EVERY)
            && let Err(error) = sweep(&services).await
        {
            tracing::error!(error = ?error, "what is old is left for the next sweep");
        }
        round = round.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(DEADLINES) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn deadlines(services: &Services) -> Result<()> {
    services.queue.expire().await?;
    services.matches.cancel_overdue(services).await?;
    services.seasons.end_due().await?;
    services.rankings.settle_seasons().await?;
    services.rankings.lapse().await?;
    services.accounts.forget_erased().await?;
    Ok(())
}

async fn sweep(services: &Services) -> Result<()> {
    services.accounts.sweep().await?;
    services.accounts.delete_due(services).await?;
    services.queue.sweep().await?;
    if let Err(error) = services.audit.note().await {
        tracing::error!(%error, "the end of the audit log is noted at the next sweep");
    }
    services.feed.expire(now()).await?;
    services.feed.count_picks().await?;
    services.rankings.expire(now()).await
}
