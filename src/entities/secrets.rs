//! Secrets that all instances share where none was given to them.

use sea_orm::{
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use crate::error::Result;

/// A row of `secrets`.
#[derive(Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "secrets")]
pub struct Model {
    /// What for.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The secret.
    pub value: String,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("name", &self.name).finish_non_exhaustive()
    }
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The secret of that name: the one that is there, or `fresh` where none is.
pub async fn kept(db: &impl ConnectionTrait, name: &str, fresh: String) -> Result<String> {
    let row = ActiveModel::from(Model { name: name.into(), value: fresh.clone() }).reset_all();
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Name).do_nothing_on([Column::Name]).to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(Entity::find_by_id(name).one(db).await?.map_or(fresh, |row| row.value))
}

/// The secret of that name, where there is one.
pub async fn get(db: &impl ConnectionTrait, name: &str) -> Result<Option<String>> {
    Ok(Entity::find_by_id(name).one(db).await?.map(|row| row.value))
}

/// Puts another secret in the place of one, unless that is no longer there.
pub async fn replace(db: &impl ConnectionTrait, name: &str, old: &str, new: String) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Value, Expr::value(new))
        .filter(Column::Name.eq(name))
        .filter(Column::Value.eq(old))
        .exec(db)
        .await?;
    Ok(())
}
