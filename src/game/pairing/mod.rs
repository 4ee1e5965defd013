//! Who plays whom. Pure: same tickets, same demand and same instant give the same matches, in whatever order the tickets
//! come. Timing lives in `tasks::matchmaker`, storage in `entities::tickets`.
//!
//! What makes a queue good is when it accepts a match. The density window starts each ticket with a tolerance that weighs
//! waiting against distance, by how many players of its rating arrive ([`Density`]), and widens it slowly. In each region the
//! tickets stand in a line by rating; from each of them on a match is filled with its neighbours, and of all that are legal
//! the cheapest are made first.

mod demand;
mod estimate;
mod explain;
mod search;
mod split;

use super::{
    ids::{TicketId, UserId},
    mode::RegionId,
    rating::Rating,
    time::Timestamp,
};

pub use self::{
    demand::{Arrival, Demand, Density, HISTORY, LATELY_MS},
    estimate::{Estimate, Estimator, WITHIN_MS, Waited},
    explain::{Explanation, KeptOut, Nearest, Widening, explain},
};

/// Milliseconds of quiet that add the first tolerance once more.
const QUIET_WIDENS_MS: f64 = 10_000.0;

/// How far apart ratings may be in one match, and how that widens with waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The first tolerance where it is not known yet who arrives, in MMR.
    pub start_mmr: f64,
    /// The least first tolerance, in MMR.
    pub least_mmr: f64,
    /// The greatest first tolerance, in MMR.
    pub most_mmr: f64,
    /// How many MMR of distance are as bad as a second of waiting.
    pub mmr_per_second: f64,
    /// Milliseconds of waiting that add the first tolerance once more.
    pub widens_ms: i64,
    /// Milliseconds after which the tolerance of the most tolerant ticket of a match, mostly the longest waiting, decides
    /// alone; before, that of the least tolerant counts too.
    pub starves_ms: i64,
}

impl Window {
    /// The tolerance of a ticket that has just come, where so many players arrive a second and MMR, in MMR.
    pub fn first(&self, players: usize, density: Option<f64>) -> f64 {
        let Some(density) = density else { return self.start_mmr };
        let others = players.saturating_sub(1) as f64;
        // Who waits for `others` players within ±d waits others / (2 · density · d) seconds, and is d apart: this d is
        // where both together are least.
        let best = (self.mmr_per_second * others / (2.0 * density)).sqrt();
        // A density of 0 gives infinity, which the bound takes care of.
        best.clamp(self.least_mmr, self.most_mmr)
    }

    /// A ticket's tolerance after that wait.
    pub fn widened(&self, first: f64, waited_ms: i64) -> f64 {
        first * (1.0 + waited_ms.max(0) as f64 / self.widens_ms.max(1) as f64)
    }

    /// The tolerance of everybody where it has been so quiet for so long that nobody nearer is to be waited for: the first
    /// one, and as much again with each ten seconds.
    pub fn quiet(&self, quiet_ms: i64) -> f64 {
        if quiet_ms > 0 { self.start_mmr * (1.0 + quiet_ms as f64 / QUIET_WIDENS_MS) } else { 0.0 }
    }

    /// How far apart the ratings of a match may be, whose tickets have tolerances from `least` to `most`, and of which the
    /// longest waiting has waited so long.
    pub fn allowed(&self, least: f64, most: f64, oldest_ms: i64) -> f64 {
        let weight = 0.5 + oldest_ms.max(0) as f64 / (2 * self.starves_ms.max(1)) as f64;
        let weight = weight.min(1.0);
        (1.0 - weight).mul_add(least, weight * most)
    }
}

/// What round trip is accepted from which wait on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyStep {
    /// Milliseconds waited.
    pub from_ms: i64,
    /// Round trip accepted from then on, in milliseconds.
    pub max_ms: u32,
}

/// Who may play whom in one mode.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// Players in a team.
    pub team_size: u8,
    /// Teams in a match.
    pub team_count: u8,
    /// How far apart ratings may be.
    pub window: Window,
    /// How far away a region may be, ascending.
    pub latency: Vec<LatencyStep>,
    /// What a party's rating has added for each member beyond the first, in MMR.
    pub premade_mmr: f64,
    /// Milliseconds that one waits rather than meet the opponents of the last match again.
    pub rematch_ms: i64,
}

impl Rules {
    /// Players in a match.
    pub fn players(&self) -> usize {
        usize::from(self.team_size) * usize::from(self.team_count)
    }

    /// The rating with which these players queue together.
    pub fn queue_rating(&self, ratings: &[Rating]) -> f64 {
        let players = ratings.len().max(1) as f64;
        let mean = ratings.iter().map(|rating| rating.value).sum::<f64>() / players;
        self.premade_mmr.mul_add(players - 1.0, mean)
    }

