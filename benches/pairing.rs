//! A wave over a queue of so many tickets, all of whom can be matched at once: the most that one wave can have to do; and over
//! one where nobody can, which is what most waves of a long queue are like.
//!
//!     cargo bench --bench pairing -- [TICKETS …]
//!
//! Beside it the plainest rule there is, for 1v1: sort by rating, and pair neighbours within ±200.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::time::Instant;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rankedhonor::{
    config::Settings,
    game::{
        ids::{TicketId, UserId},
        mode::RegionId,
        pairing::{Candidate, Demand, Rules, wave},
        rating::Rating,
        time::Timestamp,
    },
    services::reload::pairing_rules,
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000_000);
const ROUNDS: usize = 3;

fn tickets(count: usize, parties: &[f64], alike: bool) -> Vec<Candidate> {
    let mut random = StdRng::seed_from_u64(7);
    let mut users = 0;
    let region = RegionId::new("eu-west");
    (0..count)
        .map(|number| {
            let bell: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum();
            // Far apart: nobody is near anybody.
            let mmr = if alike { (bell - 6.0).mul_add(330.0, 1500.0) } else { number as f64 * 1e5 };
            let mut drawn = random.random_range(0.0..100.0);
            let mut size = parties.len();
            for (part, players) in parties.iter().zip(1..) {
                if drawn < *part {
                    size = players;
                    break;
                }
                drawn -= part;
            }
            let rating = Rating { value: mmr, deviation: 60.0, volatility: 0.02 };
            let players = (0..size).map(|_| {
                users += 1;
                (UserId::from_uuid(Uuid::from_u128(users)), rating)
            });
            Candidate {
                ticket: TicketId::from_uuid(Uuid::from_u128(number as u128)),
                players: players.collect(),
                mmr,
                joined_at: NOW.plus_ms(-random.random_range(0..20_000)),
                regions: vec![(region.clone(), None)],
                blocked: Vec::new(),
                met: Vec::new(),
            }
        })
        .collect()
}

/// The best of a few rounds, in milliseconds, and how many matches were made.
fn timed(mut work: impl FnMut() -> usize) -> (f64, usize) {
    let mut best = (f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let made = work();
        let ms = began.elapsed().as_secs_f64() * 1000.0;
        if ms < best.0 {
            best = (ms, made);
        }
    }
    best
}

fn plain(candidates: &[Candidate]) -> usize {
    let mut order: Vec<_> = candidates.iter().map(|ticket| ticket.mmr).collect();
    order.sort_unstable_by(f64::total_cmp);
    let (mut at, mut made) = (0, 0);
    while at + 1 < order.len() {
        if order[at + 1] - order[at] <= 200.0 {
            made += 1;
            at += 1;
        }
        at += 1;
    }
    made
}

fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let counts = if given.is_empty() { vec![1_000, 10_000, 100_000, 1_000_000] } else { given };
    let settings = Settings::default().matchmaking;
    let demand = Demand::default();
    let modes: [(&str, u8, u8, &[f64]); 4] = [
        ("1v1", 1, 2, &[100.0]),
        ("2v2", 2, 2, &[65.0, 35.0]),
        ("4v4", 4, 2, &[55.0, 25.0, 10.0, 10.0]),
        ("3v3v3", 3, 3, &[60.0, 25.0, 15.0]),
    ];
    println!(
        "{:>9} {:6} {:>12} {:>9} {:>12} {:>12}",
        "tickets", "mode", "all, ms", "matches", "nobody, ms", "plain, ms"
    );
    for count in counts {
        for (name, size, teams, parties) in modes {
            let rules: Rules = pairing_rules(&settings, size, teams);
            let near = tickets(count, parties, true);
            let far = tickets(count, parties, false);
            let (all, made) = timed(|| wave(&near, NOW, &rules, &demand).len());
            let (none, nobody) = timed(|| wave(&far, NOW, &rules, &demand).len());
            assert_eq!(nobody, 0);
            let beside = if name == "1v1" {
                format!("{:.2}", timed(|| plain(&near)).0)
            } else {
                String::new()
            };
            println!("{count:>9} {name:6} {all:>12.2} {made:>9} {none:>12.2} {beside:>12}");
        }
    }
}
