//! Seasons.

use std::sync::Arc;

use super::mode::Mode;

/// What the beginning of a season does to the players of a mode.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Of which mode.
    pub mode: Arc<Mode>,
    /// Players whose rating is carried over from this season.
    pub players: u64,
    /// Of those, how many have a place on the leaderboard now.
    pub listed: u64,
    /// Of those, how many need only the short placements.
    pub short_placements: u64,
    /// Their mean uncertainty now, in MMR, and as they begin.
    pub deviation: (f64, f64),
    /// Matches that are not over: they count for the season that ends.
    pub open_matches: u64,
}
