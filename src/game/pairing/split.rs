//! Tickets into teams: parties whole, chances as even as they can be, parties opposite parties where that costs nothing.

use super::Rules;

/// Splits looked at before the best so far is taken; 4v4 has 35 and three teams of three have 280.
const SPLITS_MAX: usize = 5_000;
/// Teams whose means differ no more than this from the most even ones are as even, in MMR.
const FREE_MMR: f64 = 0.001;

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

/// What one ticket brings into a team.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Players.
    pub size: usize,
    /// The sum of their ratings, in MMR.
    pub rating: f64,
}

/// Finds splits, one after the other, in the same memory.
pub(super) struct Splitter {
    team_size: usize,
    /// Large parties first, which cuts the tree.
    order: Vec<usize>,
    loads: Vec<Load>,
    /// The team of each ticket so far.
    of: Vec<usize>,
    filled: Vec<usize>,
    ratings: Vec<f64>,
    /// How uneven the best split is, and how unlike its parties.
    best: Option<(f64, usize)>,
    best_of: Vec<usize>,
    looked: usize,
}

impl Splitter {
    pub(super) fn new(rules: &Rules) -> Self {
        let teams = usize::from(rules.team_count);
        Self {
            team_size: usize::from(rules.team_size),
            order: Vec::new(),
            loads: Vec::new(),
            of: Vec::new(),
            filled: vec![0; teams],
            ratings: vec![0.0; teams],
            best: None,
            best_of: Vec::new(),
            looked: 0,
        }
    }

    /// How far the means of the best team and the worst are apart, in MMR, in the most even split of tickets, which come in an order
    /// that does not depend on anything but themselves. None when parties cannot stay whole.
    pub(super) fn split(&mut self, tickets: &[Load]) -> Option<f64> {
        self.order.clear();
        self.order.extend(0..tickets.len());
        self.order.sort_by_key(|at| std::cmp::Reverse((tickets[*at].size, *at)));
        self.loads.clear();
        self.loads.extend(self.order.iter().map(|at| tickets[*at]));
        self.of.clear();
        self.of.resize(tickets.len(), 0);
        (self.best, self.looked) = (None, 0);
        self.descend(0);
        self.best.map(|(difference, _)| difference)
    }

    /// The teams of the last split, as places among its tickets.
    pub(super) fn teams(&self) -> Vec<Vec<usize>> {
        let mut teams = vec![Vec::new(); self.filled.len()];
        for (ticket, team) in self.order.iter().zip(&self.best_of) {
            teams[*team].push(*ticket);
        }
        teams
    }

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
        if self.best.is_some_and(|(least, _)| difference > least + FREE_MMR) {
            return;
        }
        let unlike = self.unlike();
        let better = self.best.is_none_or(|(least, parties)| {
            difference < least - FREE_MMR
                || unlike < parties
                || (unlike == parties && difference < least)
        });
        if better {
            self.best = Some((difference, unlike));
            self.best_of.clone_from(&self.of);
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
