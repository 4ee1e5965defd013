//! Streams for subscribers: a durable log that is followed without a gap, and snapshots that show the newest.

use std::time::Duration;

use async_stream::try_stream;
use futures_util::{FutureExt, future::BoxFuture, stream::BoxStream};
use tokio::time::Instant;

use crate::{
    backends::bus::{Signal, Subscription},
    error::Result,
    game::event::LiveEvent,
};

/// What a subscriber reads: a stream that ends with its first error.
pub type Live<T> = BoxStream<'static, Result<T>>;

/// How many entries of a log are read at once.
pub const CHUNK: u64 = 200;

/// An entry of a log with its place.
pub type Placed<T> = (i64, T);

/// Where the entries of a log come from.
pub struct Log<R, P> {
    /// Reads up to [`CHUNK`] entries behind a place, oldest first.
    pub read: R,
    /// Picks the entries out of a live event.
    pub pick: P,
}

/// Follows a log behind `last`. The bus is listened to already, so what comes while the log is read is not missed; what
/// the bus drops is read from the log.
pub fn follow<T, R, P>(
    mut bus: Box<dyn Subscription>,
    mut last: i64,
    replay: bool,
    log: Log<R, P>,
) -> Live<T>
where
    T: Send + 'static,
    R: Fn(i64) -> BoxFuture<'static, Result<Vec<Placed<T>>>> + Send + 'static,
    P: Fn(&LiveEvent) -> Vec<Placed<T>> + Send + 'static,
{
    Box::pin(try_stream! {
        let mut behind = replay;
        loop {
            while behind {
                let entries = (log.read)(last).await?;
                behind = entries.len() as u64 >= CHUNK;
                for (place, entry) in entries {
                    last = place;
                    yield entry;
                }
            }
            match bus.next().await {
                Some(Signal::Event(event)) => {
                    for (place, entry) in (log.pick)(&event) {
                        if place > last {
                            last = place;
                            yield entry;
                        }
                    }
                }
                Some(Signal::Gap) => behind = true,
                None => break,
            }
        }
    })
}

/// Shows how things stand, now and whenever an event that matters has changed that, at most once an interval.
pub fn snapshots<T, L, F>(
    mut bus: Box<dyn Subscription>,
    interval: Duration,
    matters: F,
    load: L,
) -> Live<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
    L: Fn() -> BoxFuture<'static, Result<T>> + Send + 'static,
    F: Fn(&LiveEvent) -> bool + Send + 'static,
{
    Box::pin(try_stream! {
        let mut shown: Option<T> = None;
        loop {
            let fresh = load().await?;
            if shown.as_ref() != Some(&fresh) {
                shown = Some(fresh.clone());
                yield fresh;
            }
            let loaded = Instant::now();
            loop {
                match bus.next().await {
                    Some(Signal::Event(event)) if !matters(&event) => {}
                    Some(_) => break,
                    None => return,
                }
            }
            tokio::time::sleep_until(loaded + interval).await;
            // What came meanwhile is in the next snapshot.
            while let Some(Some(_)) = bus.next().now_or_never() {}
        }
    })
}
