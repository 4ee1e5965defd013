//! What a connection and those who have something for it share.

use std::{
    collections::VecDeque,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU64, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{Context, Wake, Waker},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{channel::Reader, ending::Ending};

/// Never.
const NEVER: u64 = u64::MAX;

/// Milliseconds since the process first asked.
pub fn ticks() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The operation that something belongs to: a client may use an id again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The client's id.
    pub id: Arc<str>,
    /// Tells it from an earlier one of that id.
    pub number: u64,
}

/// Something for the peer from an operation that runs by itself.
pub enum Sent {
    /// As it is.
    Control(String),
    /// An answer, as JSON.
    Next(Operation, String),
    /// The only answer.
    Only(Operation, String),
    /// The errors that an operation ended with, as JSON.
    Error(Operation, Arc<str>),
    /// There is no more.
    Complete(Operation),
    /// It goes on from a shared execution.
    Goes(Operation, Reader),
}

impl Sent {
    fn weight(&self) -> usize {
        match self {
            Self::Control(text) | Self::Next(_, text) | Self::Only(_, text) => text.len(),
            Self::Error(_, text) => text.len(),
            Self::Complete(_) | Self::Goes(..) => 0,
        }
    }
}

#[derive(Default)]
struct Outbox {
    queue: VecDeque<Sent>,
    bytes: usize,
    closed: bool,
}

/// When what is to happen to a connection by itself.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long until the greeting; none where there is none.
    pub init: Option<Duration>,
    /// Between two pings.
    pub ping: Duration,
    /// How long a peer may not take what is written.
    pub stall: Duration,
    /// Whether a peer that says nothing for two pings is gone.
    pub answers: bool,
}

/// See the module.
pub struct Link {
    /// Wakes the connection.
    bell: Mutex<Option<Waker>>,
    /// Whether there may be something to read.
    readable: AtomicBool,
    outbox: Mutex<Outbox>,
    /// How many things are in the outbox.
    waiting: AtomicUsize,
    most: usize,
    room: Notify,
    ending: Mutex<Option<Ending>>,
    ends: AtomicBool,
    timing: Timing,
    init_by: AtomicU64,
    expires: AtomicU64,
    heard: AtomicU64,
    next_ping: AtomicU64,
    stalled: AtomicU64,
    ping: AtomicBool,
}

/// The connection is gone.
#[derive(Debug)]
pub struct Gone;

impl Link {
    /// For a new connection, for which `most` bytes may wait.
    pub fn new(timing: Timing, most: usize) -> Arc<Self> {
        let now = ticks();
        Arc::new(Self {
            bell: Mutex::default(),
            readable: AtomicBool::new(true),
            outbox: Mutex::default(),
            waiting: AtomicUsize::new(0),
            most,
            room: Notify::new(),
            ending: Mutex::default(),
            ends: AtomicBool::new(false),
            timing,
            init_by: AtomicU64::new(timing.init.map_or(NEVER, |wait| now + ms(wait))),
            expires: AtomicU64::new(NEVER),
            heard: AtomicU64::new(now),
            next_ping: AtomicU64::new(now + ms(timing.ping)),
            stalled: AtomicU64::new(0),
            ping: AtomicBool::new(false),
        })
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, outbox: &mut Outbox, sent: Sent) {
        outbox.bytes += sent.weight();
        outbox.queue.push_back(sent);
        self.waiting.store(outbox.queue.len(), Release);
    }

    /// Hands something over, when there is room for it.
    pub async fn send(&self, sent: Sent) -> Result<(), Gone> {
        loop {
            let room = self.room.notified();
            {
                let mut outbox = self.outbox();
                if outbox.closed {
                    return Err(Gone);
                }
                if outbox.bytes < self.most {
                    self.put(&mut outbox, sent);
                    break;
                }
            }
            room.await;
        }
        self.ring();
        Ok(())
    }

    /// Hands something over that the connection itself has to say; false when there is no room.
    pub fn push(&self, sent: Sent) -> bool {
        let mut outbox = self.outbox();
        self.put(&mut outbox, sent);
        outbox.bytes <= self.most.saturating_mul(2)
    }

