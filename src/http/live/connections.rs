//! Everybody who is connected: how many there may be, and what concerns many of them at once.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use slab::Slab;
use tokio::sync::broadcast::error::RecvError;

use super::{ending::Ending, link::Link, sweeper::Sweeper};
use crate::{
    config::Limits,
    game::accounts::{Credential, Viewer},
    resolvers::Peer,
    services::{Services, network},
};

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(1);
/// The most that clients are asked to spread their coming back over, when the server stops.
const SPREAD_MS: u32 = 5_000;

/// Why somebody is not let in, and after how many seconds to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// What there is too much of.
    pub what: &'static str,
    /// For the metric.
    pub limit: &'static str,
    /// See the type.
    pub retry_after_s: u64,
}

/// So many a second, and twice as many at once.
struct Rate {
    left: f64,
    filled: Instant,
}

/// See the module.
pub struct Connections {
    services: Arc<Services>,
    sweeper: Sweeper,
    total: AtomicUsize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    rate: Mutex<Rate>,
    links: Mutex<Slab<Weak<Link>>>,
    credentials: Mutex<HashMap<Credential, Vec<Weak<Link>>>>,
    crowded: AtomicBool,
}

impl Connections {
    /// With nobody there yet.
    pub fn start(services: Arc<Services>) -> Arc<Self> {
        let rate = Rate { left: f64::INFINITY, filled: Instant::now() };
        let all = Arc::new(Self {
            services,
            sweeper: Sweeper::start(),
            total: AtomicUsize::new(0),
            addresses: Mutex::default(),
            rate: Mutex::new(rate),
            links: Mutex::default(),
            credentials: Mutex::default(),
            crowded: AtomicBool::new(false),
        });
        tokio::spawn(hear_endings(Arc::downgrade(&all)));
        tokio::spawn(watch_memory(Arc::downgrade(&all)));
        all
    }

    fn limits(&self) -> &Limits {
        &self.services.config.settings.limits
    }

    /// A seat for somebody from that address.
    pub fn admit(self: &Arc<Self>, peer: Peer) -> Result<Seat, Full> {
        let admitted = self.try_admit(peer);
        if let Err(full) = &admitted {
            metrics::counter!("rankedhonor_sockets_refused_total", "limit" => full.limit)
                .increment(1);
        }
        admitted
    }

    fn try_admit(self: &Arc<Self>, peer: Peer) -> Result<Seat, Full> {
        let socket = &self.limits().socket;
        let full = |what, limit, retry_after_s| Err(Full { what, limit, retry_after_s });
        if self.crowded.load(Relaxed) {
            return full("the server has no memory left for another connection", "memory", 10);
        }
        {
            let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
            let each = f64::from(socket.handshakes_per_second);
            rate.left = (rate.left + rate.filled.elapsed().as_secs_f64() * each).min(each * 2.0);
            rate.filled = Instant::now();
            if rate.left < 1.0 {
                return full("too many connect at once", "rate", 1);
            }
            rate.left -= 1.0;
        }
        if self.total.fetch_add(1, Relaxed) >= socket.total {
            self.total.fetch_sub(1, Relaxed);
            return full("the server has as many connections as it may", "total", 10);
        }
        let mut seat = Seat { all: self.clone(), address: None, link: None };
        if !peer.is_spared(&self.services) {
            let network = network(peer.address);
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            let count = addresses.entry(network).or_default();
            if *count >= socket.per_address {
                drop(addresses);
                return full("too many connections from this address", "address", 10);
            }
            *count += 1;
            seat.address = Some(network);
        }
        metrics::gauge!("rankedhonor_sockets").increment(1.0);
        Ok(seat)
    }

    /// Ends the connection when what its viewer is known by ends; and at once, if it has.
    pub fn belongs(&self, link: &Arc<Link>, viewer: &Viewer) {
        let Some(credential) = viewer.credential() else { return };
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        let links = credentials.entry(credential).or_default();
        links.retain(|known| known.strong_count() > 0);
        links.push(Arc::downgrade(link));
        drop(credentials);
        if self.services.accounts.has_ended(credential) {
            link.end(ending_of(credential));
        }
    }

    /// Looks at a connection once more, then.
    pub fn look_in(&self, link: &Arc<Link>, wait: Duration) {
        self.sweeper.look_in(link, wait);
    }

