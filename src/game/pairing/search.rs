//! The search for the matches of one wave.

use std::collections::HashMap;

use super::{Candidate, Demand, Proposal, Rules, split};
use crate::game::{ids::UserId, mode::RegionId, time::Timestamp};

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
    tolerance: f64,
    waited_ms: i64,
}

/// The tickets that would play in a region, by rating.
struct Line<'a> {
    region: &'a RegionId,
    entries: Vec<Entry>,
}

/// A match that could be made.
struct Found {
    line: usize,
    /// Indices of candidates.
    tickets: Vec<u32>,
    teams: Vec<Vec<usize>>,
    cost: f64,
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
            let bound = rules.latency_after(waited_ms);
            for (at, (region, latency)) in candidate.regions.iter().enumerate() {
                let named_before = candidate.regions[..at].iter().any(|(named, _)| named == region);
                let near = latency.is_none_or(|ms| bound.is_none_or(|bound| ms <= bound));
                if named_before || !near {
                    continue;
                }
                let line = lines.iter().position(|line| line.region == region);
                let line = line.unwrap_or_else(|| {
                    lines.push(Line { region, entries: Vec::new() });
                    lines.len() - 1
                });
                lines[line].entries.push(Entry {
                    candidate: index,
                    size: u8::try_from(size).unwrap_or(u8::MAX),
                    latency_ms: latency.unwrap_or(0),
                    mmr: candidate.mmr,
                    tolerance: candidate.tolerance(region, self.now, rules, demand),
                    waited_ms,
                });
            }
        }
        lines.sort_by(|a, b| a.region.cmp(b.region));
        for line in &mut lines {
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
        let (mut made, mut looks) = (Vec::new(), 0);
        for _ in 0..PASSES {
            looks += self.lines.iter().map(|line| line.entries.len()).sum::<usize>();
            let mut found: Vec<_> =
                (0..self.lines.len()).flat_map(|line| self.look(line)).collect();
            found.sort_by(|a, b| {
                a.cost.total_cmp(&b.cost).then_with(|| self.seniority(a).cmp(&self.seniority(b)))
            });
            let before = made.len();
            for found in found {
                if found.tickets.iter().any(|ticket| self.taken[*ticket as usize]) {
                    continue;
                }
                for ticket in &found.tickets {
                    self.taken[*ticket as usize] = true;
                }
                made.push(self.proposal(&found));
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

    /// Whose turn it is among matches that cost the same: the longest waiting's.
    fn seniority(&self, found: &Found) -> impl Ord + use<> {
        let tickets = found.tickets.iter().map(|ticket| &self.candidates[*ticket as usize]);
        let oldest = tickets.map(|ticket| (ticket.joined_at, ticket.ticket)).min();
        (oldest, found.line)
    }

    /// The match from each ticket of a line on, where it is legal.
    fn look(&self, line: usize) -> Vec<Found> {
        let count = self.lines[line].entries.len();
        let mut chosen = Vec::with_capacity(self.rules.players());
        (0..count).filter_map(|start| self.fill(line, start, &mut chosen)).collect()
    }

    /// Fills a match with a ticket and those above it, skipping what does not fit.
    fn fill(&self, line: usize, start: usize, chosen: &mut Vec<usize>) -> Option<Found> {
        let entries = &self.lines[line].entries;
        let needed = self.rules.players();
        let first = &entries[start];
        chosen.clear();
        chosen.push(start);
        let mut players = usize::from(first.size);
        let (mut least, mut most, mut oldest) = (first.tolerance, first.tolerance, first.waited_ms);
        let mut latency_ms = first.latency_ms;
        for (at, entry) in (start + 1..).zip(entries[start + 1..].iter().take(REACH)) {
            if players == needed {
                break;
            }
            let size = usize::from(entry.size);
            if players + size > needed || !self.goes_with(entries, chosen, entry) {
                continue;
            }
            chosen.push(at);
            players += size;
            least = least.min(entry.tolerance);
            most = most.max(entry.tolerance);
            oldest = oldest.max(entry.waited_ms);
            latency_ms = latency_ms.max(entry.latency_ms);
        }
        let last = &entries[*chosen.last()?];
        let spread = last.mmr - first.mmr;
        if players != needed || spread > self.rules.window.allowed(least, most, oldest) {
            return None;
        }
        let tickets: Vec<_> = chosen.iter().map(|at| entries[*at].candidate).collect();
        let who: Vec<_> = tickets.iter().map(|at| &self.candidates[*at as usize]).collect();
        let split = split::split(&who, self.rules)?;
        let far = f64::from(latency_ms.saturating_sub(LATENCY_FREE_MS));
        let cost = 2.0_f64.mul_add(split.difference, spread) + 0.5 * far;
        Some(Found { line, tickets, teams: split.teams, cost })
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

    fn proposal(&self, found: &Found) -> Proposal {
        let ticket = |at: &usize| self.candidates[found.tickets[*at] as usize].ticket;
        Proposal {
            region: self.lines[found.line].region.clone(),
            teams: found.teams.iter().map(|team| team.iter().map(ticket).collect()).collect(),
        }
    }
}
