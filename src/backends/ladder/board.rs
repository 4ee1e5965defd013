//! One leaderboard: the order of all, the order within each region, and who stands where.

use std::collections::{HashMap, HashSet};

use super::{Moved, SHIFTS_MAX, Shift, blocks::Blocks};
use crate::game::{event::PlayerMove, ids::UserId, mode::RegionId, standing::Place};

/// See the module.
#[derive(Debug, Default)]
pub struct Board {
    all: Blocks<Place>,
    regions: HashMap<RegionId, Blocks<Place>>,
    players: HashMap<UserId, (Place, Option<RegionId>)>,
}

impl Board {
    /// The order of a region, or of all.
    pub fn order(&self, region: Option<&RegionId>) -> Option<&Blocks<Place>> {
        region.map_or(Some(&self.all), |region| self.regions.get(region))
    }

    /// What a player is ordered by.
    pub fn place(&self, user: UserId) -> Option<Place> {
        self.players.get(&user).map(|(place, _)| place.clone())
    }

    /// A player's place, 1 is first.
    pub fn rank(&self, user: UserId) -> Option<i32> {
        self.players.get(&user).map(|(place, _)| one_based(self.all.rank(place)))
    }

    /// Puts a player where they belong, from wherever they were.
    pub fn put(&mut self, place: Place, region: Option<RegionId>) {
        self.remove(place.user);
        if let Some(region) = &region {
            self.regions.entry(region.clone()).or_default().insert(place.clone());
        }
        self.all.insert(place.clone());
        self.players.insert(place.user, (place, region));
    }

    fn remove(&mut self, user: UserId) {
        let Some((place, region)) = self.players.remove(&user) else { return };
        self.all.remove(&place);
        if let Some(order) = region.and_then(|region| self.regions.get_mut(&region)) {
            order.remove(&place);
        }
    }

    /// Moves a player to another region.
    pub fn set_region(&mut self, user: UserId, region: Option<RegionId>) {
        if let Some((place, _)) = self.players.get(&user) {
            let place = place.clone();
            self.put(place, region);
        }
    }

    /// Moves players to where a result puts them.
    pub fn submit(&mut self, moves: &[PlayerMove]) -> Moved {
        let before: Vec<_> = moves.iter().map(|m| self.rank(m.user)).collect();
        let touched = self.touched(moves);
        let (from, limit) = touched;
        let others = if limit <= SHIFTS_MAX { self.all.slice(from, limit) } else { Vec::new() };
        for m in moves {
            if let Some(place) = &m.after {
                self.put(place.clone(), m.region.clone());
            }
        }
        let players =
            moves.iter().zip(before).map(|(m, before)| (before, self.rank(m.user))).collect();
        Moved { players, shifts: self.shifts(moves, from, others) }
    }

    /// Which stretch of the order, as it stands, a result can touch: the first place and how many.
    fn touched(&self, moves: &[PlayerMove]) -> (usize, usize) {
        let (mut low, mut high) = (usize::MAX, 0);
        for m in moves {
            let Some(after) = &m.after else { continue };
            let to = self.all.rank(after);
            // Whoever enters the board pushes everybody behind.
            let from = self.players.get(&m.user).map_or(self.all.len(), |(p, _)| self.all.rank(p));
            low = low.min(to.min(from));
            high = high.max(to.max(from) + 1);
        }
        (low, high.saturating_sub(low))
    }

    fn shifts(&self, moves: &[PlayerMove], from: usize, others: Vec<Place>) -> Vec<Shift> {
        let moved: HashSet<_> = moves.iter().map(|m| m.user).collect();
        others
            .into_iter()
            .enumerate()
            .filter(|(_, place)| !moved.contains(&place.user))
            .filter_map(|(index, place)| {
                let (before, after) = (one_based(from + index), one_based(self.all.rank(&place)));
                (before != after).then_some(Shift { place, before, after })
            })
            .collect()
    }
}

fn one_based(index: usize) -> i32 {
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}
