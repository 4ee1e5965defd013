//! How somebody comes to follow a channel, from wherever they begin: what they want is here, or may be fetched once for
//! all who want it, or they go alone.

use std::{sync::Arc, time::Instant};

use super::{Channel, End, Inner, Item, ROSTER_AGE, Reader, Roster, State};
use crate::{
    http::live::link::Link,
    resolvers::watching::{Begin, Nature},
};

/// What becomes of somebody who wants to follow.
pub enum Joined {
    /// Follows.
    Follows(Reader),
    /// Is to ask again when something has changed.
    Waits,
    /// Is to fetch what is behind its place, or who is there, and to ask again.
    Fetches(Fetch),
    /// What it wants is not here: it goes alone.
    Alone,
    /// The channel is over.
    Gone,
}

/// What is missing in a channel. Whoever has one hands it back.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    /// The place behind which a log is wanted.
    pub behind: i64,
    /// The place at which the channel begins; what is behind it is known.
    pub until: i64,
    next: i64,
}

impl Channel {
    /// Lets somebody follow from there, if what they want is here; what is not may be fetched, for those who wait for it.
    pub fn join(self: &Arc<Self>, begin: Begin, link: &Arc<Link>, waits: bool) -> Joined {
        let mut inner = self.inner();
        match inner.state {
            State::Opening => return Joined::Waits,
            State::Over(End::Void) if inner.began => return Joined::Gone,
            State::Over(End::Void) => return Joined::Alone,
            // Whoever waited for what is over by now still hears all of it.
            State::Over(_) => inner.caught_up = true,
            State::Open => {}
        }
        let mut roster = None;
        let next = match (self.nature, begin) {
            (Nature::Newest, _) => inner.first,
            (Nature::Roster, _) => match &inner.roster {
                _ if !inner.caught_up => return Joined::Waits,
                _ if inner.unreachable == i64::MAX => return Joined::Alone,
                Some(known) if known.taken.elapsed() < ROSTER_AGE && known.next >= inner.first => {
                    roster = Some((known.items.clone(), 0));
                    known.next
                }
                _ if !waits => return Joined::Alone,
                _ => return Self::fetch(&mut inner, 0),
            },
            // Until then it tells what is not new.
            (Nature::Log, Begin::Now) if !inner.caught_up => return Joined::Waits,
            (Nature::Log, Begin::Now) => inner.next(),
            (Nature::Log, Begin::Behind(place)) => {
                let last = inner.items.back().map_or(inner.since, |item| item.latest.place);
                if place > last {
                    return if inner.caught_up { Joined::Alone } else { Joined::Waits };
                }
                if place < inner.since {
                    return if place <= inner.unreachable || !waits {
                        Joined::Alone
                    } else {
                        Self::fetch(&mut inner, place)
                    };
                }
                let known = inner.items.partition_point(|item| item.latest.place <= place);
                inner.first + i64::try_from(known).unwrap_or(i64::MAX)
            }
        };
        let seat = inner.followers.insert(link.clone());
        inner.idle_since = None;
        Joined::Follows(Reader::new(self.clone(), seat, next, roster))
    }

    fn fetch(inner: &mut Inner, behind: i64) -> Joined {
        if std::mem::replace(&mut inner.fetching, true) {
            return Joined::Waits;
        }
        Joined::Fetches(Fetch { behind, until: inner.since, next: inner.next() })
    }

    /// Takes what was fetched, oldest first; none: it could not be.
    pub(in crate::http::live) fn fetched(&self, fetch: Fetch, items: Option<Vec<Item>>) {
        let mut inner = self.inner();
        inner.fetching = false;
        let items: Option<Vec<_>> = items.map(|items| items.into_iter().map(Arc::new).collect());
        match (self.nature, items) {
            (Nature::Roster, Some(items)) => {
                inner.roster =
                    Some(Roster { items: items.into(), next: fetch.next, taken: Instant::now() });
            }
            (Nature::Log, Some(items)) => {
                let bytes: usize = items.iter().map(|item| item.weight()).sum();
                // Meanwhile the channel may have let go of its oldest, and there would be a hole between.
                if inner.since == fetch.until && inner.bytes + bytes <= self.budget.each {
                    self.hold(&mut inner, bytes);
                    for item in items.into_iter().rev() {
                        inner.items.push_front(item);
                        inner.first -= 1;
                    }
                    inner.since = fetch.behind;
                } else {
                    inner.unreachable = inner.unreachable.max(fetch.behind);
                }
            }
            (Nature::Log, None) => inner.unreachable = inner.unreachable.max(fetch.behind),
            (Nature::Roster | Nature::Newest, _) => inner.unreachable = i64::MAX,
        }
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Bytes that what is fetched may have.
    pub(in crate::http::live) fn room(&self) -> usize {
        let held = if self.nature == Nature::Log { self.inner().bytes } else { 0 };
        self.budget.each.saturating_sub(held)
    }
}
