//! Streams for subscribers: a durable log that is followed without a gap, and snapshots that show the newest.

use std::time::Duration;

use async_stream::try_stream;
use futures_util::{FutureExt, future::BoxFuture, stream::BoxStream};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::patience::patiently;
use crate::{
    backends::bus::{Signal, Subscription},
    error::Result,
    game::event::LiveEvent,
};

/// What a subscriber reads: a stream that ends with its first error.
pub type Live<T> = BoxStream<'static, Result<T>>;

/// How old a picture may be that nothing is heard of.
const AGAIN: Duration = Duration::from_secs(2);

/// Logs that are read at the same time: more would wait for a connection instead, and fail when they waited too long.
static READS: Semaphore = Semaphore::const_new(16);

/// How many entries of a log are read at once.
pub const CHUNK: u64 = 200;

/// An entry of a log with its place.
pub type Placed<T> = (i64, T);

/// What a follower hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed<T> {
    /// An entry, with its place where it stands in a log.
    Entry(i64, T),
    /// All that was there when the following began has been told.
    CaughtUp,
}

/// A stream of entries, behind a place.
pub struct Followers<T> {
    /// Entries up to there are not told.
    pub since: i64,
    /// The others.
    pub entries: Live<Followed<T>>,
}

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
) -> Followers<T>
where
    T: Send + 'static,
    R: Fn(i64) -> BoxFuture<'static, Result<Vec<Placed<T>>>> + Send + Sync + 'static,
    P: Fn(&LiveEvent) -> Vec<Placed<T>> + Send + 'static,
{
    let since = last;
    let entries = Box::pin(try_stream! {
        let mut behind = replay;
        // The first reading fails at once: whoever asks is told so.
        let mut open = false;
        loop {
            while behind {
                // A turn is for one attempt: whoever is patient does not keep the others from theirs.
                let read = || async {
                    let _turn = READS.acquire().await;
                    (log.read)(last).await
                };
                let entries = if open { patiently(read).await? } else { read().await? };
                behind = entries.len() as u64 >= CHUNK;
                for (place, entry) in entries {
                    last = place;
                    yield Followed::Entry(place, entry);
                }
            }
            if !open {
                open = true;
                yield Followed::CaughtUp;
            }
            match bus.next().await {
                Some(Signal::Event(event)) => {
                    for (place, entry) in (log.pick)(&event) {
                        if place > last {
                            last = place;
                            yield Followed::Entry(place, entry);
                        }
                    }
                }
                Some(Signal::Gap) => behind = true,
                None => break,
            }
        }
    });
    Followers { since, entries }
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
    L: Fn() -> BoxFuture<'static, Result<T>> + Send + Sync + 'static,
    F: Fn(&LiveEvent) -> bool + Send + 'static,
{
    Box::pin(try_stream! {
        let mut shown: Option<T> = None;
        loop {
            let fresh = if shown.is_some() { patiently(&load).await? } else { load().await? };
            if shown.as_ref() != Some(&fresh) {
                shown = Some(fresh.clone());
                yield fresh;
            }
            let loaded = Instant::now();
            // Some of it changes by the mere passing of time, which nobody tells.
            let again = loaded + interval.max(AGAIN);
            while let Ok(heard) = timeout_at(again, bus.next()).await {
                match heard {
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
