//! The search for the matches of one wave.

use std::collections::HashMap;

use super::{
    Candidate, Demand, Proposal, Rules, split,
    split::{Load, Splitter},
};
use crate::game::{
    ids::{TicketId, UserId},
    mode::RegionId,
    time::Timestamp,
};

/// How often what is left over is looked through again, in one wave, and from how many tickets at most: what is left then is
/// the next wave's.
const PASSES: usize = 12;
const LOOKS: usize = 500_000;
/// A round trip up to this costs nothing, in milliseconds.
const LATENCY_FREE_MS: u32 = 60;
/// Tickets looked at from one start: bounds a wave's time where many are near and kept from each other.
const REACH: usize = 256;

/// A ticket in the line of a region.
struct Entry {
    candidate: u32,
    size: u8,
    latency_ms: u32,
    mmr: f64,
    /// The sum of its players' ratings.
    rating: f64,
    tolerance: f64,
    waited_ms: i64,
}

/// The tickets that would play in a region, by rating.
struct Line<'a> {
    region: &'a RegionId,
    entries: Vec<Entry>,
    /// The greatest tolerance of all.
    widest: f64,
}

/// A match that could be made.
struct Found {
    cost: f64,
    /// When its longest waiting joined, and which that is.
    oldest: (Timestamp, TicketId),
    line: usize,
    /// Its tickets, as a part of all that were found.
    from: usize,
    to: usize,
}

/// What one look at the lines has found.
#[derive(Default)]
struct Finds {
    matches: Vec<Found>,
    /// Candidates, match by match.
    tickets: Vec<u32>,
}

/// What is used again and again.
struct Scratch {
    chosen: Vec<usize>,
    loads: Vec<Load>,
    splitter: Splitter,
}

