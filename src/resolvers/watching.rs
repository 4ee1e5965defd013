//! What the edge knows of subscriptions before one runs, and what it hears of one that does.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use futures_util::{StreamExt, stream::BoxStream};

use super::context::Result;
use crate::{
    game::{event::Position, time::Timestamp},
    schema::paging::{Cursor, Line},
    services::watch::{Followed, Followers},
};

/// How a stream goes on, which says how many may share one execution of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Entries of a durable log, each with its place. Whoever follows misses none.
    Log,
    /// How things stand; only the newest matters.
    Newest,
    /// Those that are there, then each that comes or goes.
    Roster,
}

/// The nature of a stream that is the same for everybody; none for one that is its viewer's own.
pub fn nature(field: &str) -> Option<Nature> {
    match field {
        "rankChanged" | "feedItemAdded" | "matchEvents" => Some(Nature::Log),
        "matchUpdated" | "leaderboardChanged" | "queueStats" => Some(Nature::Newest),
        "liveMatches" => Some(Nature::Roster),
        _ => None,
    }
}

/// Where a follower of a log begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Behind all that is there.
    Now,
    /// Behind a place.
    Behind(i64),
}

/// Where a subscription to a log begins that brings this cursor; none for a cursor that is none.
pub fn begin(field: &str, after: Option<&str>) -> Option<Begin> {
    let place = match (field, after) {
        ("matchEvents", None) => return Some(Begin::Behind(0)),
        (_, None) => return Some(Begin::Now),
        ("matchEvents", Some(text)) => Line::decode("after", Some(text.into())).ok()??.0,
        (_, Some(text)) => Position::decode("after", Some(text.into())).ok()??.0,
    };
    Some(Begin::Behind(place))
}

/// What is heard of a stream besides its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// It runs, and tells what is behind this place.
    Open(i64),
    /// What was there when it began has been told; what comes now is new.
    CaughtUp,
}

/// The latest entry that was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// Its place.
    pub place: i64,
    /// When what it tells of was reported, where that is known.
    pub reported_at: Option<Timestamp>,
}

/// Goes with one execution of a subscription, between its resolver and the edge.
pub struct Progress {
    begin: Option<i64>,
    latest: Mutex<Latest>,
    hear: Box<dyn Fn(Note) + Send + Sync>,
}

impl Progress {
    /// For an execution that begins behind `begin` instead of behind its argument `after`.
    pub fn new(begin: Option<i64>, hear: impl Fn(Note) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { begin, latest: Mutex::default(), hear: Box::new(hear) })
    }

    /// The entry that the latest answer tells of.
    pub fn latest(&self) -> Latest {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn progress(ctx: &Context<'_>) -> Option<Arc<Progress>> {
    ctx.data_opt::<Arc<Progress>>().cloned()
}

/// Where this execution begins: where the edge says, or behind its own argument.
pub fn behind(ctx: &Context<'_>, after: Option<i64>) -> Option<i64> {
    progress(ctx).and_then(|progress| progress.begin).or(after)
}

/// Tells the edge of what is followed, and hands on the entries.
pub fn told<T, U>(
    ctx: &Context<'_>,
    followed: Followers<T>,
    reported_at: impl Fn(&T) -> Option<Timestamp> + Send + 'static,
    show: impl Fn(T) -> U + Send + 'static,
) -> BoxStream<'static, Result<U>>
where
    T: Send + 'static,
    U: Send + 'static,
{
    let progress = progress(ctx);
    if let Some(progress) = &progress {
        (progress.hear)(Note::Open(followed.since));
    }
    let entries = followed.entries.filter_map(move |told| {
        let shown = match told {
            Ok(Followed::Entry(place, entry)) => {
                if let Some(progress) = &progress {
                    *progress.latest.lock().unwrap_or_else(PoisonError::into_inner) =
                        Latest { place, reported_at: reported_at(&entry) };
                }
                Some(Ok(show(entry)))
            }
            Ok(Followed::CaughtUp) => {
                if let Some(progress) = &progress {
                    (progress.hear)(Note::CaughtUp);
                }
                None
            }
            Err(error) => Some(Err(error.into())),
        };
        std::future::ready(shown)
    });
    entries.boxed()
}

/// Tells the edge that a stream of which only the newest matters runs.
pub fn open<S>(ctx: &Context<'_>, stream: S) -> S {
    if let Some(progress) = progress(ctx) {
        (progress.hear)(Note::Open(0));
    }
    stream
}
