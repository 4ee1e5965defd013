//! A follower's place in a channel, from which it pulls.

use std::sync::{Arc, atomic::Ordering};

use super::{Channel, End, Item, State};
use crate::resolvers::watching::Nature;

/// One in so many followers is timed.
const TIMED: usize = 32;

/// What a follower finds.
pub enum Read {
    /// The next answer.
    Item(Arc<Item>),
    /// Nothing new.
    Nothing,
    /// The stream is over.
    Ended(End),
    /// The follower was so slow that what it would read next is not kept any more.
    Lost,
}

/// A follower of a channel, whose link is rung when there may be something to read.
pub struct Reader {
    channel: Arc<Channel>,
    seat: usize,
    next: i64,
    /// The channel's version when all was read.
    version: u64,
    roster: Option<(Arc<[Arc<Item>]>, usize)>,
}

impl Reader {
    /// In that seat, with the item of that number next; before it, those who were there.
    pub(super) const fn new(
        channel: Arc<Channel>,
        seat: usize,
        next: i64,
        roster: Option<(Arc<[Arc<Item>]>, usize)>,
    ) -> Self {
        Self { channel, seat, next, version: 0, roster }
    }

    /// Whether this is one of the few whose deliveries are timed.
    pub fn is_timed(&self) -> bool {
        self.seat.is_multiple_of(TIMED)
    }

    /// Whether what would be read next is not kept any more.
    pub fn is_lost(&self) -> bool {
        self.channel.nature != Nature::Newest && self.next < self.channel.inner().first
    }

    /// The next answer, if there is one.
    pub fn read(&mut self) -> Read {
        if let Some((items, at)) = &mut self.roster {
            if let Some(item) = items.get(*at) {
                *at += 1;
                return Read::Item(item.clone());
            }
            self.roster = None;
        }
        let version = self.channel.version.load(Ordering::Acquire);
        if version == self.version {
            return Read::Nothing;
        }
        let inner = self.channel.inner();
        if self.next < inner.first {
            if self.channel.nature != Nature::Newest {
                return Read::Lost;
            }
            self.next = inner.first;
        }
        let at = usize::try_from(self.next - inner.first).unwrap_or(usize::MAX);
        if let Some(item) = inner.items.get(at) {
            self.next += 1;
            if at + 1 == inner.items.len() && matches!(inner.state, State::Open) {
                self.version = version;
            }
            return Read::Item(item.clone());
        }
        self.version = version;
        match &inner.state {
            State::Over(end) => Read::Ended(end.clone()),
            State::Opening | State::Open => Read::Nothing,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.channel.inner().followers.remove(self.seat);
    }
}
