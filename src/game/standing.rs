//! Where a player stands: tiers, placements, streaks and the order of the leaderboard.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{
    ids::UserId,
    matches::Outcome,
    rating::{Rating, RatingParams, aged, grows_beyond},
    time::{DAY_MS, Timestamp},
};

/// Placements and tiers, the same in every mode.
#[derive(Clone, Debug)]
pub struct Ladder {
    /// Matches to play before a rank is shown.
    pub placements: u32,
    /// Matches to play where the uncertainty is already low.
    pub placements_short: u32,
    /// What counts as low, in MMR.
    pub placements_short_below: f64,
    /// A division is lost only this far below its line, in MMR …
    pub demotion_margin_mmr: f64,
    /// … and after this many matches in it.
    pub demotion_after_matches: u32,
    /// Days without a match after which a player is not listed; 0: never.
    pub inactive_after_days: u32,
    /// The uncertainty above which a player is not listed, in MMR; 0: any.
    pub unlisted_above_deviation: f64,
    divisions: Vec<Tier>,
}

/// One tier as the configuration has it.
#[derive(Clone, Debug)]
pub struct TierRule {
    /// Such as Gold.
    pub name: String,
    /// Where it begins, in MMR.
    pub from_mmr: f64,
    /// Equal parts it is cut into; 1: none.
    pub divisions: u8,
}

/// A tier and division. Its index in the ladder grows upwards.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Such as Gold.
    pub name: String,
    /// 1 is the highest; none where the tier has no divisions.
    pub division: Option<u8>,
    /// Such as Gold II.
    pub label: String,
    /// Where it begins, in MMR; 0 for the lowest.
    pub min_mmr: f64,
}

/// The least uncertainty with which a season is begun, in MMR.
pub const SEASON_DEVIATION_MIN: f64 = 120.0;

const ROMAN: [&str; 10] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"];

impl Ladder {
    /// A ladder of these tiers, lowest first.
    pub fn new(
        (placements, placements_short, placements_short_below): (u32, u32, f64),
        (demotion_margin_mmr, demotion_after_matches): (f64, u32),
        (inactive_after_days, unlisted_above_deviation): (u32, f64),
        tiers: &[TierRule],
    ) -> Self {
        let mut divisions = Vec::new();
        for (index, tier) in tiers.iter().enumerate() {
            let end = tiers.get(index + 1).map_or(tier.from_mmr, |next| next.from_mmr);
            let step = (end - tier.from_mmr) / f64::from(tier.divisions.max(1));
            for part in 0..tier.divisions.max(1) {
                let division = (tier.divisions > 1).then(|| tier.divisions - part);
                let roman = division.and_then(|d| ROMAN.get(usize::from(d) - 1));
                divisions.push(Tier {
                    name: tier.name.clone(),
                    division,
                    label: roman
                        .map_or_else(|| tier.name.clone(), |r| format!("{} {r}", tier.name)),
                    min_mmr: step.mul_add(f64::from(part), tier.from_mmr).round(),
                });
            }
        }
        if let Some(lowest) = divisions.first_mut() {
            lowest.min_mmr = 0.0;
        }
        Self {
            placements,
            placements_short,
            placements_short_below,
            demotion_margin_mmr,
            demotion_after_matches,
            inactive_after_days,
            unlisted_above_deviation,
            divisions,
        }
    }

    /// The tier of that index.
    pub fn tier(&self, index: i32) -> Option<&Tier> {
        usize::try_from(index).ok().and_then(|index| self.divisions.get(index))
    }

    /// Every tier and division, lowest first.
    pub fn tiers(&self) -> &[Tier] {
        &self.divisions
    }

    /// The index of the tier that a rating falls into.
    pub fn index_for(&self, mmr: f64) -> i32 {
        let above = self.divisions.partition_point(|tier| tier.min_mmr <= mmr);
        i32::try_from(above.saturating_sub(1)).unwrap_or(0)
    }

