//! How long a ticket will wait: what those like it waited lately, kept honest by how often that was enough.

use std::collections::{HashMap, VecDeque};

use crate::game::{mode::RegionId, time::Timestamp};

/// How far back waits count, in milliseconds.
pub const WITHIN_MS: i64 = 60 * 60 * 1000;
/// Waits that are kept of each kind of ticket.
const KEPT: usize = 128;
/// Fewer waits than this say nothing.
const ENOUGH: usize = 25;
/// Ratings that count as alike, in MMR.
const BAND_MMR: f64 = 200.0;
/// How fast the factors follow what happens.
const LEARNING: f64 = 0.05;
/// The factors stay between 1/`FACTOR_MAX` and this.
const FACTOR_MAX: f64 = 8.0;

/// A wait that ended in a match.
#[derive(Clone, Debug, PartialEq)]
pub struct Waited {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub ms: i64,
    /// The rating with which the ticket queued.
    pub mmr: f64,
    /// Where it was ready to play, best first.
    pub region: Option<RegionId>,
}

/// How much longer a ticket will wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Half of those like it wait no longer, in milliseconds.
    pub p50_ms: i64,
    /// Nine of ten of those like it wait no longer, in milliseconds.
    pub p90_ms: i64,
}

/// What is alike about tickets, from the finest to the coarsest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    RegionAndBand(Option<RegionId>, i64),
    Region(Option<RegionId>),
    All,
}

fn kinds(region: Option<&RegionId>, mmr: f64) -> [Kind; 3] {
    let band = (mmr / BAND_MMR).floor() as i64;
    [Kind::RegionAndBand(region.cloned(), band), Kind::Region(region.cloned()), Kind::All]
}

/// A share of waits to stay at or under, and the factor that makes it so.
#[derive(Clone, Copy, Debug)]
struct Quantile {
    share: f64,
    factor: f64,
}

impl Quantile {
    const fn of(share: f64) -> Self {
        Self { share, factor: 1.0 }
    }

    fn among(self, ascending: &[i64]) -> f64 {
        let at = ((ascending.len() as f64 * self.share) as usize).min(ascending.len() - 1);
        ascending[at] as f64 * self.factor
    }

    /// Grows after a wait that was longer, and shrinks after one that was not, so that both balance at the share.
    fn learn(&mut self, ascending: &[i64], ms: i64) {
        let kept = ms as f64 <= self.among(ascending);
        let step = if kept { self.share - 1.0 } else { self.share };
        self.factor = (self.factor * (LEARNING * step).exp()).clamp(1.0 / FACTOR_MAX, FACTOR_MAX);
    }
}

/// The waits of one mode's tickets.
#[derive(Clone, Debug)]
pub struct Estimator {
    waits: HashMap<Kind, VecDeque<(Timestamp, i64)>>,
    half: Quantile,
    most: Quantile,
}

impl Default for Estimator {
    fn default() -> Self {
        Self { waits: HashMap::new(), half: Quantile::of(0.5), most: Quantile::of(0.9) }
    }
}

impl Estimator {
    /// Takes a wait into account; they come in the order in which they ended.
    pub fn learn(&mut self, wait: &Waited) {
        if let Some(like) = self.like(wait.region.as_ref(), wait.mmr, wait.at) {
            self.half.learn(&like, wait.ms);
            self.most.learn(&like, wait.ms);
        }
        for kind in kinds(wait.region.as_ref(), wait.mmr) {
            let waits = self.waits.entry(kind).or_default();
            waits.push_back((wait.at, wait.ms));
            if waits.len() > KEPT {
                waits.pop_front();
            }
        }
    }

    /// The waits of the tickets most like this one of which there are enough, ascending.
    fn like(&self, region: Option<&RegionId>, mmr: f64, now: Timestamp) -> Option<Vec<i64>> {
        let since = now.plus_ms(-WITHIN_MS);
        kinds(region, mmr).iter().find_map(|kind| {
            let waits = self.waits.get(kind).filter(|waits| waits.len() >= ENOUGH)?;
            let mut fresh: Vec<_> =
                waits.iter().filter(|(at, _)| *at >= since).map(|(_, ms)| *ms).collect();
            fresh.sort_unstable();
            (fresh.len() >= ENOUGH).then_some(fresh)
        })
    }

    /// How much longer a ticket will wait, that has waited so long; none where too little is known, or where it has waited
    /// longer than all that is known of.
    pub fn estimate(
        &self,
        region: Option<&RegionId>,
        mmr: f64,
        waited_ms: i64,
        now: Timestamp,
    ) -> Option<Estimate> {
        let like = self.like(region, mmr, now)?;
        let left = |quantile: Quantile| {
            // Of those that waited longer than it has: they are what it is like now.
            let longer = like.partition_point(|ms| *ms as f64 * quantile.factor < waited_ms as f64);
            let longer = &like[longer..];
            let whole = (!longer.is_empty()).then(|| quantile.among(longer))?;
            Some((whole as i64 - waited_ms).max(0))
        };
        let (p50_ms, p90_ms) = (left(self.half)?, left(self.most)?);
        Some(Estimate { p50_ms, p90_ms: p90_ms.max(p50_ms) })
    }
}
