//! Tokens that grow whenever leadership changes hands: what a leader writes counts only while its token is the newest.

use sea_orm::{
    QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::to_decide;
use crate::error::Result;

/// A row of `fences`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "fences")]
pub struct Model {
    /// What is led.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The newest leader's token.
    pub token: i64,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A token that is greater than every one before.
pub async fn next(db: &impl ConnectionTrait, name: &str) -> Result<i64> {
    let first = ActiveModel::from(Model { name: name.into(), token: 0 }).reset_all();
    Entity::insert(first)
        .on_conflict(OnConflict::column(Column::Name).do_nothing_on([Column::Name]).to_owned())
        .exec_without_returning(db)
        .await?;
    Entity::update_many()
        .col_expr(Column::Token, Expr::col(Column::Token).add(1))
        .filter(Column::Name.eq(name))
        .exec(db)
        .await?;
    Ok(newest(db, name).await?.unwrap_or_default())
}

/// The newest token, which stays the newest until the transaction ends.
pub async fn newest(db: &impl ConnectionTrait, name: &str) -> Result<Option<i64>> {
    let row = Entity::find_by_id(name).lock(to_decide(db)).one(db).await?;
    Ok(row.map(|row| row.token))
}
