//! Where everybody stood at the end of a season, as they were told.

use std::collections::HashSet;

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use super::put_all;
use crate::{
    error::Result,
    game::{
        ids::{SeasonId, UserId},
        mode::ModeId,
        time::Timestamp,
    },
};

/// A row of `season_results`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "season_results")]
pub struct Model {
    /// Which season.
    #[sea_orm(primary_key, auto_increment = false)]
    pub season_id: SeasonId,
    /// In which mode.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mode: ModeId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Place, 1 is first.
    pub rank: i32,
    /// Rounded rating.
    pub mmr: i32,
    /// Such as Gold II.
    pub tier: Option<String>,
    /// When they were told.
    pub told_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Who was told.
pub async fn told(
    db: &impl ConnectionTrait,
    season: SeasonId,
    mode: &ModeId,
) -> Result<HashSet<UserId>> {
    let users: Vec<UserId> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .filter(Column::SeasonId.eq(season))
        .filter(Column::Mode.eq(mode.clone()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(users.into_iter().collect())
}

/// Stores who is told.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    let key = [Column::SeasonId, Column::Mode, Column::UserId];
    put_all(db, &key, rows.into_iter().map(ActiveModel::from).collect()).await
}

/// Where a user stood at the ends of seasons.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    let theirs = Entity::find().filter(Column::UserId.eq(user));
    Ok(theirs.order_by_asc(Column::ToldAt).order_by_asc(Column::Mode).all(db).await?)
}
