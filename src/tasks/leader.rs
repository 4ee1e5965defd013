//! Keeps the leases that this instance has, and takes those that nobody has.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::services::Services;

/// Runs until told to stop, and then lets others lead.
pub async fn run(services: Arc<Services>, stop: CancellationToken) {
    let mut ticks = interval(services.lease_interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => services.renew_leases().await,
            () = stop.cancelled() => return,
        }
    }
}
