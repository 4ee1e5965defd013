//! Standings, leaderboards and histories.

use async_graphql::{Enum, SimpleObject};

use super::{
    paging::{Cursor, connection},
    scalars::DateTime,
};
use crate::{
    entities::{rating_points, standings},
    game::{
        event,
        ids::{MatchId, SeasonId, UserId},
        mode::ModeId,
        rating::{Explanation, Met},
        standing::{self, Place, Ties, shown},
        time::DAY_MS,
    },
};

/// Where a player stands in one mode and season.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Standing {
    /// Matchmaking rating on the Elo scale: 1500 to start, 200 apart is about 76 % to win.
    pub mmr: i32,
    /// One standard deviation of the rating, in MMR.
    pub uncertainty: i32,
    /// The highest rating of the season.
    pub peak_mmr: i32,
    /// Matches to play before tier and rank are shown.
    pub placements_left: i32,
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
    /// When the last match ended.
    pub last_match_at: Option<DateTime>,
    /// Whether the player has a place on the leaderboard: placed, and not away for too long.
    pub listed: bool,
    /// From when on they are not listed unless they play; null: they always are.
    pub lapses_at: Option<DateTime>,
    /// Whose.
    #[graphql(skip)]
    pub user_id: UserId,
    /// In which mode.
    #[graphql(skip)]
    pub mode_id: ModeId,
    /// In which season.
    #[graphql(skip)]
    pub season_id: SeasonId,
    /// Index of the tier.
    #[graphql(skip)]
    pub tier_index: Option<i32>,
}

impl From<standings::Model> for Standing {
    fn from(row: standings::Model) -> Self {
        Self {
            mmr: shown(row.rating),
            uncertainty: shown(row.deviation),
            peak_mmr: shown(row.peak),
            placements_left: row.placements_left,
            wins: row.wins,
            losses: row.losses,
            draws: row.draws,
            streak: row.streak,
            kills: row.kills,
            deaths: row.deaths,
            assists: row.assists,
            last_match_at: row.last_match_at.map(DateTime),
            listed: row.placements_left <= 0 && !row.lapsed,
            lapses_at: row.lapses_at.map(DateTime),
            user_id: row.user_id,
            mode_id: row.mode,
            season_id: row.season_id,
            tier_index: row.tier,
        }
    }
}

/// A tier and division, such as Gold II.
#[derive(Clone, Debug, SimpleObject)]
pub struct Tier {
    /// Such as Gold.
    pub name: String,
    /// Null where the tier has no divisions.
    pub division: Option<i32>,
    /// Such as Gold II.
    pub label: String,
    /// Where it begins.
    pub min_mmr: i32,
}

impl From<&standing::Tier> for Tier {
    fn from(tier: &standing::Tier) -> Self {
        Self {
            name: tier.name.clone(),
            division: tier.division.map(Into::into),
            label: tier.label.clone(),
            min_mmr: shown(tier.min_mmr),
        }
    }
}

/// A change of a player's rating.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct RatingPoint {
    /// Rating before.
    pub mmr_before: i32,
    /// Rating after.
    pub mmr_after: i32,
    /// When.
    pub at: DateTime,
    /// The match that did it.
    #[graphql(skip)]
    pub match_id: MatchId,
    /// Whose.
    #[graphql(skip)]
    pub user_id: UserId,
}

impl From<rating_points::Model> for RatingPoint {
    fn from(row: rating_points::Model) -> Self {
        Self {
            mmr_before: shown(row.rating_before),
            mmr_after: shown(row.rating_after),
            at: DateTime(row.at),
            match_id: row.match_id,
            user_id: row.user_id,
        }
    }
}

connection!(RatingPointConnection, RatingPointEdge, RatingPoint);

/// Why a rating changed. Glicko-2 for a player rated 1500, with `uncertaintyAtMatch` and `volatilityBefore`, who met opponents
/// rated 1500 less each `ratingDifference`, gives a change of rating and of squared uncertainty; the player takes `share` of
/// both.
#[derive(Clone, Debug, SimpleObject)]
pub struct RatingExplanation {
    /// Rating before, not rounded.
    pub rating_before: f64,
    /// Rating after, not rounded.
    pub rating_after: f64,
    /// By how much the shown change differs from the real one, because both ratings are shown rounded.
    pub rounding: f64,
    /// Uncertainty after the match before, in MMR (Glicko-2's RD).
    pub uncertainty_before: f64,
    /// What it had grown to when this match ended.
    pub uncertainty_at_match: f64,
    /// Uncertainty after.
    pub uncertainty_after: f64,
    /// Days without a match.
    pub idle_days: f64,
    /// Volatility before (Glicko-2's sigma).
    pub volatility_before: f64,
    /// Volatility after.
    pub volatility_after: f64,
    /// What was expected, on the mean of all opponents: 1 is a sure win.
    pub expected_score: f64,
    /// What came of it, on the mean of all opponents.
    pub score: f64,
    /// The part of the team's change that the player takes.
    pub share: f64,
    /// The other teams.
    pub opponents: Vec<RatedOpponent>,
}