    /// Where the tier above that of this index begins, in MMR; none above the highest.
    pub fn next_line(&self, index: i32) -> Option<f64> {
        self.tier(index.checked_add(1)?).map(|tier| tier.min_mmr)
    }

    /// How many placement matches a player with that uncertainty has to play.
    fn placements_for(&self, deviation: f64) -> i32 {
        let low = deviation < self.placements_short_below;
        let matches = if low { self.placements_short } else { self.placements };
        i32::try_from(matches).unwrap_or(i32::MAX)
    }

    /// The tier after a match: up at the line, down only some way below it and not at once.
    fn next_tier(&self, current: i32, matches_in_tier: i32, mmr: f64) -> i32 {
        let earned = self.index_for(mmr);
        let line = self.tier(current).map_or(0.0, |tier| tier.min_mmr);
        let stays = mmr > line - self.demotion_margin_mmr
            || i64::from(matches_in_tier) < i64::from(self.demotion_after_matches);
        if earned >= current || !stays { earned } else { current }
    }
}

/// Where a player stands in one mode and season.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// The rating.
    pub rating: Rating,
    /// The highest rating so far.
    pub peak: f64,
    /// Matches won.
    pub wins: i32,
    /// Matches lost.
    pub losses: i32,
    /// Matches drawn.
    pub draws: i32,
    /// Positive: wins in a row; negative: losses in a row.
    pub streak: i32,
    /// Kills in all matches.
    pub kills: i32,
    /// Deaths in all matches.
    pub deaths: i32,
    /// Assists in all matches.
    pub assists: i32,
    /// Matches to play before a rank is shown.
    pub placements_left: i32,
    /// Index of the tier; none until placed.
    pub tier: Option<i32>,
    /// Matches played in that tier.
    pub matches_in_tier: i32,
    /// The highest tier of the season.
    pub best_tier: Option<i32>,
    /// Whether they are not listed until the next match.
    pub lapsed: bool,
    /// When this rating was reached.
    pub reached_at: Timestamp,
    /// When the last match ended.
    pub last_match_at: Option<Timestamp>,
}

/// What a match was to one player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Performance {
    /// What it was to their team.
    pub outcome: Outcome,
    /// Kills.
    pub kills: i32,
    /// Deaths.
    pub deaths: i32,
    /// Assists.
    pub assists: i32,
}

impl Standing {
    /// Where a newcomer stands.
    pub fn new(params: &RatingParams, ladder: &Ladder, now: Timestamp) -> Self {
        let rating = params.start();
        Self {
            rating,
            peak: rating.value,
            wins: 0,
            losses: 0,
            draws: 0,
            streak: 0,
            kills: 0,
            deaths: 0,
            assists: 0,
            placements_left: ladder.placements_for(rating.deviation),
            tier: None,
            matches_in_tier: 0,
            best_tier: None,
            lapsed: false,
            reached_at: now,
            last_match_at: None,
        }
    }

    /// Where a player begins a season who stood so in an earlier one (rule 21): the rating is carried over whole, its
    /// uncertainty is what it has grown to, and `SEASON_DEVIATION_MIN` at least, and everything else begins anew.
    #[must_use]
    pub fn carried(&self, params: &RatingParams, ladder: &Ladder, starts_at: Timestamp) -> Self {
        let idle = self.last_match_at.map_or(0, |at| starts_at.since(at));
        let grown = aged(self.rating, idle, params);
        let deviation = grown.deviation.max(SEASON_DEVIATION_MIN);
        Self {
            rating: Rating { deviation, ..grown },
            peak: grown.value,
            placements_left: ladder.placements_for(grown.deviation),
            reached_at: starts_at,
            last_match_at: Some(starts_at),
            ..Self::new(params, ladder, starts_at)
        }
    }

    /// Whether any match counts for it.
    pub const fn has_played(&self) -> bool {
        self.wins + self.losses + self.draws > 0
    }

    /// Whether the placement matches are played.
    pub const fn is_placed(&self) -> bool {
        self.placements_left <= 0
    }

