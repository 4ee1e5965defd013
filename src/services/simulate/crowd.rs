//! Made-up players: who they are, when they queue, with whom, and how far away they are.

use std::{cmp::Reverse, collections::BinaryHeap};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use super::virtual_time::Plan;
use crate::game::{
    ids::{TicketId, UserId},
    mode::RegionId,
    pairing::{Candidate, Rules},
    rating::Rating,
    time::Timestamp,
};

/// How uncertain everybody's rating is.
const DEVIATION: f64 = 60.0;
/// How long a match takes, and how long players rest after it, in milliseconds, from and to.
const PLAYS_MS: (i64, i64) = (240_000, 480_000);
const RESTS_MS: (i64, i64) = (5_000, 60_000);
/// Milliseconds to a server of one's own region, and how many more to each region further.
const NEAR_MS: (u32, u32) = (15, 45);
const FARTHER_MS: (u32, u32) = (35, 60);

/// People who queue together.
#[derive(Clone, Debug)]
pub struct Party {
    players: Vec<(UserId, Rating)>,
    mmr: f64,
    regions: Vec<(RegionId, Option<u32>)>,
    /// Against whom they played last.
    met: Vec<UserId>,
}

/// A party that will come.
struct Coming {
    at: Timestamp,
    number: u64,
    party: Party,
}

impl Ord for Coming {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Coming {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Coming {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Coming {}

pub struct Crowd {
    random: StdRng,
    rules: Rules,
    regions: Vec<RegionId>,
    /// How many tickets of a hundred have how many players, from one on.
    parties: Vec<f64>,
    /// Milliseconds between two tickets; none: the same people come again and again.
    gap_ms: Option<f64>,
    coming: BinaryHeap<Reverse<Coming>>,
    tickets: u64,
    users: u128,
}

impl Crowd {
    pub fn new(plan: &Plan, rules: &Rules) -> Self {
        // Of tickets of two: 35 in a hundred; of four: 25, 10 and 10; between and beyond in like manner.
        let parties: Vec<f64> = match rules.team_size {
            1 => vec![100.0],
            2 => vec![65.0, 35.0],
            3 => vec![60.0, 25.0, 15.0],
            _ => vec![55.0, 25.0, 10.0, 10.0],
        };
        let sizes = parties.iter().zip(1..).map(|(part, size)| part * f64::from(size));
        let players_per_ticket = sizes.sum::<f64>() / 100.0;
        let gap_ms = 1000.0 * players_per_ticket / plan.arrivals_per_s;
        let regions = (1..=plan.regions).map(|n| RegionId::new(&format!("region-{n}")));
        let mut crowd = Self {
            random: StdRng::seed_from_u64(plan.seed),
            rules: rules.clone(),
            regions: regions.collect(),
            parties,
            gap_ms: plan.population.is_none().then_some(gap_ms),
            coming: BinaryHeap::new(),
            tickets: 0,
            users: 0,
        };
        match plan.population {
            None => crowd.come_once(Timestamp(0)),
            Some(players) => crowd.settle(players as usize),
        }
        crowd
    }

    pub fn regions(&self) -> &[RegionId] {
        &self.regions
    }

    /// The next party that has come by now, as a ticket.
    pub fn next(&mut self, now: Timestamp) -> Option<(Candidate, Party)> {
        if self.coming.peek().is_none_or(|Reverse(next)| next.at > now) {
            return None;
        }
        let Reverse(Coming { at, party, .. }) = self.coming.pop()?;
        if self.gap_ms.is_some() {
            self.come_once(at);
        }
        self.tickets += 1;
        let ticket = Candidate {
            ticket: TicketId::from_uuid(Uuid::from_u128(self.tickets.into())),
            players: party.players.clone(),
            mmr: party.mmr,
            joined_at: at,
            regions: party.regions.clone(),
            blocked: Vec::new(),
            met: party.met.clone(),
        };
        Some((ticket, party))
    }

    /// A party is done with a match, or with waiting for one.
    pub fn back(&mut self, mut party: Party, rivals: &[UserId], now: Timestamp, played: bool) {
        if self.gap_ms.is_some() {
            return;
        }
        party.met = rivals.to_vec();
        let plays = if played { self.random.random_range(PLAYS_MS.0..PLAYS_MS.1) } else { 0 };
        let rests = self.random.random_range(RESTS_MS.0..RESTS_MS.1);
        self.come(now.plus_ms(plays + rests), party);
    }

    fn come(&mut self, at: Timestamp, party: Party) {
        self.tickets += 1;
        self.coming.push(Reverse(Coming { at, number: self.tickets, party }));
    }

    /// The next of those who come once, some time after the last: arrivals are a Poisson process.
    fn come_once(&mut self, last: Timestamp) {
        let gap = -(1.0 - self.random.random::<f64>()).ln() * self.gap_ms.unwrap_or(0.0);
        let party = self.party();
        self.come(last.plus_ms(gap.round() as i64), party);
    }

    /// All who come again and again; at first within a minute.
    fn settle(&mut self, players: usize) {
        let mut left = players;
        while left > 0 {
            let mut party = self.party();
            party.players.truncate(left);
            left -= party.players.len();
            let at = Timestamp(self.random.random_range(0..RESTS_MS.1));
            self.come(at, party);
        }
    }

    fn party(&mut self) -> Party {
        let mut drawn = self.random.random_range(0.0..100.0);
        let mut size = self.parties.len();
        for (part, players) in self.parties.iter().zip(1..) {
            if drawn < *part {
                size = players;
                break;
            }
            drawn -= part;
        }
        let mmr = self.mmr();
        let rating = Rating { value: mmr, deviation: DEVIATION, volatility: 0.02 };
        let players: Vec<_> = (0..size)
            .map(|_| {
                self.users += 1;
                (UserId::from_uuid(Uuid::from_u128(self.users)), rating)
            })
            .collect();
        let ratings: Vec<_> = players.iter().map(|(_, rating)| *rating).collect();
        let mmr = self.rules.queue_rating(&ratings);
        Party { players, mmr, regions: self.latencies(), met: Vec::new() }
    }

    /// 92 of a hundred about 1500 by 330, the others by 600.
    fn mmr(&mut self) -> f64 {
        let width = if self.random.random_range(0.0..1.0) < 0.92 { 330.0 } else { 600.0 };
        // G. Box and M. Muller, "A Note on the Generation of Random Normal Deviates" (1958).
        let (a, b): (f64, f64) = (self.random.random(), self.random.random());
        let bell = (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        (bell.mul_add(width, 1500.0)).max(0.0)
    }

    /// Regions lie on a ring: the further, the slower. Best first.
    fn latencies(&mut self) -> Vec<(RegionId, Option<u32>)> {
        let count = self.regions.len();
        if count == 1 {
            return vec![(self.regions[0].clone(), None)];
        }
        let home = self.random.random_range(0..count);
        let mut regions = Vec::with_capacity(count);
        for (at, region) in self.regions.iter().enumerate() {
            let apart = at.abs_diff(home);
            let steps = apart.min(count - apart);
            let near = self.random.random_range(NEAR_MS.0..NEAR_MS.1);
            let further: u32 =
                (0..steps).map(|_| self.random.random_range(FARTHER_MS.0..FARTHER_MS.1)).sum();
            regions.push((region.clone(), Some(near + further)));
        }
        regions.sort_by_key(|(_, ms)| *ms);
        regions
    }
}
