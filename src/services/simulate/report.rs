//! What a simulation has shown.

use std::time::Duration;

use serde::Serialize;

use crate::game::pairing::Estimate;

/// The middle of the scale, and how far from it the few are who wait the longest, in MMR.
const CENTRE: f64 = 1500.0;
const TAIL: f64 = 700.0;

/// What a simulation has shown. Waits are counted by player.
#[derive(Clone, Debug)]
pub struct Report {
    /// Milliseconds, each once a player.
    waits: Vec<i64>,
    tail_waits: Vec<i64>,
    /// By the players of a ticket, from one on: tickets and milliseconds of all of them.
    by_size: Vec<(u64, i64)>,
    spread: f64,
    gap: f64,
    matches: u64,
    unmatched: u64,
    left: u64,
    estimates: u64,
    half_kept: u64,
    most_kept: u64,
    ticks: u64,
    ticking: Duration,
    longest_tick: Duration,
    most_tickets: usize,
}

/// The figures of a [`Report`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Matches made.
    pub matches: u64,
    /// Mean wait of a player, in seconds.
    pub wait_mean_s: f64,
    /// The wait that half of the players stayed under, in seconds.
    pub wait_p50_s: f64,
    /// … that 95 of a hundred did.
    pub wait_p95_s: f64,
    /// … that 99 of a hundred did.
    pub wait_p99_s: f64,
    /// … that 95 of a hundred of those did who are more than 700 MMR from 1500.
    pub tail_wait_p95_s: f64,
    /// Mean wait by party size, from one player on, in seconds.
    pub wait_mean_by_size_s: Vec<f64>,
    /// Mean distance of the highest and the lowest rating of a match, in MMR.
    pub spread_mean: f64,
    /// How far the chance of a match's most likely winner is from even, in the mean.
    pub win_probability_gap_mean: f64,
    /// Players of whom no match was made within ten minutes, of all.
    pub unmatched_share: f64,
    /// Mean wait times mean spread.
    pub wait_times_spread: f64,
    /// Tickets that waited no longer than their first P50, of those that had one.
    pub estimate_p50_coverage: f64,
    /// Tickets that waited no longer than their first P90, of those that had one.
    pub estimate_p90_coverage: f64,
    /// Mean time of a wave, in microseconds.
    pub tick_us_mean: f64,
    /// The longest wave, in microseconds.
    pub tick_us_max: f64,
    /// The most tickets that waited at once.
    pub tickets_max: usize,
    /// Players of whom no match was made when time was up.
    pub left_waiting: u64,
}

impl Report {
    pub(super) const fn new() -> Self {
        Self {
            waits: Vec::new(),
            tail_waits: Vec::new(),
            by_size: Vec::new(),
            spread: 0.0,
            gap: 0.0,
            matches: 0,
            unmatched: 0,
            left: 0,
            estimates: 0,
            half_kept: 0,
            most_kept: 0,
            ticks: 0,
            ticking: Duration::ZERO,
            longest_tick: Duration::ZERO,
            most_tickets: 0,
        }
    }

    pub(super) fn tick(&mut self, took: Duration, tickets: usize) {
        self.ticks += 1;
        self.ticking += took;
        self.longest_tick = self.longest_tick.max(took);
        self.most_tickets = self.most_tickets.max(tickets);
    }

    pub(super) const fn unmatched(&mut self, players: usize) {
        self.unmatched += players as u64;
    }

    pub(super) fn left_waiting(&mut self, players: impl Iterator<Item = usize>) {
        self.left = players.sum::<usize>() as u64;
    }

    pub(super) fn matched(&mut self, spread: f64, gap: f64) {
        self.matches += 1;
        self.spread += spread;
        self.gap += gap;
    }

    pub(super) fn waited(&mut self, players: usize, ms: i64, mmr: f64, told: Option<Estimate>) {
        self.waits.extend(std::iter::repeat_n(ms, players));
        if self.by_size.len() < players {
            self.by_size.resize(players, (0, 0));
        }
        if let Some((tickets, all)) = self.by_size.get_mut(players - 1) {
            *tickets += 1;
            *all += ms;
        }
        if (mmr - CENTRE).abs() > TAIL {
            self.tail_waits.extend(std::iter::repeat_n(ms, players));
        }
        if let Some(told) = told {
            self.estimates += 1;
            self.half_kept += u64::from(ms <= told.p50_ms);
            self.most_kept += u64::from(ms <= told.p90_ms);
        }
    }

    /// The figures.
    pub fn figures(&self) -> Figures {
        let (mut waits, mut tail) = (self.waits.clone(), self.tail_waits.clone());
        waits.sort_unstable();
        tail.sort_unstable();
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        let mean_ms = waits.iter().sum::<i64>() as f64 / waits.len().max(1) as f64;
        let (wait_mean_s, spread_mean) =
            (mean_ms / 1000.0, self.spread / self.matches.max(1) as f64);
        let players = waits.len() as u64;
        Figures {
            matches: self.matches,
            wait_mean_s,
            wait_p50_s: quantile(&waits, 0.5),
            wait_p95_s: quantile(&waits, 0.95),
            wait_p99_s: quantile(&waits, 0.99),
            tail_wait_p95_s: quantile(&tail, 0.95),
            wait_mean_by_size_s: self
                .by_size
                .iter()
                .map(|(tickets, all)| *all as f64 / 1000.0 / (*tickets).max(1) as f64)
                .collect(),
            spread_mean,
            win_probability_gap_mean: self.gap / self.matches.max(1) as f64,
            unmatched_share: share(self.unmatched, players + self.unmatched),
            wait_times_spread: wait_mean_s * spread_mean,
            estimate_p50_coverage: share(self.half_kept, self.estimates),
            estimate_p90_coverage: share(self.most_kept, self.estimates),
            tick_us_mean: self.ticking.as_secs_f64() * 1e6 / self.ticks.max(1) as f64,
            tick_us_max: self.longest_tick.as_secs_f64() * 1e6,
            tickets_max: self.most_tickets,
            left_waiting: self.left,
        }
    }
}

/// The value in seconds that so many of ascending milliseconds stay at or under.
fn quantile(ascending: &[i64], part: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    ascending[(last as f64 * part).round() as usize] as f64 / 1000.0
}
