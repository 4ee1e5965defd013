//! A made-up community: who they are, how good they really are, and how their matches go. The same seed makes the same.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};
use uuid::Builder;

use crate::{
    game::{
        ids::UserId,
        mode::{Mode, Region},
        time::Timestamp,
    },
    services::reports::{PlayerResult, TeamResult},
};

const FIRST: [&str; 24] = [
    "Swift", "Silent", "Lucky", "Brave", "Frozen", "Crimson", "Golden", "Hidden", "Iron", "Lone",
    "Mighty", "Noble", "Rapid", "Royal", "Rusty", "Savage", "Shadow", "Solar", "Stormy", "Tiny",
    "Velvet", "Wild", "Witty", "Zen",
];
const SECOND: [&str; 24] = [
    "Otter", "Falcon", "Badger", "Comet", "Dragon", "Ember", "Ferret", "Golem", "Heron", "Jackal",
    "Kraken", "Lynx", "Mantis", "Nomad", "Owl", "Panda", "Raven", "Scout", "Tiger", "Viper",
    "Walrus", "Wolf", "Yak", "Zebra",
];
const COUNTRIES: [&str; 12] =
    ["DE", "FR", "GB", "PL", "SE", "US", "CA", "BR", "MX", "JP", "KR", "AU"];
const HEROES: [&str; 12] = [
    "Aegis", "Bolt", "Cinder", "Dusk", "Echo", "Frost", "Gale", "Hex", "Iris", "Jade", "Kite",
    "Lumen",
];
/// The spread of true skill among players, and of one player among modes, in MMR.
const SKILL_SPREAD: f64 = 320.0;
const MODE_SPREAD: f64 = 80.0;
/// Of a hundred matches that many are drawn.
const DRAWS_PERCENT: u32 = 2;
/// Who is asked whether they are free and near, for each match.
const SAMPLE: usize = 48;

/// A made-up player.
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub region: usize,
    pub country: &'static str,
    /// True skill in each mode, in MMR, which nobody sees.
    skill: Vec<f64>,
    /// When their last match ended.
    pub free_from: Timestamp,
}

