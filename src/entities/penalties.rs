//! Who left or declined matches, and until when they may not queue.

use sea_orm::{QuerySelect, entity::prelude::*};

use super::{put_all, to_decide};
use crate::{
    error::Result,
    game::{
        ids::UserId,
        penalty::{Misdeed, Record},
        time::Timestamp,
    },
};

/// A row of `penalties`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "penalties")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// How far up the ladder of penalties, when it was last changed.
    pub steps: i32,
    /// When that was.
    pub last_at: Timestamp,
    /// Until when they may not queue.
    pub locked_until: Timestamp,
    /// For what.
    pub reason: Misdeed,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What the rules know of it.
    pub const fn record(&self) -> Record {
        Record { steps: self.steps.unsigned_abs(), last_at: self.last_at }
    }
}

/// The penalties of these users.
pub async fn of_users(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.is_in(users.iter().copied())).all(db).await?)
}

/// The penalties of these users, which nobody else changes until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<Model>> {
    let of_these = Column::UserId.is_in(users.iter().copied());
    Ok(Entity::find().filter(of_these).lock(to_decide(db)).all(db).await?)
}

/// Stores penalties as they are now.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    let rows = rows.into_iter().map(|row| ActiveModel::from(row).reset_all()).collect();
    put_all(db, &[Column::UserId], rows).await
}

/// Forgets what a user did.
pub async fn forget(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_by_id(user).exec(db).await?;
    Ok(())
}
