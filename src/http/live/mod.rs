//! Subscriptions at the edge, whatever they come over: an execution for everybody who asks the same, one of their own for
//! those whose answers are theirs alone, and connections that are written to as fast as their peers read.
//!
//! A [`channel`] is one execution and its latest answers; a [`deliveries::Deliveries`] is one connection's operations, each
//! with a place in a channel or a task of its own ([`alone`]); a [`link::Link`] is what others know of a connection.

mod alone;
mod channel;
pub mod connections;
pub mod deliveries;
pub mod dialect;
mod drive;
pub mod ending;
pub mod link;
mod sweeper;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::AtomicUsize},
    time::Duration,
};

use tokio::sync::{Semaphore, watch};

use self::{
    channel::{Budget, Channel, Item, Joined, Reader},
    link::Link,
};
use crate::{
    config::SocketLimits,
    game::accounts::{Role, Viewer},
    http::front::Admitted,
    resolvers::{Schema, watching::Begin},
    services::{Services, now},
};

/// Bytes that all channels together keep for those who come back, times what one may.
const ALL: usize = 256;
/// How long somebody waits for a place among others before they go alone.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long what was told before an account was deleted may be on its way to a channel.
const SETTLES: Duration = Duration::from_secs(2);

/// Followers of a log that may begin alone at the same time: more would only wait for the database, and some too long.
const STARTS: usize = 32;

type Channels = Arc<Mutex<HashMap<Arc<str>, Arc<Channel>>>>;

/// Everything that is shared between subscribers.
pub struct Live {
    services: Arc<Services>,
    schema: Schema,
    channels: Channels,
    budget: Arc<Budget>,
    starts: Arc<Semaphore>,
    shared: metrics::Counter,
    own: metrics::Counter,
    latency: metrics::Histogram,
}

impl Live {
    /// With nobody in it.
    pub fn new(services: Arc<Services>, schema: Schema, limits: &SocketLimits) -> Self {
        let each = limits.queue_bytes;
        let channels = Channels::default();
        tokio::spawn(forget_erased(services.erasures(), Arc::downgrade(&channels)));
        Self {
            services,
            schema,
            channels,
            budget: Arc::new(Budget { each, all: each * ALL, held: AtomicUsize::new(0) }),
            starts: Arc::new(Semaphore::new(STARTS)),
            shared: metrics::counter!("rankedhonor_deliveries_total", "execution" => "shared"),
            own: metrics::counter!("rankedhonor_deliveries_total", "execution" => "own"),
            latency: metrics::histogram!("rankedhonor_result_to_subscriber_seconds"),
        }
    }

    /// Whether somebody sees what everybody sees: game servers, moderators and admins see more.
    pub fn shares_with(viewer: &Viewer) -> bool {
        match viewer {
            Viewer::Anonymous => true,
            Viewer::User(who) => who.role < Role::Moderator,
            Viewer::Server(_) => false,
        }
    }

    /// Notes how long it took to bring an answer to one of those who get it.
    pub fn time(&self, item: &Item) {
        if let Some(at) = item.latest.reported_at {
            self.latency.record(now().since(at).max(0) as f64 / 1000.0);
        }
    }

    /// Counts an answer that one gets.
    pub fn delivered_own(&self) {
        self.own.increment(1);
    }

    /// A place among those who follow the same, if what is wanted is there.
    pub fn join_now(&self, key: &str, begin: Begin, link: &Arc<Link>) -> Option<Reader> {
        let channel = {
            let channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            channels.get(key).cloned()?
        };
        match channel.join(begin, link, false) {
            Joined::Follows(reader) => Some(reader),
            Joined::Waits | Joined::Fetches(_) | Joined::Alone | Joined::Gone => None,
        }
    }

    /// A place among those who follow the same, once what is wanted is there; none: there is none.
    pub async fn join(
        &self,
        admitted: &Arc<Admitted>,
        begin: Begin,
        link: &Arc<Link>,
    ) -> Option<Reader> {
        let mut channel = self.channel(admitted, begin)?;
        let began = tokio::time::Instant::now();
        loop {
            let changed = channel.changed().notified();
            match channel.join(begin, link, true) {
                Joined::Follows(reader) => return Some(reader),
                Joined::Fetches(fetch) => drive::fetch(self, &channel, fetch),
                Joined::Alone => return None,
                Joined::Waits => {}
                Joined::Gone => {
                    drop(changed);
                    channel = self.channel(admitted, begin)?;
                    continue;
                }
            }
            tokio::time::timeout_at(began + PATIENCE, changed).await.ok()?;
        }
    }

    /// The channel of an operation; one that begins there where there is none.
    fn channel(&self, admitted: &Arc<Admitted>, begin: Begin) -> Option<Arc<Channel>> {
        let (nature, key) = admitted.watched.as_ref()?.shared.clone()?;
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&key).filter(|channel| !channel.is_over()) {
            return Some(channel.clone());
        }
        let channel = Channel::new((key.clone(), nature), admitted.clone(), self.budget.clone());
        channels.insert(key, channel.clone());
        drop(channels);
        drive::open(self, &channel, begin);
        Some(channel)
    }
}

/// Lets channels forget what names accounts that were deleted.
async fn forget_erased(
    mut erasures: watch::Receiver<u64>,
    channels: Weak<Mutex<HashMap<Arc<str>, Arc<Channel>>>>,
) {
    while erasures.changed().await.is_ok() {
        // What was on its way then is there by the second time.
        for pause in [Duration::ZERO, SETTLES] {
            tokio::time::sleep(pause).await;
            let Some(channels) = channels.upgrade() else { return };
            let all: Vec<_> = {
                let channels = channels.lock().unwrap_or_else(PoisonError::into_inner);
                channels.values().cloned().collect()
            };
            for channel in all {
                channel.forget();
            }
        }
    }
}
