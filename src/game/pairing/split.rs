//! Tickets into teams: parties whole, chances as even as they can be, parties opposite parties where that costs nothing.

use super::{Candidate, Rules};

/// Splits looked at before the best so far is taken; 4v4 has 35 and three teams of three have 280.
const SPLITS_MAX: usize = 5_000;
/// How much less even teams may be, in MMR between their means, for parties to have parties of their size as opponents.
const FREE_MMR: f64 = 10.0;

/// Whether tickets of these sizes, perhaps with others to come, can be put into whole teams.
pub(super) fn fits(sizes: &[usize], rules: &Rules) -> bool {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut room = vec![usize::from(rules.team_size); usize::from(rules.team_count)];
    place(&sizes, &mut room)
}

fn place(sizes: &[usize], room: &mut [usize]) -> bool {
    let Some((size, rest)) = sizes.split_first() else { return true };
    // What is left are single players: they fit wherever there is room.
    if *size == 1 {
        return sizes.len() <= room.iter().sum();
    }
    for team in 0..room.len() {
        // A team with as much room as one that was tried gives nothing new.
        if room[team] < *size || room[..team].contains(&room[team]) {
            continue;
        }
        room[team] -= size;
        let done = place(rest, room);
        room[team] += size;
        if done {
            return true;
        }
    }
    false
}

/// Tickets in teams.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// Indices of tickets, by team.
    pub teams: Vec<Vec<usize>>,
    /// Between the means of the best team and the worst, in MMR.
    pub difference: f64,
}

/// The split whose teams are the most even. None when parties cannot stay whole.
pub(super) fn split(tickets: &[&Candidate], rules: &Rules) -> Option<Split> {
    let mut order: Vec<_> = (0..tickets.len()).collect();
    // Large parties first, which cuts the tree; then by rating and id, so that the order of arrival does not matter.
    order.sort_by(|&a, &b| {
        let (a, b) = (tickets[a], tickets[b]);
        (b.players.len().cmp(&a.players.len()))
            .then_with(|| b.mmr.total_cmp(&a.mmr))
            .then_with(|| a.ticket.cmp(&b.ticket))
    });
    let loads = order.iter().map(|&at| {
        let players = &tickets[at].players;
        Load { size: players.len(), rating: players.iter().map(|(_, rating)| rating.value).sum() }
    });
    let teams = usize::from(rules.team_count);
    let mut tree = Tree {
        loads: loads.collect(),
        team_size: usize::from(rules.team_size),
        of: vec![0; tickets.len()],
        filled: vec![0; teams],
        ratings: vec![0.0; teams],
        best: None,
        looked: 0,
    };
    tree.descend(0);
    let (difference, _, of) = tree.best?;
    let mut split = vec![Vec::new(); teams];
    for (ticket, team) in order.into_iter().zip(of) {
        split[team].push(ticket);
    }
    Some(Split { teams: split, difference })
}

/// What one ticket brings into a team.
struct Load {
    size: usize,
    rating: f64,
}

struct Tree {
    loads: Vec<Load>,
    team_size: usize,
    /// The team of each ticket so far.
    of: Vec<usize>,
    filled: Vec<usize>,
    ratings: Vec<f64>,
    /// How uneven, how unlike the parties, and which team each ticket is in.
    best: Option<(f64, usize, Vec<usize>)>,
    looked: usize,
}

impl Tree {
    fn descend(&mut self, next: usize) {
        if self.looked >= SPLITS_MAX {
            return;
        }
        let Some(load) = self.loads.get(next) else { return self.look() };
        let (size, rating) = (load.size, load.rating);
        for team in 0..self.filled.len() {
            let empty = self.filled[team] == 0;
            if self.filled[team] + size <= self.team_size {
                self.filled[team] += size;
                self.ratings[team] += rating;
                self.of[next] = team;
                self.descend(next + 1);
                self.filled[team] -= size;
                self.ratings[team] -= rating;
            }
            // Empty teams are all alike.
            if empty {
                break;
            }
        }
    }

    fn look(&mut self) {
        self.looked += 1;
        let (low, high) = super::extremes(self.ratings.iter().copied());
        let difference = (high - low) / self.team_size as f64;
        if self.best.as_ref().is_some_and(|best| difference > best.0 + FREE_MMR) {
            return;
        }
        let unlike = self.unlike();
        let better = self.best.as_ref().is_none_or(|(least, parties, _)| {
            difference < least - FREE_MMR
                || unlike < *parties
                || (unlike == *parties && difference < *least)
        });
        if better {
            self.best = Some((difference, unlike, self.of.clone()));
        }
    }

    /// How much the parties of the teams differ: the sum of how far the largest party of each is behind the largest of all.
    fn unlike(&self) -> usize {
        // Without parties there is nothing to compare.
        if self.loads.first().is_none_or(|load| load.size == 1) {
            return 0;
        }
        let largest = |team| {
            let loads = self.loads.iter().zip(&self.of).filter(|(_, of)| **of == team);
            loads.map(|(load, _)| load.size).max().unwrap_or(0)
        };
        let each: Vec<_> = (0..self.filled.len()).map(largest).collect();
        let most = each.iter().copied().max().unwrap_or(0);
        each.iter().map(|largest| most - largest).sum()
    }
}
