//! Who arrives: how many players a second, with which ratings, and whether still anybody does.

use std::collections::{HashMap, HashSet};

use crate::game::{ids::UserId, mode::RegionId, time::Timestamp};

/// How many of the last tickets tell which ratings arrive.
pub const HISTORY: usize = 1_024;
/// How far back tickets tell how many arrive, in milliseconds.
pub const LATELY_MS: i64 = 600_000;
/// How many tickets tell how many arrive, at least.
const FEW: usize = 100;
/// Fewer tickets than this tell nothing.
const ENOUGH: usize = 20;
/// The ratings that are told apart, in MMR.
const STEP: f64 = 25.0;
const STEPS: usize = 160;
/// The least distance over which arrivals are spread, in MMR.
const SMOOTH_MMR: f64 = 40.0;
/// The shortest stretch of time from which a rate is read, in milliseconds.
const SHORTEST_MS: i64 = 30_000;

/// Nobody comes any more when nobody has come for so many times as long as usual, and for this long, in milliseconds.
const QUIET_TIMES: f64 = 4.0;
const QUIET_MS: i64 = 10_000;

/// A ticket that came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// When.
    pub at: Timestamp,
    /// One of its players, always the same: whoever comes again and again is one to play with, not many.
    pub user: UserId,
    /// With which rating.
    pub mmr: f64,
    /// How many players.
    pub players: usize,
}

/// What is known of the arrivals of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct Density {
    /// Players a second and MMR, by rating; none where too few have come to tell.
    by_rating: Option<Vec<f64>>,
    /// When the last came.
    last: Timestamp,
    /// How long it usually takes until the next comes, in milliseconds.
    gap_ms: f64,
}

impl Density {
    /// What arrivals tell, the oldest first: those of the last ten minutes, or the last hundred, how many come, and all of them, a thousand or so,
    /// with which ratings. None where nobody came.
    ///
    /// The ratings are spread by a bell curve whose width follows Silverman's rule of thumb (B. Silverman, "Density
    /// Estimation", 1986).
    pub fn of(arrivals: &[Arrival], now: Timestamp) -> Option<Self> {
        let (first, last) = (arrivals.first()?.at, arrivals.last()?.at);
        // Where few come, the last hundred.
        let few = arrivals[arrivals.len().saturating_sub(FEW)].at;
        let since = now.plus_ms(-LATELY_MS).min(few).max(first);
        let ms = now.since(since).max(SHORTEST_MS) as f64;
        let lately = arrivals.iter().rev().take_while(|arrival| arrival.at >= since);
        let mut seen = HashSet::new();
        let players: usize =
            lately.filter(|arrival| seen.insert(arrival.user)).map(|arrival| arrival.players).sum();
        let rate = players as f64 * 1000.0 / ms;
        let by_rating = (arrivals.len() >= ENOUGH).then(|| spread(arrivals, rate));
        Some(Self { by_rating, last, gap_ms: ms / seen.len().max(1) as f64 })
    }

    /// Players a second and MMR about that rating; none where too few have come to tell.
    pub fn at(&self, mmr: f64) -> Option<f64> {
        self.by_rating.as_ref().map(|by_rating| by_rating[step_of(mmr)])
    }

    /// For how long nobody has come, in milliseconds beyond what is usual: then it is no use to wait for somebody nearer.
    pub fn quiet_ms(&self, now: Timestamp) -> i64 {
        let usual = (QUIET_TIMES * self.gap_ms).min(LATELY_MS as f64) as i64;
        (now.since(self.last) - usual.max(QUIET_MS)).max(0)
    }
}

/// Players a second and MMR, by rating, where so many come a second.
fn spread(arrivals: &[Arrival], rate: f64) -> Vec<f64> {
    let count = arrivals.len() as f64;
    let mean = arrivals.iter().map(|arrival| arrival.mmr).sum::<f64>() / count;
    let variance = arrivals.iter().map(|arrival| (arrival.mmr - mean).powi(2)).sum::<f64>();
    let width = (1.06 * (variance / count).sqrt() * count.powf(-0.2)).max(SMOOTH_MMR);
    let mut counted = vec![0.0; STEPS];
    for arrival in arrivals {
        counted[step_of(arrival.mmr)] += 1.0;
    }
    let reach = (3.0 * width / STEP).ceil() as usize;
    let bell: Vec<f64> =
        (0..=reach).map(|steps| (-0.5 * (steps as f64 * STEP / width).powi(2)).exp()).collect();
    let all = bell[0] + 2.0 * bell[1..].iter().sum::<f64>();
    let scale = rate / (count * all * STEP);
    let mut spread = vec![0.0; STEPS];
    for (at, count) in counted.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        let (from, to) = (at.saturating_sub(reach), (at + reach).min(STEPS - 1));
        for (to, value) in (from..=to).zip(&mut spread[from..=to]) {
            *value += count * bell[to.abs_diff(at)] * scale;
        }
    }
    spread
}

fn step_of(mmr: f64) -> usize {
    ((mmr / STEP).max(0.0) as usize).min(STEPS - 1)
}

/// Who arrives in each region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand(HashMap<RegionId, Density>);

impl Demand {
    /// Of what is known of the regions.
    pub fn new(regions: impl IntoIterator<Item = (RegionId, Density)>) -> Self {
        Self(regions.into_iter().collect())
    }

    /// What is known of a region.
    pub fn of(&self, region: &RegionId) -> Option<&Density> {
        self.0.get(region)
    }

    /// Players a second and MMR about that rating in a region; none where that is not known.
    pub fn at(&self, region: &RegionId, mmr: f64) -> Option<f64> {
        self.of(region).and_then(|density| density.at(mmr))
    }

    /// For how long nobody has come to a region beyond what is usual, in milliseconds.
    pub fn quiet_ms(&self, region: &RegionId, now: Timestamp) -> i64 {
        self.of(region).map_or(0, |density| density.quiet_ms(now))
    }
}
