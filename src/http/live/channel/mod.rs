//! One execution of a subscription that many follow: what it told lately, and who listens. A follower pulls at its own
//! pace; nothing is queued for it here, so a slow one costs the others nothing.

mod joining;
mod reader;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use slab::Slab;
use tokio::sync::Notify;

pub use self::{
    joining::{Fetch, Joined},
    reader::{Read, Reader},
};
use super::link::Link;
use crate::{
    http::front::Admitted,
    resolvers::watching::{Latest, Nature, Note},
};

/// Followers that are woken before others have their turn.
const SLICE: usize = 256;
/// For how long those that were there are shown to newcomers without being looked up again.
const ROSTER_AGE: Duration = Duration::from_millis(500);

/// An answer, serialised once for everybody.
#[derive(Debug)]
pub struct Item {
    /// JSON.
    pub payload: Box<str>,
    /// What it tells of.
    pub latest: Latest,
}

impl Item {
    fn weight(&self) -> usize {
        self.payload.len() + size_of::<Self>()
    }
}

/// How a stream ended.
#[derive(Clone, Debug)]
pub enum End {
    /// There is no more.
    Complete,
    /// It failed; the errors as JSON.
    Error(Arc<str>),
    /// It never began, or nobody listened any more: whoever comes now begins anew.
    Void,
}

#[derive(Debug)]
enum State {
    Opening,
    Open,
    Over(End),
}

struct Roster {
    items: Arc<[Arc<Item>]>,
    /// The number of the first item that it does not know of.
    next: i64,
    taken: Instant,
}

struct Inner {
    state: State,
    began: bool,
    caught_up: bool,
    /// What a log told at or before this place is not here.
    since: i64,
    /// What was asked for at or before this place could not be fetched.
    unreachable: i64,
    items: VecDeque<Arc<Item>>,
    /// The number of the first item; numbers go on for as long as the channel lives, and down when older ones are added.
    first: i64,
    bytes: usize,
    roster: Option<Roster>,
    /// Whether somebody fetches what is missing.
    fetching: bool,
    followers: Slab<Arc<Link>>,
    idle_since: Option<Instant>,
}

impl Inner {
    fn next(&self) -> i64 {
        self.first + i64::try_from(self.items.len()).unwrap_or(i64::MAX)
    }
}

/// Bounds that channels keep together.
#[derive(Debug)]
pub struct Budget {
    /// Bytes that one channel may keep.
    pub each: usize,
    /// Bytes that all may keep; over that each keeps little.
    pub all: usize,
    /// Bytes that they keep now.
    pub held: AtomicUsize,
}

/// See the module.
pub struct Channel {
    /// What its executions have in common.
    pub key: Arc<str>,
    /// How it goes on.
    pub nature: Nature,
    /// What is executed.
    pub operation: Arc<Admitted>,
    budget: Arc<Budget>,
    inner: Mutex<Inner>,
    /// Grows with every change, so that a follower sees without a lock that there is none.
    version: AtomicU64,
    changed: Notify,
}

