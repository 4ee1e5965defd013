//! Who leads what, where a database server is shared and no Redis is. Time is the database's own.

use sea_orm::{
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::error::Result;

/// A row of `leases`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    /// What is led.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// By which instance.
    pub holder: String,
    /// Until when, in milliseconds since 1970.
    pub expires_at: i64,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Takes a lease that nobody holds at the time that `clock` gives, or renews one's own; says whether it is one's own.
pub async fn hold(
    db: &impl ConnectionTrait,
    clock: &'static str,
    (name, holder): (&str, &str),
    life_ms: i64,
) -> Result<bool> {
    let nobody =
        ActiveModel::from(Model { name: name.into(), holder: String::new(), expires_at: 0 });
    Entity::insert(nobody.reset_all())
        .on_conflict(OnConflict::column(Column::Name).do_nothing_on([Column::Name]).to_owned())
        .exec_without_returning(db)
        .await?;
    let done = Entity::update_many()
        .col_expr(Column::Holder, Expr::value(holder))
        .col_expr(Column::ExpiresAt, Expr::cust(clock).add(life_ms))
        .filter(Column::Name.eq(name))
        .filter(Column::Holder.eq(holder).or(Expr::col(Column::ExpiresAt).lte(Expr::cust(clock))))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Gives a lease back.
pub async fn release(db: &impl ConnectionTrait, name: &str, holder: &str) -> Result<()> {
    Entity::delete_many()
        .filter(Column::Name.eq(name))
        .filter(Column::Holder.eq(holder))
        .exec(db)
        .await?;
    Ok(())
}

/// Who holds a lease at the time that `clock` gives.
pub async fn holder(
    db: &impl ConnectionTrait,
    clock: &'static str,
    name: &str,
) -> Result<Option<String>> {
    let live = Entity::find_by_id(name)
        .filter(Expr::col(Column::ExpiresAt).gt(Expr::cust(clock)))
        .one(db)
        .await?;
    Ok(live.map(|row| row.holder))
}
