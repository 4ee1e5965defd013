//! Who plays in which match.

use sea_orm::{QueryOrder, entity::prelude::*, sea_query::Expr};

use super::put_all;
use crate::{
    error::Result,
    game::ids::{MatchId, TicketId, UserId},
};

/// A row of `match_players`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_players")]
pub struct Model {
    /// In which match.
    #[sea_orm(primary_key, auto_increment = false)]
    pub match_id: MatchId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// The ticket that brought them here.
    pub ticket_id: TicketId,
    /// Which team, from 0.
    pub team: i32,
    /// Which place in the team, from 0.
    pub slot: i32,
    /// Rounded rating when the match was made.
    pub mmr_before: i32,
    /// Rounded rating after the result.
    pub mmr_after: Option<i32>,
    /// The answer to the ready check; none: not given yet.
    pub accepted: Option<bool>,
    /// Kills.
    pub kills: i32,
    /// Deaths.
    pub deaths: i32,
    /// Assists.
    pub assists: i32,
    /// Which hero they played.
    pub hero: Option<String>,
    /// Whether they left early.
    pub abandoned: bool,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The players of these matches, by match, team and slot.
pub async fn of_matches(db: &impl ConnectionTrait, ids: &[MatchId]) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::MatchId.is_in(ids.iter().copied()))
        .order_by_asc(Column::MatchId)
        .order_by_asc(Column::Team)
        .order_by_asc(Column::Slot)
        .all(db)
        .await?)
}

/// Stores seats as they are now, which are there already.
pub async fn put(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    let key = [Column::MatchId, Column::UserId];
    put_all(db, &key, rows.into_iter().map(ActiveModel::from).collect()).await
}

/// Records a player's answer to the ready check; false when one was given before.
pub async fn answer(
    db: &impl ConnectionTrait,
    id: MatchId,
    user: UserId,
    accept: bool,
) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::Accepted, Expr::value(accept))
        .filter(Column::MatchId.eq(id))
        .filter(Column::UserId.eq(user))
        .filter(Column::Accepted.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The seats of one user in these matches, in no order.
pub async fn of_user_in(
    db: &impl ConnectionTrait,
    user: UserId,
    ids: &[MatchId],
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::MatchId.is_in(ids.iter().copied()))
        .all(db)
        .await?)
}

/// Takes the ratings after a match out of its seats.
pub async fn unrate(db: &impl ConnectionTrait, id: MatchId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::MmrAfter, Expr::value(None::<i32>))
        .filter(Column::MatchId.eq(id))
        .exec(db)
        .await?;
    Ok(())
}
