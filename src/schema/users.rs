//! People.

use async_graphql::{Enum, ID, InputObject, MaybeUndefined, OneofObject, SimpleObject};

use super::{moderation::Suspension, paging::connection, scalars::DateTime};
use crate::{
    entities::users,
    game::{accounts, ids::UserId, mode::RegionId, time::Timestamp},
};

/// What an account may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "accounts::Role")]
pub enum Role {
    /// Plays.
    Player,
    /// Also suspends players.
    Moderator,
    /// Also everything else.
    Admin,
}

/// What a player is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub enum Presence {
    /// Not here.
    Offline,
    /// Here.
    Online,
    /// Waiting for a match.
    InQueue,
    /// Playing.
    InMatch,
}

/// A person with an account.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct User {
    /// Their id.
    pub id: ID,
    /// Their name, unique without regard to case.
    pub username: String,
    /// What they may do.
    pub role: Role,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// An https address.
    pub avatar_url: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// When the account was made.
    pub created_at: DateTime,
    /// The id as the rules know it.
    #[graphql(skip)]
    pub key: UserId,
    /// Shown to some.
    #[graphql(skip)]
    pub private_email: String,
    /// Whether somebody proved to have the address.
    #[graphql(skip)]
    pub verified: bool,
    /// When the account is to be deleted.
    #[graphql(skip)]
    pub deletion: Option<DateTime>,
    /// Why they may not sign in.
    #[graphql(skip)]
    pub suspended: Option<Suspension>,
    /// Whether the viewer has just proved to be this user.
    #[graphql(skip)]
    pub own: bool,
    /// Where they play by default.
    #[graphql(skip)]
    pub home: Option<RegionId>,
}

impl From<users::Model> for User {
    fn from(row: users::Model) -> Self {
        let suspended = row.suspended_until.map(|until| Suspension {
            until: (until != Timestamp::FOREVER).then_some(DateTime(until)),
            reason: row.suspended_reason.clone().unwrap_or_default(),
        });
        let no_address = row.has_no_address();
        Self {
            suspended,
            verified: row.email_verified_at.is_some(),
            deletion: row.deletes_at.filter(|_| row.deleted_at.is_none()).map(DateTime),
            id: row.id.to_string().into(),
            username: row.username,
            role: row.role.into(),
            country: row.country,
            avatar_url: row.avatar_url,
            bio: row.bio,
            created_at: DateTime(row.created_at),
            key: row.id,
            private_email: if no_address { String::new() } else { row.email },
            own: false,
            home: row.region,
        }
    }
}

connection!(UserConnection, UserEdge, User);

/// Names one user.
#[derive(Debug, OneofObject)]
pub enum UserBy {
    /// By id.
    Id(ID),
    /// By name, in any case.
    Username(String),
}

/// What to change; what is left out stays, null takes away.
#[derive(Debug, InputObject)]
pub struct UpdateProfileInput {
    /// Where they play by default.
    pub region: MaybeUndefined<RegionId>,
    /// ISO 3166-1 alpha-2.
    pub country: MaybeUndefined<String>,
    /// An https address of 500 characters at most.
    pub avatar_url: MaybeUndefined<String>,
    /// 500 characters at most.
    pub bio: MaybeUndefined<String>,
}

/// The changed profile.
#[derive(Debug, SimpleObject)]
pub struct UpdateProfilePayload {
    /// The viewer.
    pub user: User,
}

/// Somebody to be kept from.
#[derive(Debug, InputObject)]
pub struct BlockUserInput {
    /// Who.
    pub user_id: ID,
}

/// Who is blocked now.
#[derive(Debug, SimpleObject)]
pub struct BlockUserPayload {
    /// The other.
    pub user: User,
}

/// What unblocking did.
#[derive(Debug, SimpleObject)]
pub struct UnblockUserPayload {
    /// False where there was no block.
    pub unblocked: bool,
}
