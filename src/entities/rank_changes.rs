//! The log of rank changes, kept so that subscribers can resume.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::OnConflict};

use crate::{
    error::Result,
    game::{
        event::{Position, RankChange},
        ids::{MatchId, UserId},
        mode::ModeId,
        time::Timestamp,
    },
};

/// A row of `rank_changes`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rank_changes")]
pub struct Model {
    /// Its place in the log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: Position,
    /// Who.
    pub user_id: UserId,
    /// In which mode.
    pub mode: ModeId,
    /// The match that did it.
    pub match_id: Option<MatchId>,
    /// Rounded rating before.
    pub mmr_before: i32,
    /// Rounded rating after.
    pub mmr_after: i32,
    /// Place before.
    pub rank_before: Option<i32>,
    /// Place after.
    pub rank_after: Option<i32>,
    /// Index of the tier before.
    pub tier_before: Option<i32>,
    /// Index of the tier after.
    pub tier_after: Option<i32>,
    /// When.
    pub at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for RankChange {
    fn from(row: Model) -> Self {
        Self {
            position: row.position,
            user: row.user_id,
            mode: row.mode,
            match_id: row.match_id,
            mmr_before: row.mmr_before,
            mmr_after: row.mmr_after,
            rank_before: row.rank_before,
            rank_after: row.rank_after,
            tier_before: row.tier_before,
            tier_after: row.tier_after,
            at: row.at,
            reported_at: None,
        }
    }
}

impl From<RankChange> for Model {
    fn from(change: RankChange) -> Self {
        Self {
            position: change.position,
            user_id: change.user,
            mode: change.mode,
            match_id: change.match_id,
            mmr_before: change.mmr_before,
            mmr_after: change.mmr_after,
            rank_before: change.rank_before,
            rank_after: change.rank_after,
            tier_before: change.tier_before,
            tier_after: change.tier_after,
            at: change.at,
        }
    }
}

/// Adds to the log; what is there already stays as it is.
pub async fn append(db: &impl ConnectionTrait, changes: Vec<RankChange>) -> Result<()> {
    for chunk in changes.chunks(500) {
        let rows =
            chunk.iter().map(|change| ActiveModel::from(Model::from(change.clone())).reset_all());
        Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(Column::Position).do_nothing_on([Column::Position]).to_owned(),
            )
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// The log behind `after`, oldest first, of one mode or all, of these users or (where empty) of everyone.
pub async fn list(
    db: &impl ConnectionTrait,
    after: Position,
    mode: Option<&ModeId>,
    users: &[UserId],
    limit: u64,
) -> Result<Vec<RankChange>> {
    let mut query = Entity::find()
        .filter(Column::Position.gt(after))
        .order_by_asc(Column::Position)
        .limit(limit);
    if let Some(mode) = mode {
        query = query.filter(Column::Mode.eq(mode.clone()));
    }
    if !users.is_empty() {
        query = query.filter(Column::UserId.is_in(users.iter().copied()));
    }
    Ok(query.all(db).await?.into_iter().map(Into::into).collect())
}

/// The changes that these matches made to their players, in order.
pub async fn of_matches(
    db: &impl ConnectionTrait,
    ids: &[MatchId],
) -> Result<Vec<(MatchId, RankChange)>> {
    let found = Entity::find()
        .filter(Column::MatchId.is_in(ids.iter().copied()))
        .order_by_asc(Column::Position)
        .all(db)
        .await?;
    Ok(found.into_iter().filter_map(|row| Some((row.match_id?, row.into()))).collect())
}

/// Forgets changes older than `before`; returns the place of the newest one forgotten.
pub async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<Option<Position>> {
    let newest: Option<Option<Position>> = Entity::find()
        .select_only()
        .column_as(Column::Position.max(), "newest")
        .filter(Column::At.lt(before))
        .into_tuple()
        .one(db)
        .await?;
    let Some(newest) = newest.flatten() else { return Ok(None) };
    Entity::delete_many().filter(Column::Position.lte(newest)).exec(db).await?;
    Ok(Some(newest))
}
