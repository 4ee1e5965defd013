//! Failed sign-ins, which slow the next ones down: by a hash of the name that was tried, alone and with the network that
//! it was tried from. Names that nobody has are counted as well.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use super::{put_all, to_decide};
use crate::{error::Result, game::time::Timestamp};

/// A row of `login_failures`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "login_failures")]
pub struct Model {
    /// SHA-256 of what was tried, in hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// How many in a row.
    pub failures: i32,
    /// When the last of them was.
    pub last_at: Timestamp,
    /// Until when the next is refused.
    pub blocked_until: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The rows of these ids.
pub async fn of(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids)).all(db).await?)
}

/// The rows of these ids, which nobody else changes until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, ids: &[String]) -> Result<Vec<Model>> {
    let query = Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id);
    Ok(query.lock(to_decide(db)).all(db).await?)
}

/// Keeps these rows.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    let rows = rows.into_iter().map(|row| ActiveModel::from(row).reset_all()).collect();
    put_all(db, &[Column::Id], rows).await
}

/// Forgets a row.
pub async fn clear(db: &impl ConnectionTrait, id: &str) -> Result<()> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Forgets what was last counted before `before`.
pub async fn expire(db: &impl ConnectionTrait, before: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::LastAt.lt(before)).exec(db).await?;
    Ok(())
}
