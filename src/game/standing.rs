//! Where a player stands.

/// Tiers and placements.
#[derive(Clone, Debug)]
pub struct Ladder {}
