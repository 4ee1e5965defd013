//! How results move ratings: Glicko-2, and its extension to teams.

/// How one mode rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatingParams {}
/// A player's rating in one mode and season.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    /// MMR at full precision.
    pub value: f64,
    /// One standard deviation, in MMR.
    pub deviation: f64,
    /// How erratic the player's results are (Glicko-2's σ).
    pub volatility: f64,
}
