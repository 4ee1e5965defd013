//! Orders the players of each mode and season (rule 20), and says who stands where.

mod blocks;
mod board;
pub mod local;

use async_trait::async_trait;

use crate::{
    error::Result,
    game::{
        event::PlayerMove,
        ids::{SeasonId, UserId},
        mode::{ModeId, RegionId},
        standing::Place,
    },
};

/// Which leaderboard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BoardId {
    /// Of which mode.
    pub mode: ModeId,
    /// Of which season.
    pub season: SeasonId,
}

/// A player whose place changed without playing.
#[derive(Clone, Debug, PartialEq)]
pub struct Shift {
    /// Who, and by what they are ordered.
    pub place: Place,
    /// Place before, 1 is first.
    pub before: i32,
    /// Place after.
    pub after: i32,
}

/// What a result did to a board.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moved {
    /// Places before and after of those who played, in the order of the moves; none while not placed.
    pub players: Vec<(Option<i32>, Option<i32>)>,
    /// The others whose place changed; empty where more than [`Ladder::SHIFTS_MAX`] places are touched.
    pub shifts: Vec<Shift>,
}

/// More touched places than this are not told one by one.
pub const SHIFTS_MAX: usize = 256;

/// An index of places. It holds the current season, can be made again from the standings, and is asked with no more
/// than a few microseconds of work.
#[async_trait]
pub trait Ladder: Send + Sync {
    /// Moves players. Submitting the same moves again changes nothing.
    async fn submit(&self, board: &BoardId, moves: &[PlayerMove]) -> Result<Moved>;

    /// A player's place, 1 is first; none while not placed.
    async fn rank(&self, board: &BoardId, user: UserId) -> Result<Option<i32>>;

    /// What a player is ordered by; none while not placed.
    async fn place(&self, board: &BoardId, user: UserId) -> Result<Option<Place>>;

    /// How many stand before that place, which nobody needs to hold: in a region, or in all.
    async fn ahead_of(
        &self,
        board: &BoardId,
        region: Option<&RegionId>,
        place: &Place,
    ) -> Result<usize>;

    /// The places from the `from`-th (0 is first) on, best first: of a region, or of all.
    async fn page(
        &self,
        board: &BoardId,
        region: Option<&RegionId>,
        from: usize,
        limit: usize,
    ) -> Result<Vec<Place>>;

    /// How many are placed: in a region, or in all.
    async fn len(&self, board: &BoardId, region: Option<&RegionId>) -> Result<usize>;

    /// Moves a player to another region, on every board.
    async fn set_region(&self, user: UserId, region: Option<RegionId>) -> Result<()>;

    /// Makes a board anew.
    async fn rebuild(&self, board: &BoardId, places: Vec<(Place, Option<RegionId>)>) -> Result<()>;
}
