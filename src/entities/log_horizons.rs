//! How far back each durable log reaches: what was at or before the horizon is forgotten.

use sea_orm::{entity::prelude::*, sea_query::OnConflict};

use crate::{error::Result, game::event::Position};

/// A row of `log_horizons`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "log_horizons")]
pub struct Model {
    /// Which log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub log: String,
    /// The newest place that is forgotten.
    pub position: Position,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The horizon of a log; the very beginning where nothing was forgotten.
pub async fn of(db: &impl ConnectionTrait, log: &str) -> Result<Position> {
    Ok(Entity::find_by_id(log).one(db).await?.map_or(Position(0), |row| row.position))
}

/// Moves the horizon of a log.
pub async fn put(db: &impl ConnectionTrait, log: &str, position: Position) -> Result<()> {
    let row = ActiveModel::from(Model { log: log.into(), position }).reset_all();
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Log).update_column(Column::Position).to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}