    fn ended(&self, credential: Credential) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        for link in credentials.remove(&credential).into_iter().flatten() {
            if let Some(link) = link.upgrade() {
                link.end(ending_of(credential));
            }
        }
    }

    /// Forgets sessions and keys without connections; connections of those that have ended are told so.
    fn look_at_credentials(&self, all: bool) {
        let mut credentials = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        credentials.retain(|_, links| links.iter().any(|link| link.strong_count() > 0));
        let known: Vec<_> = if all { credentials.keys().copied().collect() } else { Vec::new() };
        drop(credentials);
        for credential in known {
            if self.services.accounts.has_ended(credential) {
                self.ended(credential);
            }
        }
    }

    /// Sends everybody elsewhere, not all at the same moment.
    pub fn send_away(&self) {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let spread = u32::try_from(links.len()).unwrap_or(SPREAD_MS).clamp(1, SPREAD_MS);
        for (_, link) in links.iter() {
            if let Some(link) = link.upgrade() {
                link.end(Ending::GoingAway(rand::random_range(0..spread)));
            }
        }
    }
}

/// A connection's right to be there.
pub struct Seat {
    all: Arc<Connections>,
    address: Option<IpAddr>,
    link: Option<usize>,
}

impl Seat {
    /// The connection that takes it.
    pub fn take(&mut self, link: &Arc<Link>) {
        let mut links = self.all.links.lock().unwrap_or_else(PoisonError::into_inner);
        self.link = Some(links.insert(Arc::downgrade(link)));
        drop(links);
        self.all.sweeper.keep(link);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.all.total.fetch_sub(1, Relaxed);
        if let Some(at) = self.link {
            self.all.links.lock().unwrap_or_else(PoisonError::into_inner).remove(at);
        }
        if let Some(network) = self.address {
            let mut addresses = self.all.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = addresses.get_mut(&network) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&network);
                }
            }
        }
        metrics::gauge!("rankedhonor_sockets").decrement(1.0);
    }
}

const fn ending_of(credential: Credential) -> Ending {
    Ending::Forbidden(match credential {
        Credential::Session(_) => "the session has ended",
        Credential::ServerKey(_) => "the server key was revoked",
    })
}

/// Ends the connections of sessions that end before their time, and of keys that are taken back.
async fn hear_endings(all: Weak<Connections>) {
    let Some(mut endings) = all.upgrade().map(|all| all.services.accounts.endings()) else {
        return;
    };
    loop {
        let heard = tokio::time::timeout(LOOK * 10, endings.recv()).await;
        let Some(all) = all.upgrade() else { return };
        match heard {
            Ok(Ok(credential)) => all.ended(credential),
            Ok(Err(RecvError::Lagged(_))) => all.look_at_credentials(true),
            Ok(Err(RecvError::Closed)) => return,
            Err(_) => all.look_at_credentials(false),
        }
    }
}

/// Lets nobody in while the process holds more memory than it may.
async fn watch_memory(all: Weak<Connections>) {
    let mut beat = tokio::time::interval(LOOK);
    loop {
        beat.tick().await;
        let Some(all) = all.upgrade() else { return };
        let most = match all.limits().memory_mb {
            0 => memory::available().map(|bytes| bytes / 5 * 4),
            mb => Some(mb * 1024 * 1024),
        };
        let (Some(most), Some(held)) = (most, memory::resident()) else { return };
        let crowded = held > most;
        if crowded && !all.crowded.swap(crowded, Relaxed) {
            tracing::warn!(held, most, "no connections are taken until there is memory again");
        }
        all.crowded.store(crowded, Relaxed);
    }
}

/// What Linux says of memory; elsewhere nothing is known and nothing refused.
mod memory {
    use std::fs::read_to_string;

    /// Bytes that this process holds.
    pub fn resident() -> Option<u64> {
        let text = read_to_string("/proc/self/status").ok()?;
        Some(kilobytes(&text, "VmRSS:")? * 1024)
    }

    /// Bytes that the machine, or the container that this runs in, has.
    pub fn available() -> Option<u64> {
        let machine = kilobytes(&read_to_string("/proc/meminfo").ok()?, "MemTotal:")? * 1024;
        let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        let container =
            files.iter().filter_map(|file| read_to_string(file).ok()?.trim().parse().ok());
        Some(container.fold(machine, u64::min))
    }

    fn kilobytes(text: &str, name: &str) -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }
}