/// See the module.
pub struct World {
    random: Xoshiro256PlusPlus,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self { random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// An id (UUID version 7) as if made at that time.
    pub fn uuid(&mut self, at: Timestamp) -> uuid::Uuid {
        let random: [u8; 10] = self.random.random();
        Builder::from_unix_timestamp_millis(at.0.max(0).unsigned_abs(), &random).into_uuid()
    }

    /// A whole number below `bound`, which is above 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    /// About normal: the sum of twelve even numbers, which is within six deviations of the mean.
    fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.random.random::<f64>()).sum();
        deviation.mul_add(sum - 6.0, mean)
    }

    pub fn name(&mut self) -> String {
        let (first, second) = (self.below(FIRST.len()), self.below(SECOND.len()));
        format!("{}{}{}", FIRST[first], SECOND[second], 10 + self.below(9_990))
    }

    pub fn person(
        &mut self,
        id: UserId,
        name: String,
        at: Timestamp,
        modes: usize,
        regions: &[usize],
    ) -> Person {
        let overall = self.normal(1500.0, SKILL_SPREAD);
        Person {
            id,
            name,
            region: regions[self.below(regions.len())],
            country: COUNTRIES[self.below(COUNTRIES.len())],
            skill: (0..modes).map(|_| self.normal(overall, MODE_SPREAD)).collect(),
            free_from: at,
        }
    }

    /// Who meets at that time: somebody, and those nearest in rating among some others. Who played a moment ago rests,
    /// where there are others.
    pub fn gather(
        &mut self,
        people: &[Person],
        players: usize,
        begin: Timestamp,
        rating: impl Fn(usize) -> f64,
    ) -> Vec<usize> {
        let mut asked: Vec<usize> = Vec::with_capacity(SAMPLE);
        let wanted = SAMPLE.max(3 * players).min(people.len());
        while asked.len() < wanted {
            let one = self.below(people.len());
            if !asked.contains(&one) {
                asked.push(one);
            }
        }
        asked.sort_by_key(|one| people[*one].free_from > begin);
        let host = rating(asked[0]);
        let busy = |one: &usize| people[*one].free_from > begin;
        asked[1..].sort_by(|a, b| {
            let far = |one: &usize| (rating(*one) - host).abs();
            busy(a).cmp(&busy(b)).then(far(a).total_cmp(&far(b))).then(a.cmp(b))
        });
        asked.truncate(players);
        asked
    }

    /// How a match of these teams ends: the better team wins more often, as the true skills say.
    pub fn result(
        &mut self,
        people: &[Person],
        mode: usize,
        teams: &[Vec<usize>],
    ) -> Vec<TeamResult> {
        let mut strength: Vec<(usize, f64)> = teams
            .iter()
            .enumerate()
            .map(|(index, team)| {
                let total: f64 = team.iter().map(|one| people[*one].skill[mode]).sum();
                // The logistic curve of Elo: a gap of 400 is ten to one.
                let luck: f64 = self.random.random_range(1e-9..1.0 - 1e-9);
                let mean = total / team.len() as f64;
                (index, mean + 400.0 / std::f64::consts::LN_10 * (luck / (1.0 - luck)).ln() * 0.7)
            })
            .collect();
        strength.sort_by(|a, b| b.1.total_cmp(&a.1));
        let drawn = self.random.random_range(0..100) < DRAWS_PERCENT;
        let mut placements = vec![1; teams.len()];
        for (place, (index, _)) in (1..).zip(strength) {
            placements[index] = if drawn { 1 } else { place };
        }
        teams
            .iter()
            .zip(0..)
            .zip(placements)
            .map(|((team, index), placement)| TeamResult {
                index,
                placement,
                score: (13 - 4 * (placement - 1)).max(0) - i32::from(placement > 1) * self.count(4),
                players: team.iter().map(|one| (people[*one].id, self.did(placement))).collect(),
            })
            .collect()
    }

    fn count(&mut self, below: i32) -> i32 {
        self.random.random_range(0..below)
    }

    fn did(&mut self, placement: i32) -> PlayerResult {
        let won = i32::from(placement == 1);
        let hero = HEROES[self.below(HEROES.len())];
        PlayerResult {
            kills: self.count(12) + 4 * won,
            deaths: self.count(12) + 4 * (1 - won),
            assists: self.count(9),
            hero: Some(hero.into()),
            abandoned: won == 0 && self.below(100) == 0,
        }
    }

    /// How long a match takes, in milliseconds.
    pub fn duration_ms(&mut self) -> i64 {
        i64::from(self.count(20 * 60_000)) + 5 * 60_000
    }

    /// Which mode is played: the first ones more often.
    pub fn mode(&mut self, modes: &[usize]) -> usize {
        let weights = modes.len() * (modes.len() + 1) / 2;
        let mut at = self.below(weights);
        for (index, mode) in modes.iter().enumerate() {
            let weight = modes.len() - index;
            if at < weight {
                return *mode;
            }
            at -= weight;
        }
        modes[0]
    }
}

/// Teams of like strength: in the order of rating, one each in turn and back.
pub fn split(
    mode: &Mode,
    mut players: Vec<usize>,
    rating: impl Fn(usize) -> f64,
) -> Vec<Vec<usize>> {
    let count = usize::from(mode.pairing.team_count);
    players.sort_by(|a, b| rating(*b).total_cmp(&rating(*a)).then(a.cmp(b)));
    let mut teams = vec![Vec::new(); count];
    for (index, player) in players.into_iter().enumerate() {
        let (round, turn) = (index / count, index % count);
        teams[if round % 2 == 0 { turn } else { count - 1 - turn }].push(player);
    }
    teams
}

/// Where people live: more of them in the regions that come first.
pub fn regions(all: &[std::sync::Arc<Region>]) -> Vec<usize> {
    (0..all.len()).flat_map(|index| vec![index; all.len() - index]).collect()
}
