//! Sign-ins at other services that are under way; each is finished once.

use sea_orm::entity::prelude::*;

use crate::{
    error::Result,
    game::{ids::UserId, time::Timestamp},
};

/// A row of `oauth_flows`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "oauth_flows")]
pub struct Model {
    /// SHA-256 of what the service sends back, in hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    /// SHA-256 of what only the client that began it has, in hex.
    pub secret_hash: String,
    /// Where, such as `twitch`.
    pub provider: String,
    /// For whom it is linked; none: to sign in.
    pub user_id: Option<UserId>,
    /// The verifier of its code challenge (PKCE), encrypted.
    pub verifier: String,
    /// Where the service sends the client back to.
    pub redirect_uri: String,
    /// When it runs out.
    pub expires_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The flow of that state.
pub async fn of_state(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(hash).one(db).await?)
}

/// Ends a flow; false when somebody was first.
pub async fn take(db: &impl ConnectionTrait, hash: &str) -> Result<bool> {
    Ok(Entity::delete_by_id(hash).exec(db).await?.rows_affected == 1)
}

/// Ends what somebody has under way.
pub async fn forget(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}

/// Forgets flows that ran out before `before`.
pub async fn expire(db: &impl ConnectionTrait, before: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(db).await?;
    Ok(())
}

/// Links that a user has begun and not finished.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user)).all(db).await?)
}
