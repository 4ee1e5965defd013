//! Accounts that were deleted, whose name the outbox may still hold.

use sea_orm::{QuerySelect, entity::prelude::*, sea_query::Expr};

use crate::{
    error::Result,
    game::{ids::UserId, time::Timestamp},
};

/// A row of `erasures`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "erasures")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The name that it had.
    pub was: String,
    /// When it was deleted.
    pub at: Timestamp,
    /// Up to which number the outbox was gone through.
    pub upto: i64,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Some of what is to be erased.
pub async fn some(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Model>> {
    Ok(Entity::find().limit(limit).all(db).await?)
}

/// The outbox was gone through up to there.
pub async fn advance(db: &impl ConnectionTrait, user: UserId, upto: i64) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Upto, Expr::value(upto))
        .filter(Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// Nothing is left to erase.
pub async fn done(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}
