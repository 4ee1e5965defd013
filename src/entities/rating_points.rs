//! Every change of a rating, once per match and player: the history that gives exactly the live ratings.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    error::Result,
    game::{
        ids::{MatchId, SeasonId, UserId},
        mode::ModeId,
        time::Timestamp,
    },
};

/// A row of `rating_points`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rating_points")]
pub struct Model {
    /// The order in which they took effect.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// Whose.
    pub user_id: UserId,
    /// The match that did it.
    pub match_id: MatchId,
    /// In which mode.
    pub mode: ModeId,
    /// In which season.
    pub season_id: SeasonId,
    /// Rating before, at full precision.
    pub rating_before: f64,
    /// Uncertainty before.
    pub deviation_before: f64,
    /// Volatility before.
    pub volatility_before: f64,
    /// Rating after.
    pub rating_after: f64,
    /// Uncertainty after.
    pub deviation_after: f64,
    /// Volatility after.
    pub volatility_after: f64,
    /// When.
    pub at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A player's changes strictly between two of them, oldest first, or newest first where `descending`.
pub async fn list(
    db: &impl ConnectionTrait,
    (user, mode, season): (UserId, &ModeId, SeasonId),
    after: Option<i64>,
    before: Option<i64>,
    descending: bool,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::SeasonId.eq(season))
        .limit(limit);
    if let Some(seq) = after {
        query = query.filter(Column::Seq.gt(seq));
    }
    if let Some(seq) = before {
        query = query.filter(Column::Seq.lt(seq));
    }
    query =
        if descending { query.order_by_desc(Column::Seq) } else { query.order_by_asc(Column::Seq) };
    Ok(query.all(db).await?)
}

/// The changes that a match made.
pub async fn of_match(db: &impl ConnectionTrait, id: MatchId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::MatchId.eq(id)).order_by_asc(Column::Seq).all(db).await?)
}
