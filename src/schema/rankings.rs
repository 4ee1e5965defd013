//! Standings, leaderboards and histories.

use async_graphql::SimpleObject;

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
        standing::{self, Place, shown},
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
}

impl From<rating_points::Model> for RatingPoint {
    fn from(row: rating_points::Model) -> Self {
        Self {
            mmr_before: shown(row.rating_before),
            mmr_after: shown(row.rating_after),
            at: DateTime(row.at),
            match_id: row.match_id,
        }
    }
}

connection!(RatingPointConnection, RatingPointEdge, RatingPoint);

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
