//! What is picked how often, by day.

use sea_orm::{
    JoinType, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{match_players, matches};
use crate::{
    error::Result,
    game::{matches::MatchStatus, mode::ModeId, time::Timestamp},
};

/// A row of `hero_pick_rates`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "hero_pick_rates")]
pub struct Model {
    /// In which mode.
    #[sea_orm(primary_key, auto_increment = false)]
    pub mode: ModeId,
    /// On which day: days since 1970, UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    /// Which hero.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hero: String,
    /// How many players played it.
    pub picks: i64,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Counts what was played in matches that ended between two times: mode, hero, players.
pub async fn count(
    db: &impl ConnectionTrait,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(ModeId, String, i64)>> {
    let match_of = Expr::col((match_players::Entity, match_players::Column::MatchId))
        .eq(Expr::col((matches::Entity, matches::Column::Id)));
    let mut query = matches::Entity::find()
        .select_only()
        .column(matches::Column::Mode)
        .expr(Expr::col((match_players::Entity, match_players::Column::Hero)))
        .expr(Expr::col((match_players::Entity, match_players::Column::UserId)).count())
        .filter(matches::Column::Status.eq(MatchStatus::Completed))
        .filter(matches::Column::EndedAt.gte(from))
        .filter(matches::Column::EndedAt.lt(to))
        .filter(Expr::col((match_players::Entity, match_players::Column::Hero)).is_not_null())
        .group_by(matches::Column::Mode)
        .group_by(Expr::col((match_players::Entity, match_players::Column::Hero)));
    sea_orm::QueryTrait::query(&mut query).join(
        JoinType::InnerJoin,
        match_players::Entity,
        match_of,
    );
    Ok(query.into_tuple().all(db).await?)
}

/// Stores a day's counts.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    for chunk in rows.chunks(500) {
        let rows = chunk.iter().map(|row| ActiveModel::from(row.clone()).reset_all());
        Entity::insert_many(rows)
            .on_conflict(
                OnConflict::columns([Column::Mode, Column::Day, Column::Hero])
                    .update_column(Column::Picks)
                    .to_owned(),
            )
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// The counts of a mode from one day to another, both included.
pub async fn list(
    db: &impl ConnectionTrait,
    mode: &ModeId,
    from: i64,
    to: i64,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::Day.between(from, to))
        .order_by_asc(Column::Day)
        .order_by_asc(Column::Hero)
        .all(db)
        .await?)
}
