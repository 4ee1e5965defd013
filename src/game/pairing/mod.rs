//! Who plays whom. Pure: same tickets and same instant give the same matches, in whatever order the tickets come.
//! Timing lives in `tasks::matchmaker`, storage in `entities::tickets`.
//!
//! A wave goes from the longest waiting ticket to the shortest. Each in turn looks for its match in each region that it
//! accepts, among the tickets nearest to it in rating, walking outwards until the match is full or nobody left is near
//! enough. The closest match of all regions is taken.

mod search;
mod split;

use super::{
    ids::TicketId,
    mode::RegionId,
    rating::{Rating, RatingParams},
    time::Timestamp,
};

/// How far apart two ratings may be, and how that widens with waiting.
#[derive(Clone, Debug)]
pub struct Window {
    /// MMR accepted at once.
    pub start_mmr: f64,
    /// MMR added at each step.
    pub step_mmr: f64,
    /// Milliseconds between two steps.
    pub step_ms: i64,
    /// MMR never exceeded.
    pub max_mmr: f64,
}

impl Window {
    /// How far an opponent may be after that wait, in MMR.
    pub fn tolerance(&self, waited_ms: i64) -> f64 {
        let steps = waited_ms.max(0) / self.step_ms.max(1);
        self.step_mmr.mul_add(steps as f64, self.start_mmr).min(self.max_mmr)
    }

    /// Milliseconds until the tolerance widens again; none when it will not.
    pub fn next_step_in_ms(&self, waited_ms: i64) -> Option<i64> {
        let step = self.step_ms.max(1);
        let widens = self.step_mmr > 0.0 && self.tolerance(waited_ms) < self.max_mmr;
        widens.then(|| step - waited_ms.max(0) % step)
    }
}

/// What round trip is accepted from which wait on.
#[derive(Clone, Copy, Debug)]
pub struct LatencyStep {
    /// Milliseconds waited.
    pub from_ms: i64,
    /// Round trip accepted from then on, in milliseconds.
    pub max_ms: u32,
}

/// Who may play whom in one mode.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Players in a team.
    pub team_size: u8,
    /// Teams in a match.
    pub team_count: u8,
    /// How far apart ratings may be.
    pub window: Window,
    /// How far away a region may be, ascending.
    pub latency: Vec<LatencyStep>,
}

/// A ticket that waits.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which.
    pub ticket: TicketId,
    /// The ratings of its players: one to a team's size.
    pub ratings: Vec<Rating>,
    /// Their mean, in MMR.
    pub mean: f64,
    /// When the wait began.
    pub joined_at: Timestamp,
    /// The regions that it names, best first, with the measured round trip in milliseconds.
    pub regions: Vec<(RegionId, Option<u32>)>,
}

impl Candidate {
    fn waited_ms(&self, now: Timestamp) -> i64 {
        now.since(self.joined_at).max(0)
    }

    /// How far from `mean` an opponent may be now.
    fn tolerance(&self, now: Timestamp, rules: &Rules) -> f64 {
        rules.window.tolerance(self.waited_ms(now))
    }

    /// Whether every player of `other` is within this ticket's tolerance.
    fn admits(&self, other: &Self, now: Timestamp, rules: &Rules) -> bool {
        let tolerance = self.tolerance(now, rules);
        other.ratings.iter().all(|rating| (rating.value - self.mean).abs() <= tolerance)
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

/// Whether a ticket would play in a region now: it named it, and the round trip, where measured, is short enough for its
/// wait.
pub fn accepts(candidate: &Candidate, region: &RegionId, now: Timestamp, rules: &Rules) -> bool {
    let waited = candidate.waited_ms(now);
    let bound = rules.latency.iter().rev().find(|step| step.from_ms <= waited);
    candidate.regions.iter().any(|(named, latency)| {
        named == region && latency.is_none_or(|ms| bound.is_none_or(|bound| ms <= bound.max_ms))
    })
}

/// Whether these tickets may play one match in that region now (rule 10), whoever is on whose side.
pub fn legal(tickets: &[&Candidate], region: &RegionId, now: Timestamp, rules: &Rules) -> bool {
    let players: usize = tickets.iter().map(|ticket| ticket.ratings.len()).sum();
    let near = tickets.iter().enumerate().all(|(i, ticket)| {
        let others = tickets.iter().enumerate().filter(|(j, _)| *j != i);
        others.into_iter().all(|(_, other)| ticket.admits(other, now, rules))
    });
    players == usize::from(rules.team_size) * usize::from(rules.team_count)
        && near
        && tickets.iter().all(|ticket| accepts(ticket, region, now, rules))
}

/// The matches that can be made now, no ticket in two of them.
pub fn wave(
    candidates: &[Candidate],
    now: Timestamp,
    rules: &Rules,
    params: &RatingParams,
) -> Vec<Proposal> {
    let mut search = search::Search::new(candidates, now, rules, params);
    search.oldest_first().into_iter().filter_map(|anchor| search.match_for(anchor)).collect()
}
