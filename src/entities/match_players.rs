//! Who plays in which match.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};

use super::{add_all, put_all};
use crate::{
    error::Result,
    game::{
        ids::{MatchId, TicketId, UserId},
        time::Timestamp,
    },
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
    /// When they saw that they are asked; none: not yet.
    pub asked_at: Option<Timestamp>,
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

/// Adds seats.
pub async fn add(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    add_all(db, rows.into_iter().map(|row| ActiveModel::from(row).reset_all()).collect()).await
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

/// Against whom these users played in their last match that was played to its end.
pub async fn last_opponents(
    db: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<UserId>>> {
    // Ids are made in order, so the greatest is the last.
    let last: Vec<(UserId, MatchId)> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .column_as(Column::MatchId.max(), "last")
        .filter(Column::UserId.is_in(users.iter().copied()))
        .filter(Column::MmrAfter.is_not_null())
        .group_by(Column::UserId)
        .into_tuple()
        .all(db)
        .await?;
    let ids: BTreeSet<_> = last.iter().map(|(_, id)| *id).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let mut seats: HashMap<MatchId, Vec<(UserId, i32)>> = HashMap::new();
    for seat in of_matches(db, &ids).await? {
        seats.entry(seat.match_id).or_default().push((seat.user_id, seat.team));
    }
    let opponents = |(user, id): (UserId, MatchId)| {
        let seats = seats.get(&id)?;
        let (_, own) = seats.iter().find(|(seated, _)| *seated == user)?;
        let others = seats.iter().filter(|(_, team)| team != own).map(|(other, _)| *other);
        Some((user, others.collect()))
    };
    Ok(last.into_iter().filter_map(opponents).collect())
}

/// Records that players have seen that they are asked whether they accept; those who had before stay as they are.
pub async fn asked(
    db: &impl ConnectionTrait,
    id: MatchId,
    user: UserId,
    now: Timestamp,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::AskedAt, Expr::value(now))
        .filter(Column::MatchId.eq(id))
        .filter(Column::UserId.eq(user))
        .filter(Column::AskedAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Every match that a user was in, the oldest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user)).order_by_asc(Column::MatchId).all(db).await?)
}

/// The matches of a user that were made then or later: an id begins with the time when it was made.
pub async fn since(
    db: &impl ConnectionTrait,
    user: UserId,
    since: Timestamp,
) -> Result<Vec<MatchId>> {
    let ms = u64::try_from(since.0).unwrap_or(0);
    let first = uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid();
    Ok(Entity::find()
        .select_only()
        .column(Column::MatchId)
        .filter(Column::UserId.eq(user))
        .filter(Column::MatchId.gte(MatchId::from_uuid(first)))
        .into_tuple()
        .all(db)
        .await?)
}
