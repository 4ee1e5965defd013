//! One leaderboard: the order of all, the order within each region and country, and who stands where.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;

use super::{
    Above, Moved, SHIFTS_MAX, Shift,
    blocks::{Blocks, Keyed},
};
use crate::game::{
    event::PlayerMove,
    ids::UserId,
    mode::{Home, Scope},
    standing::{Place, shown},
};

impl Keyed for Place {
    /// The rating, which decides first, as a number that is less the higher it is.
    fn key(&self) -> u64 {
        let bits = self.rating.to_bits();
        // Of numbers below 0 every bit is turned, of the others the sign: that is the order of `f64::total_cmp`.
        let ascending = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        !ascending
    }
}

/// An order of players, and how many there are of each MMR as it is shown.
#[derive(Debug, Default)]
pub struct Order {
    places: Blocks<Place>,
    shown: BTreeMap<i32, usize>,
}

impl Order {
    /// The order of these places, which are in it already, a player once.
    fn from_sorted(sorted: &[Place]) -> Self {
        let mut counted = BTreeMap::new();
        for same in sorted.chunk_by(|a, b| shown(a.rating) == shown(b.rating)) {
            *counted.entry(shown(same[0].rating)).or_default() += same.len();
        }
        Self { places: Blocks::from_sorted(sorted), shown: counted }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// How many stand before that place, which somebody holds.
    fn position(&self, place: &Place) -> usize {
        self.places.position(place)
    }

    /// How many stand before that place.
    pub fn rank(&self, place: &Place) -> usize {
        self.places.rank(place)
    }

    /// The places from the `from`-th on.
    pub fn slice(&self, from: usize, limit: usize) -> Vec<Place> {
        self.places.slice(from, limit)
    }

    /// How many are shown with more than that MMR.
    pub fn above(&self, mmr: i32) -> Above {
        let above = self.shown.range(mmr.saturating_add(1)..);
        above.fold(Above::default(), |above, (_, players)| Above {
            players: above.players + players,
            ratings: above.ratings + 1,
        })
    }

    fn insert(&mut self, place: Place) {
        let mmr = shown(place.rating);
        if self.places.insert(place) {
            *self.shown.entry(mmr).or_default() += 1;
        }
    }

    fn remove(&mut self, place: &Place) {
        let mmr = shown(place.rating);
        if self.places.remove(place)
            && let Some(players) = self.shown.get_mut(&mmr)
        {
            *players -= 1;
            if *players == 0 {
                self.shown.remove(&mmr);
            }
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Board {
    all: Order,
    parts: HashMap<Scope, Order>,
    // The ids are made here: nobody can choose ones that collide.
    players: HashMap<UserId, (Place, Home), RandomState>,
}

/// The scopes, beside that of all, that a player with this home belongs to.
fn scopes(home: &Home) -> impl Iterator<Item = Scope> {
    let region = home.region.clone().map(Scope::Region);
    region.into_iter().chain(home.country.clone().map(Scope::Country))
}

impl Board {
    /// The board of these players; of one that is named twice, what is said last counts.
    pub fn of(places: Vec<(Place, Home)>) -> Self {
        let mut players = HashMap::with_capacity_and_hasher(places.len(), RandomState::default());
        players.extend(places.into_iter().map(|(place, home)| (place.user, (place, home))));
        let mut all: Vec<Place> = players.values().map(|(place, _)| place.clone()).collect();
        all.sort_unstable();
        let mut parts: HashMap<Scope, Vec<Place>> = HashMap::new();
        for place in &all {
            let home = players.get(&place.user).map(|(_, home)| home);
            for scope in home.into_iter().flat_map(scopes) {
                parts.entry(scope).or_default().push(place.clone());
            }
        }
        let parts = parts.into_iter().map(|(scope, part)| (scope, Order::from_sorted(&part)));
        Self { all: Order::from_sorted(&all), parts: parts.collect(), players }
    }

    /// The order of a scope.
    pub fn order(&self, scope: &Scope) -> Option<&Order> {
        if *scope == Scope::All { Some(&self.all) } else { self.parts.get(scope) }
    }

    /// What a player is ordered by.
    pub fn place(&self, user: UserId) -> Option<Place> {
        self.players.get(&user).map(|(place, _)| place.clone())
    }

    /// A player's place, 1 is first.
    pub fn rank(&self, user: UserId) -> Option<i32> {
        self.players.get(&user).map(|(place, _)| one_based(self.all.position(place)))
    }

    /// Puts a player where they belong, from wherever they were.
    pub fn put(&mut self, place: Place, home: Home) {
        self.remove(place.user);
        for scope in scopes(&home) {
            self.parts.entry(scope).or_default().insert(place.clone());
        }
        self.all.insert(place.clone());
        self.players.insert(place.user, (place, home));
    }

    fn remove(&mut self, user: UserId) {
        let Some((place, home)) = self.players.remove(&user) else { return };
        self.all.remove(&place);
        for scope in scopes(&home) {
            if let Some(order) = self.parts.get_mut(&scope) {
                order.remove(&place);
            }
        }
    }

    /// Gives a player another home.
    pub fn set_home(&mut self, user: UserId, home: Home) {
        if let Some(place) = self.place(user) {
            self.put(place, home);
        }
    }

    /// Moves players to where a result puts them.
    pub fn submit(&mut self, moves: &[PlayerMove]) -> Moved {
        let before: Vec<_> = moves.iter().map(|m| self.rank(m.user)).collect();
        let touched = self.touched(moves);
        let (from, limit) = touched;
        let others = if limit <= SHIFTS_MAX { self.all.slice(from, limit) } else { Vec::new() };
        for m in moves {
            match &m.after {
                Some(place) => self.put(place.clone(), m.home.clone()),
                None => self.remove(m.user),
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
            // Whoever enters or leaves the board moves everybody behind.
            let from = self.players.get(&m.user).map(|(place, _)| self.all.position(place));
            let to = m.after.as_ref().map(|after| self.all.rank(after));
            if from.is_none() && to.is_none() {
                continue;
            }
            let (from, to) =
                (from.unwrap_or(self.all.len()), to.unwrap_or(self.all.len().saturating_sub(1)));
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
                let (before, after) =
                    (one_based(from + index), one_based(self.all.position(&place)));
                (before != after).then_some(Shift { place, before, after })
            })
            .collect()
    }
}

fn one_based(index: usize) -> i32 {
    i32::try_from(index + 1).unwrap_or(i32::MAX)
}
