//! What moderators and admins do.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    modes::{Mode, Season},
    scalars::DateTime,
    users::{Role, User},
};

use crate::game::season::Preview;

/// A new credential for a game server.
#[derive(Debug, InputObject)]
pub struct CreateServerKeyInput {
    /// For people: 1 to 100 characters.
    pub name: String,
}

/// The new credential.
#[derive(Debug, SimpleObject)]
pub struct CreateServerKeyPayload {
    /// Its id, for revoking it.
    pub id: ID,
    /// For people.
    pub name: String,
    /// The key, shown this once: `Authorization: Bearer rhk_…`.
    pub key: String,
}

/// A credential to take back.
#[derive(Debug, InputObject)]
pub struct RevokeServerKeyInput {
    /// Which.
    pub id: ID,
}

/// The credential that was taken back.
#[derive(Debug, SimpleObject)]
pub struct RevokeServerKeyPayload {
    /// Which.
    pub id: ID,
}

/// The next season.
#[derive(Debug, InputObject)]
pub struct StartSeasonInput {
    /// For people: 1 to 100 characters, unlike that of any other season.
    pub name: String,
    /// When it is to end by itself; null: when another is started.
    pub ends_at: Option<DateTime>,
    /// Only says what would happen: nothing is changed.
    #[graphql(default)]
    pub dry_run: bool,
}

/// The season that began.
#[derive(Debug, SimpleObject)]
pub struct StartSeasonPayload {
    /// The season; in a dry run as it would begin, with an id that nothing has.
    pub season: Season,
    /// In a dry run: what it would do to the players of each mode.
    pub preview: Option<Vec<SeasonPreview>>,
}

/// What the beginning of a season does to the players of a mode.
#[derive(Debug, SimpleObject)]
pub struct SeasonPreview {
    /// Of which mode.
    pub mode: Mode,
    /// Players whose rating is carried over.
    pub players: i32,
    /// Of those, how many leave a leaderboard that they are listed on.
    pub listed: i32,
    /// Of those, how many need only the short placements.
    pub short_placements: i32,
    /// Their mean uncertainty now, in MMR.
    pub uncertainty_before: f64,
    /// Their mean uncertainty as they begin, in MMR.
    pub uncertainty_after: f64,
    /// Matches that are not over: they count for the season that ends.
    pub open_matches: i32,
}

impl From<Preview> for SeasonPreview {
    fn from(preview: Preview) -> Self {
        let count = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
        Self {
            mode: (&*preview.mode).into(),
            players: count(preview.players),
            listed: count(preview.listed),
            short_placements: count(preview.short_placements),
            uncertainty_before: preview.deviation.0,
            uncertainty_after: preview.deviation.1,
            open_matches: count(preview.open_matches),
        }
    }
}

/// When the current season ends.
#[derive(Debug, InputObject)]
pub struct PlanSeasonEndInput {
    /// When; null: when another is started.
    pub ends_at: Option<DateTime>,
    /// What the next season is called then: 1 to 100 characters; null: by its number.
    pub next_name: Option<String>,
}

/// The current season.
#[derive(Debug, SimpleObject)]
pub struct PlanSeasonEndPayload {
    /// The season.
    pub season: Season,
}

/// A suspension.
#[derive(Debug, InputObject)]
pub struct SuspendUserInput {
    /// Who.
    pub user_id: ID,
    /// Null: until lifted; a time in the past lifts it.
    pub until: Option<DateTime>,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

/// Who was suspended.
#[derive(Debug, SimpleObject)]
pub struct SuspendUserPayload {
    /// The user.
    pub user: User,
}

/// Another role.
#[derive(Debug, InputObject)]
pub struct SetRoleInput {
    /// Whose.
    pub user_id: ID,
    /// Which.
    pub role: Role,
}

/// Whose role was changed.
#[derive(Debug, SimpleObject)]
pub struct SetRolePayload {
    /// The user.
    pub user: User,
}

/// Whose queue lock to lift.
#[derive(Debug, InputObject)]
pub struct LiftQueueLockInput {
    /// Who.
    pub user_id: ID,
    /// Why: 1 to 500 characters.
    pub reason: Option<String>,
}

/// What lifting did.
#[derive(Debug, SimpleObject)]
pub struct LiftQueueLockPayload {
    /// False where there was nothing to lift.
    pub lifted: bool,
}

/// What reading the settings again did.
#[derive(Debug, SimpleObject)]
pub struct ReloadMatchmakingPayload {
    /// False where they say what they said before.
    pub changed: bool,
}
