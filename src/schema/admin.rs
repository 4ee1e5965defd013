//! What moderators and admins do.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    modes::Season,
    scalars::DateTime,
    users::{Role, User},
};

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
}

/// The season that began.
#[derive(Debug, SimpleObject)]
pub struct StartSeasonPayload {
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
