//! The tickets that wait in one mode, as the one who makes its matches holds them: read once, and followed from then on.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use futures_util::FutureExt;

use super::{core::Core, waits::candidate};
use crate::{
    backends::bus::{Signal, Subscription},
    entities::{blocks, match_players, ticket_players, tickets},
    error::Result,
    game::{
        event::{LiveEvent, Topic},
        ids::{TicketId, UserId},
        matches::TicketState,
        mode::Mode,
        pairing::Candidate,
        rating::Rating,
    },
};

/// Everything is read anew this often, whatever was heard, or after so many times as long as that takes: what the bus lost is
/// found then, and who joins while nothing is relayed.
const REREAD: Duration = Duration::from_secs(10);
const REREAD_TIMES: u32 = 20;
/// Tickets asked for in one statement.
const CHUNK: usize = 500;

/// See the module.
pub struct Pool {
    /// In whose name it is held.
    pub token: i64,
    read_at: Instant,
    read_in: Duration,
    tickets: Box<dyn Subscription>,
    blocks: Box<dyn Subscription>,
    /// Those who wait.
    pub waiting: Waiting,
}

/// Those who wait.
#[derive(Default)]
pub struct Waiting(HashMap<TicketId, Candidate>);

impl Pool {
    /// Reads the tickets of a mode.
    pub async fn read(core: &Core, mode: &Mode, token: i64) -> Result<Self> {
        let mut pool = Self {
            token,
            read_at: Instant::now(),
            read_in: Duration::ZERO,
            // Heard from before they are read, so that nothing falls between.
            tickets: core.bus.subscribe(Topic::Queue(mode.id.clone())),
            blocks: core.bus.subscribe(Topic::Blocks),
            waiting: Waiting::default(),
        };
        let rows = tickets::searching(core.sql.read(), &mode.id).await?;
        pool.add(core, rows).await?;
        pool.read_in = pool.read_at.elapsed();
        Ok(pool)
    }

    /// Whether it is to be read anew.
    pub fn is_old(&self) -> bool {
        self.read_at.elapsed() > REREAD.max(self.read_in * REREAD_TIMES)
    }

    /// Takes in what has changed; false when something was missed, and it is to be read anew.
    pub async fn follow(&mut self, core: &Core) -> Result<bool> {
        let mut changed = HashSet::new();
        while let Some(Some(signal)) = self.tickets.next().now_or_never() {
            match signal {
                Signal::Gap => return Ok(false),
                Signal::Event(event) => {
                    if let LiveEvent::Ticket { ticket, .. } = &*event {
                        changed.insert(*ticket);
                    }
                }
            }
        }
        while let Some(Some(signal)) = self.blocks.next().now_or_never() {
            match signal {
                Signal::Gap => return Ok(false),
                Signal::Event(event) => {
                    if let LiveEvent::BlocksChanged { user } = &*event {
                        changed.extend(self.waiting.of(*user));
                    }
                }
            }
        }
        let changed: Vec<_> = changed.into_iter().collect();
        for ids in changed.chunks(CHUNK) {
            for id in ids {
                self.waiting.0.remove(id);
            }
            let rows = tickets::by_ids(core.sql.read(), ids).await?;
            let rows = rows.into_iter().filter(|row| row.state == TicketState::Searching);
            self.add(core, rows.collect()).await?;
        }
        Ok(true)
    }

    async fn add(&mut self, core: &Core, rows: Vec<tickets::Model>) -> Result<()> {
        for rows in rows.chunks(CHUNK) {
            let read = read_candidates(core, rows).await?;
            self.waiting.0.extend(read.into_iter().map(|ticket| (ticket.ticket, ticket)));
        }
        Ok(())
    }
}

impl Waiting {
    fn of(&self, user: UserId) -> Option<TicketId> {
        let mut waiting = self.0.values();
        let found = waiting.find(|ticket| ticket.players.iter().any(|(held, _)| *held == user));
        found.map(|ticket| ticket.ticket)
    }

    /// Those who wait, the longest first.
    pub fn candidates(&self) -> Vec<Candidate> {
        let mut all: Vec<_> = self.0.values().cloned().collect();
        all.sort_unstable_by_key(|ticket| (ticket.joined_at, ticket.ticket));
        all
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// These wait no more.
    pub fn remove(&mut self, ids: impl IntoIterator<Item = TicketId>) {
        for id in ids {
            self.0.remove(&id);
        }
    }

    /// Who holds a waiting ticket, and with which rating.
    pub fn holders(&self, id: TicketId) -> &[(UserId, Rating)] {
        self.0.get(&id).map_or(&[], |ticket| &ticket.players)
    }
}

/// Waiting tickets with everything that pairing asks of them.
pub(super) async fn read_candidates(
    core: &Core,
    rows: &[tickets::Model],
) -> Result<Vec<Candidate>> {
    let db = core.sql.read();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let mut holders: HashMap<TicketId, Vec<(UserId, Rating)>> = HashMap::new();
    for row in ticket_players::of_tickets(db, &ids).await? {
        holders.entry(row.ticket_id).or_default().push((row.user_id, row.rating()));
    }
    let users: Vec<_> = holders.values().flatten().map(|(user, _)| *user).collect();
    let mut blocked: HashMap<UserId, Vec<UserId>> = HashMap::new();
    for row in blocks::of_users(db, &users).await? {
        blocked.entry(row.user_id).or_default().push(row.blocked_id);
    }
    let met = match_players::last_opponents(db, &users).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(players) = holders.remove(&row.id) else { continue };
        let of = |by_user: &HashMap<UserId, Vec<UserId>>| {
            let all = players.iter().filter_map(|(user, _)| by_user.get(user)).flatten();
            all.copied().collect::<Vec<_>>()
        };
        let (blocked, met) = (of(&blocked), of(&met));
        found.push(Candidate { blocked, met, ..candidate(row, players) });
    }
    Ok(found)
}
