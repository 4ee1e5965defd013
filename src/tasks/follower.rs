//! Keeps up with the other instances where the bus may not tell: sessions that ended and keys that were revoked there,
//! players who are here.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::services::{Services, follow::Poll};

/// Between two looks at sessions that ended.
const LOOK: Duration = Duration::from_millis(500);
/// Looks between two times that this instance says who is here.
const PRESENCE_EVERY: u32 = 10;
/// Looks between two looks at the keys that tokens are signed with.
const KEYS_EVERY: u32 = 20;

/// Runs until told to stop.
pub async fn run(services: Arc<Services>, stop: CancellationToken) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut poll = Poll::default();
    let mut round = 0_u32;
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = services.accounts.load_ended().await {
            tracing::warn!(%error, "sessions that ended elsewhere are looked for again");
        }
        if let Err(error) = services.follow(&mut poll).await {
            tracing::warn!(%error, "what other instances did is looked for again");
        }
        round = round.wrapping_add(1);
        if let Err(error) = services.gauge().await {
            tracing::debug!(%error, "the metrics are behind");
        }
        if round.is_multiple_of(KEYS_EVERY)
            && let Err(error) = services.accounts.load_keys().await
        {
            tracing::warn!(%error, "signing keys that were changed elsewhere are looked for again");
        }
        if round.is_multiple_of(PRESENCE_EVERY)
            && let Err(error) = services.presence.renew().await
        {
            tracing::debug!(%error, "other instances do not know who is here");
        }
    }
}
