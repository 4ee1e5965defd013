//! Facts on their way out of the database: written by the transaction that made them true, read by the relay in order.

use sea_orm::{QueryOrder, QuerySelect, Set, entity::prelude::*, sea_query::Expr};

use crate::{
    error::{Error, Result},
    game::{
        event::{Fact, Recorded},
        ids::EventId,
        time::Timestamp,
    },
};

/// A row of `outbox`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// The order in which facts became true.
    #[sea_orm(primary_key)]
    pub seq: i64,
    /// By which every projection knows it again.
    pub id: EventId,
    /// For people who look at the table.
    pub kind: String,
    /// JSON: the fact.
    pub payload: String,
    /// When it became true.
    pub created_at: Timestamp,
    /// When every projection had it.
    pub sent_at: Option<Timestamp>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Writes facts, to be sent when the transaction commits; returns the number of the last one.
pub async fn put(db: &impl ConnectionTrait, facts: &[Fact], now: Timestamp) -> Result<i64> {
    let mut last = 0;
    for fact in facts {
        let row = ActiveModel {
            id: Set(EventId::from_uuid(uuid::Uuid::now_v7())),
            kind: Set(fact.kind().into()),
            payload: Set(serde_json::to_string(fact).map_err(Error::internal)?),
            created_at: Set(now),
            ..Default::default()
        };
        last = Entity::insert(row).exec(db).await?.last_insert_id;
    }
    Ok(last)
}

/// Facts that are not everywhere yet, in order.
pub async fn unsent(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Recorded>> {
    Entity::find()
        .filter(Column::SentAt.is_null())
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await?
        .into_iter()
        .map(|row| {
            let fact = serde_json::from_str(&row.payload).map_err(Error::internal)?;
            Ok(Recorded { seq: row.seq, id: row.id, fact })
        })
        .collect()
}

/// Marks every fact up to `seq` as being everywhere.
pub async fn mark_sent(db: &impl ConnectionTrait, seq: i64, now: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SentAt, Expr::value(now))
        .filter(Column::SentAt.is_null())
        .filter(Column::Seq.lte(seq))
        .exec(db)
        .await?;
    Ok(())
}

/// The number of the newest fact that is everywhere; 0 where there is none.
pub async fn last_sent(db: &impl ConnectionTrait) -> Result<i64> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .column_as(Column::Seq.max(), "last")
        .filter(Column::SentAt.is_not_null())
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.flatten().unwrap_or(0))
}

/// Forgets facts that were everywhere before `before`, all but the newest.
pub async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<u64> {
    let newest = last_sent(db).await?;
    Ok(Entity::delete_many()
        .filter(Column::SentAt.lt(before))
        .filter(Column::Seq.lt(newest))
        .exec(db)
        .await?
        .rows_affected)
}
