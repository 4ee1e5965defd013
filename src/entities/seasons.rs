//! Seasons.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, LockType},
};

use super::to_decide;
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
    /// JSON: the tiers and bounds that it was begun with; none in seasons that are older than this is kept.
    pub rules: Option<String>,
    /// What the next one is to be called.
    pub next_name: Option<String>,
    /// When everybody was told where they stood at its end.
    pub settled_at: Option<Timestamp>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The current season; none only before the very first start.
pub async fn current(db: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::CurrentKey.eq(1)).one(db).await?)
}

/// The current season, which nobody else ends until the transaction ends.
pub async fn lock_current(db: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::CurrentKey.eq(1)).lock(to_decide(db)).one(db).await?)
}

/// Keeps corrections of a season, and its end, away until the transaction ends; others may do the same.
pub async fn share(db: &impl ConnectionTrait, id: SeasonId) -> Result<()> {
    Entity::find_by_id(id).lock(LockType::Share).one(db).await?;
    Ok(())
}

/// Keeps everybody else away from a season's ratings until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: SeasonId) -> Result<()> {
    Entity::find_by_id(id).lock(to_decide(db)).one(db).await?;
    Ok(())
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

/// Plans the end of the current season; none: there is no plan.
pub async fn plan_end(
    db: &impl ConnectionTrait,
    at: Option<Timestamp>,
    next_name: Option<&str>,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::EndsAt, Expr::value(at))
        .col_expr(Column::NextName, Expr::value(next_name))
        .filter(Column::CurrentKey.eq(1))
        .exec(db)
        .await?;
    Ok(())
}

/// Ended seasons of which not everybody was told where they stood, oldest first.
pub async fn unsettled(db: &impl ConnectionTrait) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::CurrentKey.is_null())
        .filter(Column::SettledAt.is_null())
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// Everybody was told.
pub async fn settle(db: &impl ConnectionTrait, id: SeasonId, now: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SettledAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// The seasons after this one, in order.
pub async fn behind(db: &impl ConnectionTrait, id: SeasonId) -> Result<Vec<SeasonId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.gt(id))
        .order_by_asc(Column::Id)
        .into_tuple()
        .all(db)
        .await?)
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
