//! The search for one ticket's match among those that still wait.

use std::collections::HashMap;

use super::{Candidate, Proposal, Rules, accepts, split};
use crate::game::{mode::RegionId, rating::RatingParams, time::Timestamp};

/// Tickets looked at on each side of an anchor before it has to wait for the next wave: bounds a wave's time where many
/// tickets are near in rating and illegal for other reasons.
const REACH: usize = 256;

/// The tickets that accept a region, by mean rating, with links that skip those that are taken.
struct Line {
    order: Vec<usize>,
    at: HashMap<usize, usize>,
    up: Vec<usize>,
    down: Vec<usize>,
}

impl Line {
    /// The nearest position at or above `position` whose ticket is not taken.
    fn above(&mut self, position: usize, taken: &[bool]) -> Option<usize> {
        let mut found = position;
        while let Some(ticket) = self.order.get(found)
            && taken[*ticket]
        {
            found = self.up[found].max(found + 1);
        }
        if let Some(link) = self.up.get_mut(position) {
            *link = found;
        }
        (found < self.order.len()).then_some(found)
    }

    /// The nearest position at or below `position` whose ticket is not taken.
    fn below(&mut self, position: usize, taken: &[bool]) -> Option<usize> {
        // `down` holds positions plus one, so that 0 says that nobody is left.
        let mut found = position + 1;
        while found > 0 && taken[self.order[found - 1]] {
            found = self.down[found - 1].min(found - 1);
        }
        if let Some(link) = self.down.get_mut(position) {
            *link = found;
        }
        found.checked_sub(1)
    }
}

pub(super) struct Search<'a> {
    candidates: &'a [Candidate],
    now: Timestamp,
    rules: &'a Rules,
    params: &'a RatingParams,
    lines: HashMap<RegionId, Line>,
    taken: Vec<bool>,
}

struct Found {
    region: RegionId,
    tickets: Vec<usize>,
    spread: f64,
    /// The longest round trip, and how far down their lists of preference the region stands.
    distance: (u32, usize),
}

impl<'a> Search<'a> {
    pub(super) fn new(
        candidates: &'a [Candidate],
        now: Timestamp,
        rules: &'a Rules,
        params: &'a RatingParams,
    ) -> Self {
        let mut regions: HashMap<RegionId, Vec<usize>> = HashMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            for (region, _) in &candidate.regions {
                if accepts(candidate, region, now, rules) {
                    let line = regions.entry(region.clone()).or_default();
                    if line.last() != Some(&index) {
                        line.push(index);
                    }
                }
            }
        }
        let lines = regions.into_iter().map(|(region, order)| (region, line(candidates, order)));
        Self {
            candidates,
            now,
            rules,
            params,
            lines: lines.collect(),
            taken: vec![false; candidates.len()],
        }
    }

    pub(super) fn oldest_first(&self) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.candidates.len()).collect();
        order.sort_by_key(|&i| (self.candidates[i].joined_at, self.candidates[i].ticket));
        order
    }

    /// Takes the best match of a ticket out of the queue; none when there is no legal one.
    pub(super) fn match_for(&mut self, anchor: usize) -> Option<Proposal> {
        let candidate = &self.candidates[anchor];
        if self.taken[anchor] || candidate.ratings.len() > usize::from(self.rules.team_size) {
            return None;
        }
        let mut best: Option<Found> = None;
        for (region, _) in &candidate.regions {
            let Some(found) = self.fill(anchor, region) else { continue };
            let better = best.as_ref().is_none_or(|best| {
                let by_spread = found.spread.total_cmp(&best.spread);
                found.distance.cmp(&best.distance).then(by_spread).is_lt()
            });
            if better {
                best = Some(found);
            }
        }
        let found = best?;
        let chosen: Vec<_> = found.tickets.iter().map(|&i| &self.candidates[i]).collect();
        let teams = split::split(&chosen, self.rules, self.params)?;
        for index in &found.tickets {
            self.taken[*index] = true;
        }
        let teams = teams
            .into_iter()
            .map(|team| team.into_iter().map(|i| chosen[i].ticket).collect())
            .collect();
        Some(Proposal { region: found.region, teams })
    }

    /// Fills a match around an anchor with the nearest tickets that are legal beside all chosen so far.
    fn fill(&mut self, anchor: usize, region: &RegionId) -> Option<Found> {
        let needed = usize::from(self.rules.team_size) * usize::from(self.rules.team_count);
        let candidates = self.candidates;
        let mean = candidates[anchor].mean;
        let tolerance = candidates[anchor].tolerance(self.now, self.rules);
        let line = self.lines.get_mut(region)?;
        let start = *line.at.get(&anchor)?;
        let mut upper = line.above(start + 1, &self.taken);
        let mut lower = start.checked_sub(1).and_then(|p| line.below(p, &self.taken));
        let mut chosen = vec![anchor];
        let mut players = candidates[anchor].ratings.len();
        let gap = |line: &Line, at: Option<usize>| {
            at.map_or(f64::INFINITY, |p| (candidates[line.order[p]].mean - mean).abs())
        };
        for _ in 0..2 * REACH {
            if players == needed {
                break;
            }
            let (gap_up, gap_down) = (gap(line, upper), gap(line, lower));
            if gap_up.min(gap_down) > tolerance {
                break;
            }
            let next = if gap_up <= gap_down {
                let position = upper?;
                upper = line.above(position + 1, &self.taken);
                line.order[position]
            } else {
                let position = lower?;
                lower = position.checked_sub(1).and_then(|p| line.below(p, &self.taken));
                line.order[position]
            };
            let other = &candidates[next];
            let fits = players + other.ratings.len() <= needed
                && other.ratings.len() <= usize::from(self.rules.team_size)
                && chosen.iter().all(|&i| {
                    let ticket = &candidates[i];
                    ticket.admits(other, self.now, self.rules)
                        && other.admits(ticket, self.now, self.rules)
                });
            if !fits {
                continue;
            }
            chosen.push(next);
            if split::fits(&chosen, candidates, self.rules) {
                players += other.ratings.len();
            } else {
                chosen.pop();
            }
        }
        (players == needed).then(|| found(candidates, chosen, region))
    }
}

fn line(candidates: &[Candidate], mut order: Vec<usize>) -> Line {
    order.sort_by(|&a, &b| {
        let (a, b) = (&candidates[a], &candidates[b]);
        a.mean
            .total_cmp(&b.mean)
            .then_with(|| a.joined_at.cmp(&b.joined_at))
            .then_with(|| a.ticket.cmp(&b.ticket))
    });
    let at = order.iter().enumerate().map(|(position, &ticket)| (ticket, position)).collect();
    let up = (0..order.len()).collect();
    let down = (1..=order.len()).collect();
    Line { order, at, up, down }
}

fn found(candidates: &[Candidate], tickets: Vec<usize>, region: &RegionId) -> Found {
    let values = tickets.iter().flat_map(|&i| &candidates[i].ratings).map(|r| r.value);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let distance = tickets
        .iter()
        .filter_map(|&i| {
            let mut named = candidates[i].regions.iter().enumerate();
            named.find(|(_, (r, _))| r == region).map(|(rank, (_, ms))| (ms.unwrap_or(0), rank))
        })
        .fold((0, 0), |(ms, rank), (other_ms, other_rank)| (ms.max(other_ms), rank + other_rank));
    Found { region: region.clone(), tickets, spread: high - low, distance }
}
