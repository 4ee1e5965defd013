//! The timelines of matches.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait, QueryOrder, QuerySelect, entity::prelude::*, sea_query::ExprTrait,
};

use super::add_all;
use crate::{
    error::Result,
    game::{
        event::TimelineEvent,
        ids::{MatchId, UserId},
        time::Timestamp,
    },
};

/// A row of `match_events`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "match_events")]
pub struct Model {
    /// Of which match.
    #[sea_orm(primary_key, auto_increment = false)]
    pub match_id: MatchId,
    /// Its place in the timeline, from 1, without holes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i64,
    /// The game server's own number; none for events that the server itself recorded.
    pub sequence: Option<i32>,
    /// What happened.
    pub kind: String,
    /// Milliseconds since the match started.
    pub at_ms: i32,
    /// Who did it.
    pub actor: Option<UserId>,
    /// To whom.
    pub target: Option<UserId>,
    /// JSON: whatever else the game tells.
    pub data: Option<String>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for TimelineEvent {
    fn from(row: Model) -> Self {
        Self {
            position: row.position,
            kind: row.kind,
            at_ms: row.at_ms,
            actor: row.actor,
            target: row.target,
            data: row.data.and_then(|text| serde_json::from_str(&text).ok()),
            recorded_at: row.recorded_at,
        }
    }
}

/// A match's timeline behind `after`, oldest first.
pub async fn list(
    db: &impl ConnectionTrait,
    id: MatchId,
    after: i64,
    limit: u64,
) -> Result<Vec<TimelineEvent>> {
    let rows = Entity::find()
        .filter(Column::MatchId.eq(id))
        .filter(Column::Position.gt(after))
        .order_by_asc(Column::Position)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The places of the last events of these matches; those that have none are left out.
pub async fn last_positions(
    db: &impl ConnectionTrait,
    ids: &[MatchId],
) -> Result<HashMap<MatchId, i64>> {
    let last: Vec<(MatchId, i64)> = Entity::find()
        .select_only()
        .column(Column::MatchId)
        .column_as(Column::Position.max(), "last")
        .filter(Column::MatchId.is_in(ids.iter().copied()))
        .group_by(Column::MatchId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(last.into_iter().collect())
}

/// The place of the last event; 0 where there is none.
pub async fn last_position(db: &impl ConnectionTrait, id: MatchId) -> Result<i64> {
    Ok(last_positions(db, &[id]).await?.remove(&id).unwrap_or(0))
}

/// Adds events.
pub async fn add(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<()> {
    add_all(db, rows.into_iter().map(|row| ActiveModel::from(row).reset_all()).collect()).await
}

/// Which of these of the game server's numbers are recorded already.
pub async fn recorded(
    db: &impl ConnectionTrait,
    id: MatchId,
    sequences: &[i32],
) -> Result<Vec<i32>> {
    let found: Vec<Option<i32>> = Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(Column::MatchId.eq(id))
        .filter(Column::Sequence.is_in(sequences.iter().copied()))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// What somebody did, or had done to them, in these matches.
pub async fn about(
    db: &impl ConnectionTrait,
    matches: &[MatchId],
    user: UserId,
) -> Result<Vec<(MatchId, TimelineEvent)>> {
    let rows = Entity::find()
        .filter(Column::MatchId.is_in(matches.iter().copied()))
        .filter(Column::Actor.eq(user).or(Column::Target.eq(user)))
        .order_by_asc(Column::MatchId)
        .order_by_asc(Column::Position)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.match_id, row.into())).collect())
}
