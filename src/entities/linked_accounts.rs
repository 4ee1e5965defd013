//! Accounts at other services that people sign in with.

use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{
    error::Result,
    game::{ids::UserId, time::Timestamp},
};

/// A row of `linked_accounts`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "linked_accounts")]
pub struct Model {
    /// Where, such as `twitch`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider: String,
    /// Who they are there, for good.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    /// Who they are here.
    pub user_id: UserId,
    /// What they were called there when they last signed in.
    pub name: String,
    /// JSON, encrypted: what the service gave to act in their name.
    pub tokens: String,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// When it was last signed in with.
    pub last_used_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The account there, where somebody has linked it.
pub async fn by_subject(
    db: &impl ConnectionTrait,
    provider: &str,
    subject: &str,
) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((provider.to_owned(), subject.to_owned())).one(db).await?)
}

/// What somebody has linked, the oldest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    let query = Entity::find().filter(Column::UserId.eq(user));
    Ok(query.order_by_asc(Column::LinkedAt).order_by_asc(Column::Provider).all(db).await?)
}

/// Unlinks one account of somebody, or all where none is named; says how many there were.
pub async fn unlink(
    db: &impl ConnectionTrait,
    user: UserId,
    provider: Option<&str>,
) -> Result<u64> {
    let mut query = Entity::delete_many().filter(Column::UserId.eq(user));
    if let Some(provider) = provider {
        query = query.filter(Column::Provider.eq(provider));
    }
    Ok(query.exec(db).await?.rows_affected)
}