    /// The longest round trip that is accepted after that wait; none: any.
    fn latency_after(&self, waited_ms: i64) -> Option<u32> {
        let step = self.latency.iter().rev().find(|step| step.from_ms <= waited_ms);
        step.map(|step| step.max_ms)
    }
}

/// A ticket that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Which.
    pub ticket: TicketId,
    /// Its players: one to a team's size.
    pub players: Vec<(UserId, Rating)>,
    /// The rating with which they queue, in MMR.
    pub mmr: f64,
    /// When the wait began.
    pub joined_at: Timestamp,
    /// The regions that it names, best first, with the measured round trip in milliseconds.
    pub regions: Vec<(RegionId, Option<u32>)>,
    /// Whom its players have blocked.
    pub blocked: Vec<UserId>,
    /// Against whom its players played last.
    pub met: Vec<UserId>,
}

impl Candidate {
    /// How long it has waited, in milliseconds.
    pub fn waited_ms(&self, now: Timestamp) -> i64 {
        now.since(self.joined_at).max(0)
    }

    /// Whether it would play in a region now: it named it, and the round trip, where measured, is short enough for its wait.
    pub fn accepts(&self, region: &RegionId, now: Timestamp, rules: &Rules) -> bool {
        let bound = rules.latency_after(self.waited_ms(now));
        self.regions.iter().any(|(named, latency)| {
            named == region && latency.is_none_or(|ms| bound.is_none_or(|bound| ms <= bound))
        })
    }

    /// How far from its rating the others of a match in that region may be, as far as it decides, in MMR.
    pub fn tolerance(
        &self,
        region: &RegionId,
        now: Timestamp,
        rules: &Rules,
        demand: &Demand,
    ) -> f64 {
        let window = &rules.window;
        let first = window.first(rules.players(), demand.at(region, self.mmr));
        let widened = window.widened(first, self.waited_ms(now));
        widened.max(window.quiet(demand.quiet_ms(region, now)))
    }

    fn names(&self, users: &[UserId], other: &Self) -> bool {
        !users.is_empty() && other.players.iter().any(|(user, _)| users.contains(user))
    }

    /// Whether somebody of the one has blocked somebody of the other.
    pub fn is_blocked_from(&self, other: &Self) -> bool {
        self.names(&self.blocked, other) || other.names(&other.blocked, self)
    }

    /// Whether they were opponents in the last match of either, and have not waited long enough to be so again.
    pub fn avoids(&self, other: &Self, now: Timestamp, rules: &Rules) -> bool {
        (self.names(&self.met, other) || other.names(&other.met, self))
            && self.waited_ms(now).max(other.waited_ms(now)) < rules.rematch_ms
    }
}

/// A match to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Where.
    pub region: RegionId,
    /// The tickets of each team.
    pub teams: Vec<Vec<TicketId>>,
}

/// Whether these tickets may play one match in that region now, whoever is on whose side: nobody is kept from anybody, the
/// ratings are near enough, all would play there, and parties make whole teams.
pub fn legal(
    tickets: &[&Candidate],
    region: &RegionId,
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> bool {
    let sizes: Vec<_> = tickets.iter().map(|ticket| ticket.players.len()).collect();
    let pairs = tickets
        .iter()
        .enumerate()
        .flat_map(|(at, one)| tickets[at + 1..].iter().map(move |other| (one, other)));
    sizes.iter().sum::<usize>() == rules.players()
        && split::fits(&sizes, rules)
        && tickets.iter().all(|ticket| ticket.accepts(region, now, rules))
        && pairs
            .into_iter()
            .all(|(one, other)| !one.is_blocked_from(other) && !one.avoids(other, now, rules))
        && spread(tickets) <= allowed(tickets, region, now, rules, demand)
}

/// How far apart the ratings are with which these tickets queue, in MMR.
fn spread(tickets: &[&Candidate]) -> f64 {
    let (low, high) = extremes(tickets.iter().map(|ticket| ticket.mmr));
    (high - low).max(0.0)
}

fn allowed(
    tickets: &[&Candidate],
    region: &RegionId,
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> f64 {
    let tolerances = tickets.iter().map(|ticket| ticket.tolerance(region, now, rules, demand));
    let (least, most) = extremes(tolerances);
    let oldest = tickets.iter().map(|ticket| ticket.waited_ms(now)).max().unwrap_or(0);
    rules.window.allowed(least, most, oldest)
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// The matches that can be made now, no ticket in two of them.
pub fn wave(
    candidates: &[Candidate],
    now: Timestamp,
    rules: &Rules,
    demand: &Demand,
) -> Vec<Proposal> {
    search::Search::new(candidates, now, rules, demand).run()
}