pub(super) struct Search<'a> {
    candidates: &'a [Candidate],
    rules: &'a Rules,
    now: Timestamp,
    lines: Vec<Line<'a>>,
    taken: Vec<bool>,
    /// Of a candidate, those that it is kept from.
    apart: HashMap<u32, Vec<u32>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        candidates: &'a [Candidate],
        now: Timestamp,
        rules: &'a Rules,
        demand: &Demand,
    ) -> Self {
        let mut search = Self {
            candidates,
            rules,
            now,
            lines: Vec::new(),
            taken: vec![false; candidates.len()],
            apart: HashMap::new(),
        };
        search.line_up(demand);
        search.keep_apart();
        search
    }

    fn line_up(&mut self, demand: &Demand) {
        let rules = self.rules;
        let mut lines: Vec<Line<'a>> = Vec::new();
        for (candidate, index) in self.candidates.iter().zip(0_u32..) {
            let size = candidate.players.len();
            if size == 0 || size > usize::from(rules.team_size) {
                continue;
            }
            let waited_ms = candidate.waited_ms(self.now);
            for (at, (region, latency)) in candidate.regions.iter().enumerate() {
                let named_before = candidate.regions[..at].iter().any(|(named, _)| named == region);
                if named_before || !candidate.accepts(region, self.now, rules) {
                    continue;
                }
                let line = lines.iter().position(|line| line.region == region);
                let line = line.unwrap_or_else(|| {
                    lines.push(Line { region, entries: Vec::new(), widest: 0.0 });
                    lines.len() - 1
                });
                lines[line].entries.push(Entry {
                    candidate: index,
                    size: u8::try_from(size).unwrap_or(u8::MAX),
                    latency_ms: latency.unwrap_or(0),
                    mmr: candidate.mmr,
                    rating: candidate.players.iter().map(|(_, rating)| rating.value).sum(),
                    tolerance: candidate.tolerance(region, self.now, rules, demand),
                    waited_ms,
                });
            }
        }
        lines.sort_by(|a, b| a.region.cmp(b.region));
        for line in &mut lines {
            line.widest = line.entries.iter().map(|entry| entry.tolerance).fold(0.0, f64::max);
            line.entries.sort_unstable_by(|a, b| {
                a.mmr.total_cmp(&b.mmr).then_with(|| {
                    let of = |entry: &Entry| {
                        let candidate = &self.candidates[entry.candidate as usize];
                        (candidate.joined_at, candidate.ticket)
                    };
                    of(a).cmp(&of(b))
                })
            });
        }
        self.lines = lines;
    }

    fn keep_apart(&mut self) {
        if self.candidates.iter().all(|ticket| ticket.blocked.is_empty() && ticket.met.is_empty()) {
            return;
        }
        let players = self.candidates.iter().zip(0_u32..);
        let holders: HashMap<UserId, u32> = players
            .flat_map(|(ticket, at)| ticket.players.iter().map(move |(user, _)| (*user, at)))
            .collect();
        for (ticket, at) in self.candidates.iter().zip(0_u32..) {
            for user in ticket.blocked.iter().chain(&ticket.met) {
                let Some(other) = holders.get(user).copied().filter(|other| *other != at) else {
                    continue;
                };
                let who = &self.candidates[other as usize];
                if ticket.is_blocked_from(who) || ticket.avoids(who, self.now, self.rules) {
                    self.apart.entry(at).or_default().push(other);
                    self.apart.entry(other).or_default().push(at);
                }
            }
        }
    }

    pub(super) fn run(mut self) -> Vec<Proposal> {
        let mut scratch = Scratch {
            chosen: Vec::with_capacity(self.rules.players()),
            loads: Vec::with_capacity(self.rules.players()),
            splitter: Splitter::new(self.rules),
        };
        let (mut made, mut looks) = (Vec::new(), 0);
        for _ in 0..PASSES {
            looks += self.lines.iter().map(|line| line.entries.len()).sum::<usize>();
            let mut finds = Finds::default();
            for line in 0..self.lines.len() {
                for start in 0..self.lines[line].entries.len() {
                    self.fill(line, start, &mut scratch, &mut finds);
                }
            }
            finds.matches.sort_unstable_by(|a, b| {
                let by_age = || (a.oldest, a.line, a.from).cmp(&(b.oldest, b.line, b.from));
                a.cost.total_cmp(&b.cost).then_with(by_age)
            });
            let before = made.len();
            for found in &finds.matches {
                let tickets = &finds.tickets[found.from..found.to];
                if tickets.iter().any(|ticket| self.taken[*ticket as usize]) {
                    continue;
                }
                for ticket in tickets {
                    self.taken[*ticket as usize] = true;
                }
                made.extend(self.proposal(found.line, tickets, &mut scratch));
            }
            if made.len() == before || looks > LOOKS {
                break;
            }
            for line in &mut self.lines {
                line.entries.retain(|entry| !self.taken[entry.candidate as usize]);
            }
        }
        made
    }

    /// Fills a match with a ticket and those above it, and notes it where it is legal.
    fn fill(&self, line: usize, start: usize, scratch: &mut Scratch, finds: &mut Finds) {
        let Scratch { chosen, loads, splitter } = scratch;
        // The nearest first; where they do not go together, those that would go with the first alone.
        let picked = self.pick(line, start, chosen, |_, _| true);
        let Some((spread, latency_ms)) =
            picked.or_else(|| self.pick(line, start, chosen, |a, b| self.goes_alone(a, b)))
        else {
            return;
        };
        let entries = &self.lines[line].entries;
        loads.clear();
        loads.extend(chosen.iter().map(|at| entries[*at].load()));
        let Some(difference) = splitter.split(loads) else { return };
        let from = finds.tickets.len();
        finds.tickets.extend(chosen.iter().map(|at| entries[*at].candidate));
        let tickets = finds.tickets[from..].iter().map(|at| &self.candidates[*at as usize]);
        let Some(oldest) = tickets.map(|ticket| (ticket.joined_at, ticket.ticket)).min() else {
            return;
        };
        let far = f64::from(latency_ms.saturating_sub(LATENCY_FREE_MS));
        let cost = 2.0_f64.mul_add(difference, spread) + 0.5 * far;
        finds.matches.push(Found { cost, oldest, line, from, to: finds.tickets.len() });
    }

    /// Chooses a ticket and those above it that may, skipping what does not fit; how far apart they are, and the longest round
    /// trip, where that is a legal match.
    fn pick(
        &self,
        line: usize,
        start: usize,
        chosen: &mut Vec<usize>,
        may: impl Fn(&Entry, &Entry) -> bool,
    ) -> Option<(f64, u32)> {
        let Line { entries, widest, .. } = &self.lines[line];
        let needed = self.rules.players();
        let first = &entries[start];
        chosen.clear();
        chosen.push(start);
        let mut players = usize::from(first.size);
        let (mut least, mut most, mut oldest) = (first.tolerance, first.tolerance, first.waited_ms);
        let (mut latency_ms, mut highest) = (first.latency_ms, first.mmr);
        for (at, entry) in (start + 1..).zip(entries[start + 1..].iter().take(REACH)) {
            if players == needed || entry.mmr - first.mmr > *widest {
                break;
            }
            let size = usize::from(entry.size);
            if players + size > needed
                || !may(first, entry)
                || !self.goes_with(entries, chosen, entry)
            {
                continue;
            }
            chosen.push(at);
            players += size;
            highest = entry.mmr;
            least = least.min(entry.tolerance);
            most = most.max(entry.tolerance);
            oldest = oldest.max(entry.waited_ms);
            latency_ms = latency_ms.max(entry.latency_ms);
        }
        let spread = highest - first.mmr;
        let legal = players == needed && spread <= self.rules.window.allowed(least, most, oldest);
        legal.then_some((spread, latency_ms))
    }

    /// Whether two tickets are near enough, were they alone.
    fn goes_alone(&self, one: &Entry, other: &Entry) -> bool {
        let (least, most) =
            (one.tolerance.min(other.tolerance), one.tolerance.max(other.tolerance));
        let oldest = one.waited_ms.max(other.waited_ms);
        (one.mmr - other.mmr).abs() <= self.rules.window.allowed(least, most, oldest)
    }

    /// Whether a ticket can be in one match with those chosen.
    fn goes_with(&self, entries: &[Entry], chosen: &[usize], entry: &Entry) -> bool {
        if let Some(apart) = self.apart.get(&entry.candidate)
            && chosen.iter().any(|at| apart.contains(&entries[*at].candidate))
        {
            return false;
        }
        // A single player goes wherever there is room.
        if entry.size == 1 {
            return true;
        }
        let sizes: Vec<_> = chosen
            .iter()
            .map(|at| &entries[*at])
            .chain([entry])
            .map(|e| usize::from(e.size))
            .collect();
        split::fits(&sizes, self.rules)
    }

    /// Tickets, which are in the order of their line, as a match.
    fn proposal(&self, line: usize, tickets: &[u32], scratch: &mut Scratch) -> Option<Proposal> {
        let Scratch { loads, splitter, .. } = scratch;
        let who = || tickets.iter().map(|at| &self.candidates[*at as usize]);
        loads.clear();
        loads.extend(who().map(|ticket| Load {
            size: ticket.players.len(),
            rating: ticket.players.iter().map(|(_, rating)| rating.value).sum(),
        }));
        splitter.split(loads)?;
        let ticket = |at: usize| self.candidates[tickets[at] as usize].ticket;
        let teams = splitter.teams().into_iter();
        Some(Proposal {
            region: self.lines[line].region.clone(),
            teams: teams.map(|team| team.into_iter().map(ticket).collect()).collect(),
        })
    }
}

impl Entry {
    fn load(&self) -> Load {
        Load { size: usize::from(self.size), rating: self.rating }
    }
}
