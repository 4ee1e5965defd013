//! Who has blocked whom: they are never matched.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::ExprTrait};

use crate::{
    error::Result,
    game::{ids::UserId, time::Timestamp},
};

/// A row of `blocks`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "blocks")]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Whom.
    #[sea_orm(primary_key, auto_increment = false)]
    pub blocked_id: UserId,
    /// Since when.
    pub created_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Whom these users have blocked.
pub async fn of_users(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.is_in(users.iter().copied())).all(db).await?)
}

/// Whom a user has blocked, the latest first.
pub async fn latest(db: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_desc(Column::CreatedAt)
        .order_by_asc(Column::BlockedId)
        .limit(limit)
        .all(db)
        .await?)
}

/// Takes a block away; false where there was none.
pub async fn remove(db: &impl ConnectionTrait, user: UserId, blocked: UserId) -> Result<bool> {
    let done = Entity::delete_by_id((user, blocked)).exec(db).await?;
    Ok(done.rows_affected == 1)
}

/// Forgets whom a user has blocked, and who has blocked them.
pub async fn forget(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user).or(Column::BlockedId.eq(user)))
        .exec(db)
        .await?;
    Ok(())
}
