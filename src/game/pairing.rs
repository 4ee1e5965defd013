//! Who plays whom.

/// Who may play whom in one mode.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Players in a team.
    pub team_size: u8,
    /// Teams in a match.
    pub team_count: u8,
}
