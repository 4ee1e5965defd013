//! What can be played, where, and when.

use async_graphql::{ID, SimpleObject};

use super::scalars::DateTime;
use crate::{
    entities::seasons,
    game::{
        ids::SeasonId,
        mode::{self, ModeId, RegionId},
    },
};

/// A way to play.
#[derive(Clone, Debug, SimpleObject)]
pub struct Mode {
    /// Such as 1v1.
    pub id: ModeId,
    /// For people.
    pub name: String,
    /// Players in a team.
    pub team_size: i32,
    /// Teams in a match.
    pub team_count: i32,
    /// Seconds a ready check stays open; 0 where the mode has none.
    pub ready_check_seconds: i32,
}

impl From<&mode::Mode> for Mode {
    fn from(mode: &mode::Mode) -> Self {
        Self {
            id: mode.id.clone(),
            name: mode.name.clone(),
            team_size: mode.pairing.team_size.into(),
            team_count: mode.pairing.team_count.into(),
            ready_check_seconds: i32::try_from(mode.ready_check_ms / 1000).unwrap_or(i32::MAX),
        }
    }
}

/// A place where matches are hosted.
#[derive(Clone, Debug, SimpleObject)]
pub struct Region {
    /// Such as eu-west.
    pub id: RegionId,
    /// For people.
    pub name: String,
}

impl From<&mode::Region> for Region {
    fn from(region: &mode::Region) -> Self {
        Self { id: region.id.clone(), name: region.name.clone() }
    }
}

/// A stretch of time with standings of its own.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Season {
    /// Its id.
    pub id: ID,
    /// For people.
    pub name: String,
    /// When it began.
    pub starts_at: DateTime,
    /// When it ended, or is to end.
    pub ends_at: Option<DateTime>,
    /// Whether matches count for it now.
    pub is_current: bool,
    /// Which.
    #[graphql(skip)]
    pub key: SeasonId,
}

impl From<seasons::Model> for Season {
    fn from(row: seasons::Model) -> Self {
        Self {
            id: row.id.to_string().into(),
            name: row.name,
            starts_at: DateTime(row.starts_at),
            ends_at: row.ends_at.map(DateTime),
            is_current: row.current_key.is_some(),
            key: row.id,
        }
    }
}
