//! What nobody can take for a while, by keyed hashes that tell nobody what they are of.

use sea_orm::{QueryOrder, entity::prelude::*};

use super::put_all;
use crate::{error::Result, game::time::Timestamp};

/// A row of `barred`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "barred")]
pub struct Model {
    /// What it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// Its keyed hash.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mark: String,
    /// Until when.
    pub until_ms: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Bars what has these marks.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    let rows = rows.into_iter().map(ActiveModel::from).collect();
    put_all(db, &[Column::Kind, Column::Mark], rows).await
}

/// Until when something that has one of these marks is barred; none: it is not.
pub async fn until(
    db: &impl ConnectionTrait,
    kind: &str,
    marks: Vec<String>,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let found = Entity::find()
        .filter(Column::Kind.eq(kind))
        .filter(Column::Mark.is_in(marks))
        .filter(Column::UntilMs.gt(now))
        .order_by_desc(Column::UntilMs)
        .one(db)
        .await?;
    Ok(found.map(|row| row.until_ms))
}

/// Forgets what is barred no more.
pub async fn expire(db: &impl ConnectionTrait, now: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::UntilMs.lte(now)).exec(db).await?;
    Ok(())
}

/// Bars what has one of these marks no more; whether anything was.
pub async fn lift(db: &impl ConnectionTrait, kind: &str, marks: Vec<String>) -> Result<bool> {
    let of_kind = Entity::delete_many().filter(Column::Kind.eq(kind));
    Ok(of_kind.filter(Column::Mark.is_in(marks)).exec(db).await?.rows_affected > 0)
}
