//! Virtual time: nothing is waited for, and the rules are those that make real matches.

use std::time::Instant;

use super::{
    Report,
    crowd::{Crowd, Party},
};
use crate::game::{
    ids::TicketId,
    mode::{Mode, RegionId},
    pairing::{self, Arrival, Candidate, Demand, Density, Estimate, Estimator, HISTORY, Waited},
    rating::win_probabilities,
    time::Timestamp,
};

/// A ticket that has waited so long counts as unmatched, and leaves.
const PATIENCE_MS: i64 = 600_000;
/// Milliseconds for which what is known of the arrivals is good, and where nobody came.
const FRESH_MS: i64 = 1_000;
const QUIET_MS: i64 = 10_000;

/// What is played through.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Players that come a second, each once; unused with a population.
    pub arrivals_per_s: f64,
    /// Players who queue, play and queue again; none: everybody comes once.
    pub population: Option<u32>,
    /// Regions that they are spread over.
    pub regions: u8,
    /// Milliseconds of virtual time.
    pub ms: i64,
    /// Milliseconds between two waves.
    pub tick_ms: i64,
    /// The same seed plays the same.
    pub seed: u64,
}

/// A party that waits.
struct Waiting {
    party: Party,
    estimate: Option<Estimate>,
}

/// Tickets of one region that came, the oldest first.
struct Region {
    id: RegionId,
    arrivals: Vec<Arrival>,
}

struct Simulation<'a> {
    mode: &'a Mode,
    crowd: Crowd,
    candidates: Vec<Candidate>,
    /// As `candidates`, in the same order.
    waiting: Vec<Waiting>,
    regions: Vec<Region>,
    demand: Demand,
    demand_at: Timestamp,
    /// Whether somebody came since.
    came: bool,
    estimator: Estimator,
    report: Report,
}

/// Plays a plan through; `progress` hears how many milliseconds are done.
pub fn run(mode: &Mode, plan: &Plan, progress: impl Fn(i64)) -> Report {
    let crowd = Crowd::new(plan, &mode.pairing);
    let regions = crowd.regions().iter().map(|id| Region { id: id.clone(), arrivals: Vec::new() });
    let mut simulation = Simulation {
        mode,
        regions: regions.collect(),
        crowd,
        candidates: Vec::new(),
        waiting: Vec::new(),
        demand: Demand::default(),
        demand_at: Timestamp(i64::MIN / 2),
        came: false,
        estimator: Estimator::default(),
        report: Report::new(),
    };
    let mut now = Timestamp(0);
    while now.0 < plan.ms {
        now = now.plus_ms(plan.tick_ms);
        simulation.tick(now);
        if now.0 / plan.tick_ms % 1_000 == 0 {
            progress(now.0);
        }
    }
    simulation.report.left_waiting(simulation.candidates.iter().map(|ticket| ticket.players.len()));
    simulation.report
}

impl Simulation<'_> {
    fn tick(&mut self, now: Timestamp) {
        while let Some((ticket, party)) = self.crowd.next(now) {
            for region in &mut self.regions {
                if ticket.regions.iter().any(|(named, _)| *named == region.id) {
                    region.arrivals.push(Arrival {
                        at: ticket.joined_at,
                        user: ticket.players[0].0,
                        mmr: ticket.mmr,
                        players: ticket.players.len(),
                    });
                    if region.arrivals.len() > 2 * HISTORY {
                        region.arrivals.drain(..HISTORY);
                    }
                }
            }
            let home = ticket.regions.first().map(|(region, _)| region);
            let estimate = self.estimator.estimate(home, ticket.mmr, 0, now);
            self.came = true;
            self.candidates.push(ticket);
            self.waiting.push(Waiting { party, estimate });
        }
        self.give_up(now);
        if self.candidates.is_empty() {
            return;
        }
        let good_ms = if self.came { FRESH_MS } else { QUIET_MS };
        if now.since(self.demand_at) >= good_ms {
            let known = self.regions.iter().filter_map(|region| {
                let from = region.arrivals.len().saturating_sub(HISTORY);
                Some((region.id.clone(), Density::of(&region.arrivals[from..], now)?))
            });
            self.demand = Demand::new(known);
            self.demand_at = now;
            self.came = false;
        }
        let began = Instant::now();
        let made = pairing::wave(&self.candidates, now, &self.mode.pairing, &self.demand);
        self.report.tick(began.elapsed(), self.candidates.len());
        for proposal in made {
            let teams: Vec<Vec<usize>> = proposal
                .teams
                .iter()
                .map(|team| team.iter().filter_map(|id| self.position(*id)).collect())
                .collect();
            self.play(&teams, now);
            let mut gone: Vec<_> = teams.concat();
            gone.sort_unstable();
            for at in gone.into_iter().rev() {
                self.candidates.swap_remove(at);
                self.waiting.swap_remove(at);
            }
        }
    }

    fn position(&self, id: TicketId) -> Option<usize> {
        self.candidates.iter().position(|ticket| ticket.ticket == id)
    }

    fn give_up(&mut self, now: Timestamp) {
        for at in (0..self.candidates.len()).rev() {
            if self.candidates[at].waited_ms(now) > PATIENCE_MS {
                let ticket = self.candidates.swap_remove(at);
                let waiting = self.waiting.swap_remove(at);
                self.report.unmatched(ticket.players.len());
                self.crowd.back(waiting.party, &[], now, false);
            }
        }
    }

    fn play(&mut self, teams: &[Vec<usize>], now: Timestamp) {
        let tickets = || teams.iter().flatten().map(|at| &self.candidates[*at]);
        let values = || tickets().flat_map(|ticket| ticket.players.iter().map(|(_, r)| r.value));
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let ratings: Vec<Vec<_>> = teams
            .iter()
            .map(|team| {
                let players = team.iter().flat_map(|at| &self.candidates[*at].players);
                players.map(|(_, rating)| *rating).collect()
            })
            .collect();
        let chances = win_probabilities(&ratings, &self.mode.rating);
        let even = 1.0 / chances.len().max(1) as f64;
        let gap = chances.iter().map(|chance| (chance - even).abs()).fold(0.0, f64::max);
        self.report.matched(high - low, gap);
        for (team, at) in
            teams.iter().enumerate().flat_map(|(n, t)| t.iter().map(move |at| (n, at)))
        {
            let (ticket, waiting) = (&self.candidates[*at], &self.waiting[*at]);
            let ms = ticket.waited_ms(now);
            self.report.waited(ticket.players.len(), ms, ticket.mmr, waiting.estimate);
            let region = ticket.regions.first().map(|(region, _)| region.clone());
            self.estimator.learn(&Waited { at: now, ms, mmr: ticket.mmr, region });
            let rivals = teams.iter().enumerate().filter(|(other, _)| *other != team);
            let rivals: Vec<_> = rivals
                .flat_map(|(_, tickets)| tickets)
                .flat_map(|at| self.candidates[*at].players.iter().map(|(user, _)| *user))
                .collect();
            self.crowd.back(waiting.party.clone(), &rivals, now, true);
        }
    }
}