    /// Whether they have a place on the leaderboard: nobody has one before their first match, even where no placement
    /// matches are asked for.
    pub const fn is_listed(&self) -> bool {
        self.has_played() && self.is_placed() && !self.lapsed
    }

    /// From when on they are not listed unless they play; none: they always are.
    pub fn lapses_at(&self, params: &RatingParams, ladder: &Ladder) -> Option<Timestamp> {
        let last = self.last_match_at?;
        let days = i64::from(ladder.inactive_after_days);
        let idle = (days > 0).then_some(days.saturating_mul(DAY_MS as i64));
        let bound = ladder.unlisted_above_deviation;
        let unsure = (bound > 0.0).then(|| grows_beyond(self.rating, bound, params)).flatten();
        let first = idle.into_iter().chain(unsure).min();
        first.map(|ms| last.plus_ms(ms))
    }

    /// The same at that moment, if nothing happened until then.
    #[must_use]
    pub fn as_of(self, now: Timestamp, params: &RatingParams, ladder: &Ladder) -> Self {
        let lapsed = self.lapses_at(params, ladder).is_some_and(|at| at <= now);
        Self { lapsed, ..self }
    }

    /// The rating as it is shown.
    pub fn mmr(&self) -> i32 {
        shown(self.rating.value)
    }

    /// Where the player stands after a match that ended at `at` and moved the rating to `rating`.
    #[must_use]
    pub fn after_match(
        &self,
        rating: Rating,
        played: Performance,
        at: Timestamp,
        (params, ladder): (&RatingParams, &Ladder),
    ) -> Self {
        let count = |outcome| i32::from(played.outcome == outcome);
        let placements_left = (self.placements_left - 1).max(0);
        let tier = (placements_left == 0).then(|| match self.tier {
            Some(tier) => ladder.next_tier(tier, self.matches_in_tier, rating.value),
            None => ladder.index_for(rating.value),
        });
        let same_tier = tier == self.tier;
        let after = Self {
            rating,
            peak: self.peak.max(rating.value),
            wins: self.wins + count(Outcome::Win),
            losses: self.losses + count(Outcome::Loss),
            draws: self.draws + count(Outcome::Draw),
            streak: played.outcome.streak(self.streak),
            kills: self.kills.saturating_add(played.kills),
            deaths: self.deaths.saturating_add(played.deaths),
            assists: self.assists.saturating_add(played.assists),
            placements_left,
            tier,
            matches_in_tier: if same_tier { self.matches_in_tier.saturating_add(1) } else { 0 },
            best_tier: self.best_tier.max(self.tier).max(tier),
            lapsed: false,
            reached_at: if rating.value == self.rating.value { self.reached_at } else { at },
            last_match_at: Some(at),
        };
        after.as_of(at, params, ladder)
    }
}

/// A rating as it is shown: rounded to whole MMR.
pub fn shown(mmr: f64) -> i32 {
    mmr.round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// How players are numbered who are shown with the same MMR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// 1, 2, 3, 4: each has a place of their own.
    #[default]
    Ordinal,
    /// 1, 2, 2, 4: they share the best of their places.
    Competition,
    /// 1, 2, 2, 3: they share one, and the next follows at once.
    Dense,
}

/// What a player is ordered by (rule 20): the rating at full precision, then the lower uncertainty, then more wins, then
/// who reached it first, then the id. The best is the least.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// MMR at full precision.
    pub rating: f64,
    /// Its uncertainty.
    pub deviation: f64,
    /// Matches won.
    pub wins: i32,
    /// When the rating was reached.
    pub reached_at: Timestamp,
    /// Who.
    pub user: UserId,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        other
            .rating
            .total_cmp(&self.rating)
            .then_with(|| self.deviation.total_cmp(&other.deviation))
            .then_with(|| other.wins.cmp(&self.wins))
            .then_with(|| self.reached_at.cmp(&other.reached_at))
            .then_with(|| self.user.cmp(&other.user))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}