impl Channel {
    pub(super) fn new(
        (key, nature): (Arc<str>, Nature),
        operation: Arc<Admitted>,
        budget: Arc<Budget>,
    ) -> Arc<Self> {
        metrics::gauge!("rankedhonor_shared_executions").increment(1.0);
        Arc::new(Self {
            key,
            nature,
            operation,
            budget,
            inner: Mutex::new(Inner {
                state: State::Opening,
                began: false,
                caught_up: false,
                since: 0,
                unreachable: i64::MIN,
                items: VecDeque::new(),
                first: 0,
                bytes: 0,
                roster: None,
                fetching: false,
                followers: Slab::new(),
                idle_since: None,
            }),
            version: AtomicU64::new(1),
            changed: Notify::new(),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait to join that something has changed.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// Whether nobody can join any more.
    pub fn is_over(&self) -> bool {
        matches!(self.inner().state, State::Over(_))
    }

    pub(super) fn heard(&self, note: Note) {
        let mut inner = self.inner();
        match note {
            Note::Open(since) if matches!(inner.state, State::Opening) => {
                inner.state = State::Open;
                inner.began = true;
                inner.since = since;
            }
            Note::Open(_) => {}
            Note::CaughtUp => {
                inner.caught_up = true;
                // All that was told so far is who was there, unless that was more than is kept.
                if self.nature == Nature::Roster && inner.roster.is_none() && inner.first == 0 {
                    let next = inner.next();
                    let items = inner.items.iter().cloned().collect();
                    inner.roster = Some(Roster { items, next, taken: Instant::now() });
                }
            }
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Adds an answer, which those who follow are to be told of; how many they are.
    pub(super) fn push(&self, payload: String, latest: Latest) -> usize {
        let item = Arc::new(Item { payload: payload.into(), latest });
        let followers = {
            let mut inner = self.inner();
            if self.nature == Nature::Newest && !inner.items.is_empty() {
                self.drop_oldest(&mut inner);
            }
            self.hold(&mut inner, item.weight());
            inner.items.push_back(item);
            let most = if self.budget.held.load(Ordering::Relaxed) > self.budget.all {
                self.budget.each / 8
            } else {
                self.budget.each
            };
            while inner.bytes > most && inner.items.len() > 1 {
                self.drop_oldest(&mut inner);
            }
            inner.followers.len()
        };
        self.version.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
        followers
    }

    /// Shows nobody who comes now what was told before: it may name an account that was deleted. Those who follow already
    /// read on.
    pub(super) fn forget(&self) {
        let mut inner = self.inner();
        match self.nature {
            Nature::Log => {
                let last = inner.items.back().map_or(inner.since, |item| item.latest.place);
                inner.since = inner.since.max(last);
                inner.unreachable = inner.unreachable.max(last);
                if inner.followers.is_empty() {
                    while !inner.items.is_empty() {
                        self.drop_oldest(&mut inner);
                    }
                }
            }
            Nature::Roster => inner.roster = None,
            // A newer picture comes by itself.
            Nature::Newest => {}
        }
    }

    fn hold(&self, inner: &mut Inner, bytes: usize) {
        inner.bytes += bytes;
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
    }

    fn drop_oldest(&self, inner: &mut Inner) {
        let Some(item) = inner.items.pop_front() else { return };
        inner.first += 1;
        inner.since = inner.since.max(item.latest.place);
        inner.bytes -= item.weight();
        self.budget.held.fetch_sub(item.weight(), Ordering::Relaxed);
    }

    pub(super) async fn end(&self, end: End) {
        {
            let mut inner = self.inner();
            let never_began = matches!(inner.state, State::Opening);
            inner.state = State::Over(if never_began { End::Void } else { end });
        }
        self.version.fetch_add(1, Ordering::Release);
        self.changed.notify_waiters();
        self.wake_all().await;
    }

    /// Ends the channel if nobody has followed it for that long.
    pub(super) fn end_if_idle(&self, patience: Duration) -> bool {
        let mut inner = self.inner();
        if !inner.followers.is_empty() {
            inner.idle_since = None;
            return false;
        }
        let since = *inner.idle_since.get_or_insert_with(Instant::now);
        if since.elapsed() < patience {
            return false;
        }
        inner.state = State::Over(End::Void);
        drop(inner);
        self.changed.notify_waiters();
        true
    }

    /// Wakes everybody, a few at a time, so that other work is not kept waiting.
    pub(super) async fn wake_all(&self) {
        let mut from = 0;
        loop {
            let next = {
                let inner = self.inner();
                let to = from + SLICE;
                for at in from..to.min(inner.followers.capacity()) {
                    if let Some(link) = inner.followers.get(at) {
                        link.ring();
                    }
                }
                (to < inner.followers.capacity()).then_some(to)
            };
            let Some(next) = next else { return };
            from = next;
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let held = self.inner().bytes;
        self.budget.held.fetch_sub(held, Ordering::Relaxed);
        metrics::gauge!("rankedhonor_shared_executions").decrement(1.0);
    }
}
