//! Orders the players of each mode and season (rule 20), and says who stands where.

mod blocks;
mod board;
pub mod local;
pub mod mirror;

use async_trait::async_trait;

use crate::{
    error::Result,
    game::{
        event::PlayerMove,
        ids::{SeasonId, UserId},
        mode::{Home, ModeId, Scope},
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

/// How many stand above everybody who is shown with one MMR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Above {
    /// Players who are shown with a higher one.
    pub players: usize,
    /// Different higher ones.
    pub ratings: usize,
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

    /// How many of a scope stand before that place, which nobody needs to hold.
    async fn ahead_of(&self, board: &BoardId, scope: &Scope, place: &Place) -> Result<usize>;

    /// How many of a scope are shown with more than that MMR.
    async fn above(&self, board: &BoardId, scope: &Scope, mmr: i32) -> Result<Above>;

    /// The places of a scope from the `from`-th (0 is first) on, best first.
    async fn page(
        &self,
        board: &BoardId,
        scope: &Scope,
        from: usize,
        limit: usize,
    ) -> Result<Vec<Place>>;

    /// How many of a scope are placed.
    async fn len(&self, board: &BoardId, scope: &Scope) -> Result<usize>;

    /// Gives a player another home, on every board.
    async fn set_home(&self, user: UserId, home: Home) -> Result<()>;

    /// Makes a board anew.
    async fn rebuild(&self, board: &BoardId, places: Vec<(Place, Home)>) -> Result<()>;
}