/// Another team, as it counted for a rating.
#[derive(Clone, Debug, SimpleObject)]
pub struct RatedOpponent {
    /// Which, from 0.
    pub team_index: i32,
    /// How much better the own team is rated, in MMR, as it counts.
    pub rating_difference: f64,
    /// The other team's uncertainty, in MMR.
    pub uncertainty: f64,
    /// What was expected: 1 is a sure win.
    pub expected_score: f64,
    /// 1 a win, 0.5 a draw, 0 a loss.
    pub score: f64,
}

impl RatingExplanation {
    /// The explanation of that change.
    pub fn new(point: &rating_points::Model, why: &Explanation) -> Self {
        let opponents = why.met.iter().map(|met| RatedOpponent {
            team_index: i32::try_from(met.team).unwrap_or(i32::MAX),
            rating_difference: met.gap,
            uncertainty: met.deviation,
            expected_score: met.expected,
            score: met.score,
        });
        let mean =
            |of: fn(&Met) -> f64| why.met.iter().map(of).sum::<f64>() / why.met.len().max(1) as f64;
        let shown_change = shown(point.rating_after) - shown(point.rating_before);
        Self {
            rating_before: point.rating_before,
            rating_after: point.rating_after,
            rounding: f64::from(shown_change) - (point.rating_after - point.rating_before),
            uncertainty_before: point.deviation_before,
            uncertainty_at_match: why.at_match.deviation,
            uncertainty_after: point.deviation_after,
            idle_days: point.idle_ms.unwrap_or(0) as f64 / DAY_MS,
            volatility_before: point.volatility_before,
            volatility_after: point.volatility_after,
            expected_score: mean(|met| met.expected),
            score: mean(|met| met.score),
            share: why.share,
            opponents: opponents.collect(),
        }
    }
}

/// How players are numbered who are shown with the same MMR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub enum TieMode {
    /// 1, 2, 3, 4: each has a place of their own, by uncertainty, wins, and who reached the rating first.
    #[default]
    Ordinal,
    /// 1, 2, 2, 4: they share the best of their places.
    Competition,
    /// 1, 2, 2, 3: they share one, and the next follows at once.
    Dense,
}

impl From<TieMode> for Ties {
    fn from(mode: TieMode) -> Self {
        match mode {
            TieMode::Ordinal => Self::Ordinal,
            TieMode::Competition => Self::Competition,
            TieMode::Dense => Self::Dense,
        }
    }
}

/// A line of a leaderboard.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct LeaderboardEntry {
    /// 1 is first; within the region where one was asked for.
    pub rank: i32,
    /// The rating that the order is made of.
    pub mmr: i32,
    /// Who.
    #[graphql(skip)]
    pub user_id: UserId,
    /// In which mode.
    #[graphql(skip)]
    pub mode_id: ModeId,
    /// In which season.
    #[graphql(skip)]
    pub season_id: SeasonId,
}

impl LeaderboardEntry {
    /// A place on the leaderboard of that mode and season.
    pub fn new(rank: i32, place: &Place, mode_id: ModeId, season_id: SeasonId) -> Self {
        Self { rank, mmr: shown(place.rating), user_id: place.user, mode_id, season_id }
    }
}

connection!(
    LeaderboardConnection,
    LeaderboardEdge,
    LeaderboardEntry,
    /// How many stand on the leaderboard.
    total_count: i32
);

/// A change of a player's rating or place.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct RankChange {
    /// Where it stands in the log, for `after`.
    pub cursor: String,
    /// Rating before.
    pub mmr_before: i32,
    /// Rating after.
    pub mmr_after: i32,
    /// Place before, 1 is first; null while not placed.
    pub rank_before: Option<i32>,
    /// Place after; null while not placed.
    pub rank_after: Option<i32>,
    /// When.
    pub at: DateTime,
    /// As it is logged.
    #[graphql(skip)]
    pub change: event::RankChange,
}

impl From<event::RankChange> for RankChange {
    fn from(change: event::RankChange) -> Self {
        Self {
            cursor: change.position.encode(),
            mmr_before: change.mmr_before,
            mmr_after: change.mmr_after,
            rank_before: change.rank_before,
            rank_after: change.rank_after,
            at: DateTime(change.at),
            change,
        }
    }
}
