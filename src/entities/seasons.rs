//! Seasons.

use sea_orm::{QueryOrder, entity::prelude::*, sea_query::Expr};

use crate::{
    error::Result,
    game::{ids::SeasonId, time::Timestamp},
};

/// A row of `seasons`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "seasons")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SeasonId,
    /// For people.
    pub name: String,
    /// When it began.
    pub starts_at: Timestamp,
    /// When it ended, or is to end.
    pub ends_at: Option<Timestamp>,
    /// 1 for the current season, null for the others.
    pub current_key: Option<i32>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The current season; none only before the very first start.
pub async fn current(db: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::CurrentKey.eq(1)).one(db).await?)
}

/// Every season, newest first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>> {
    Ok(Entity::find().order_by_desc(Column::Id).all(db).await?)
}

/// The season of that id.
pub async fn by_id(db: &impl ConnectionTrait, id: SeasonId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// Moves a season's start back to that time; one that began earlier stays.
pub async fn begin_by(db: &impl ConnectionTrait, id: SeasonId, at: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::StartsAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .filter(Column::StartsAt.gt(at))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends the current season, so that another can be.
pub async fn end_current(db: &impl ConnectionTrait, at: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::EndsAt, Expr::value(at))
        .col_expr(Column::CurrentKey, Expr::value(None::<i32>))
        .filter(Column::CurrentKey.eq(1))
        .exec(db)
        .await?;
    Ok(())
}