    /// The next thing that was handed over.
    pub fn take(&self) -> Option<Sent> {
        if self.waiting.load(Acquire) == 0 {
            return None;
        }
        let mut outbox = self.outbox();
        let sent = outbox.queue.pop_front()?;
        self.waiting.store(outbox.queue.len(), Release);
        if outbox.queue.is_empty() {
            // Most connections have nothing of their own for most of their lives.
            outbox.queue = VecDeque::new();
        }
        let full = outbox.bytes >= self.most;
        outbox.bytes -= sent.weight();
        if full && outbox.bytes < self.most {
            self.room.notify_waiters();
        }
        Some(sent)
    }

    /// Lets nothing be handed over any more.
    pub fn close(&self) {
        let mut outbox = self.outbox();
        outbox.closed = true;
        outbox.queue = VecDeque::new();
        drop(outbox);
        self.room.notify_waiters();
    }

    /// Ends the connection; the first reason counts.
    pub fn end(&self, why: Ending) {
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.get_or_insert(why);
        drop(ending);
        self.ends.store(true, Release);
        self.ring();
    }

    /// Why it is to end.
    pub fn ending(&self) -> Option<Ending> {
        if !self.ends.load(Acquire) {
            return None;
        }
        self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The peer has said something.
    pub fn heard(&self) {
        self.heard.store(ticks(), Relaxed);
    }

    /// The greeting is answered; what it proved ends then, or never.
    pub fn greeted(&self, expires_in: Option<Duration>) {
        self.init_by.store(NEVER, Relaxed);
        let at = expires_in.map_or(NEVER, |wait| ticks().saturating_add(ms(wait)));
        self.expires.store(at, Relaxed);
    }

    /// Whether the peer takes what is written.
    pub fn flows(&self, flows: bool) {
        if flows {
            self.stalled.store(0, Relaxed);
        } else if self.stalled.load(Relaxed) == 0 {
            self.stalled.store(ticks().max(1), Relaxed);
        }
    }

    /// Whether a ping is due; it is due once.
    pub fn takes_ping(&self) -> bool {
        self.ping.load(Relaxed) && self.ping.swap(false, Relaxed)
    }

    /// Lets happen what is due; says in how many milliseconds to look again, which is never when it has ended.
    pub fn look(&self) -> Option<u64> {
        let now = ticks();
        if self.ending().is_some() {
            return None;
        }
        let stalled = self.stalled.load(Relaxed);
        let (init_by, expires) = (self.init_by.load(Relaxed), self.expires.load(Relaxed));
        let patience = ms(self.timing.ping) * 2;
        let mut next_ping = self.next_ping.load(Relaxed);
        let silent = self.timing.answers && now > self.heard.load(Relaxed) + patience;
        let ending = if now >= init_by {
            Some(Ending::InitTimeout)
        } else if now >= expires {
            Some(Ending::Expired)
        } else if stalled != 0 && now >= stalled + ms(self.timing.stall) {
            Some(Ending::TooSlow)
        } else {
            (now >= next_ping && silent).then_some(Ending::Silent)
        };
        if let Some(ending) = ending {
            self.end(ending);
            return None;
        }
        if now >= next_ping {
            next_ping = now + ms(self.timing.ping);
            self.next_ping.store(next_ping, Relaxed);
            self.ping.store(true, Relaxed);
            self.ring();
        }
        let stall_by = if stalled == 0 { now } else { stalled } + ms(self.timing.stall);
        Some(init_by.min(expires).min(next_ping).min(stall_by).saturating_sub(now).max(1))
    }

    fn bell(&self) -> MutexGuard<'_, Option<Waker>> {
        self.bell.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the connection to look what there is.
    pub fn ring(&self) {
        if let Some(waker) = &*self.bell() {
            waker.wake_by_ref();
        }
    }

    /// Asks to be woken by every ring; what there is is to be looked at after this.
    pub fn listen(&self, cx: &Context<'_>) {
        let mut known = self.bell();
        if !known.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *known = Some(cx.waker().clone());
        }
    }

    /// Whether there may be something to read, since this was last asked or said.
    pub fn is_readable(&self) -> bool {
        self.readable.load(Relaxed) && self.readable.swap(false, Acquire)
    }

    /// There may be more to read.
    pub fn reads_again(&self) {
        self.readable.store(true, Release);
    }
}

/// What a socket wakes that has something to read: most wakes are for what is to be written, and need not look.
impl Wake for Link {
    fn wake(self: Arc<Self>) {
        self.reads_again();
        self.ring();
    }
}
