//! Facts on their way out of the database: written by the transaction that made them true, read by the relay in order.

use sea_orm::{
    QueryOrder, QuerySelect, Set,
    entity::prelude::*,
    sea_query::{CaseStatement, Expr, ExprTrait},
};

use super::add_all;
use crate::{
    error::{Error, Result},
    game::{
        event::{Fact, Recorded},
        ids::{EventId, UserId},
        time::Timestamp,
    },
};

/// A row of `outbox`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// Its number. A lower one may become visible later.
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
    /// Its place in the log; none until it is read there.
    pub place: Option<i64>,
    /// The trace that it belongs to (W3C trace context).
    pub trace: Option<String>,
    /// When every projection had it.
    pub sent_at: Option<Timestamp>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A fact on its way into the outbox, with its id and the trace that it belongs to.
pub type Outgoing<'a> = (EventId, &'a Fact, Option<&'a str>);

/// Writes facts, to be sent in this order when the transaction commits.
pub async fn put(db: &impl ConnectionTrait, facts: &[Outgoing<'_>], now: Timestamp) -> Result<()> {
    let mut rows = Vec::new();
    for (id, fact, trace) in facts {
        let payload = serde_json::to_string(fact).map_err(Error::internal)?;
        // One that could not be read again would hold up all that come after it.
        serde_json::from_str::<Fact>(&payload).map_err(Error::internal)?;
        rows.push(ActiveModel {
            id: Set(*id),
            kind: Set(fact.kind().into()),
            payload: Set(payload),
            created_at: Set(now),
            trace: Set(trace.map(Into::into)),
            ..Default::default()
        });
    }
    add_all(db, rows).await
}

/// Facts that are not everywhere yet: those that have their place in its order, then the others in that of their number.
/// What depends on what is in order either way, for a fact's number is given before its transaction commits.
pub async fn unsent(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Recorded>> {
    Entity::find()
        .filter(Column::SentAt.is_null())
        .order_by_asc(Column::Place.is_null())
        .order_by_asc(Column::Place)
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await?
        .into_iter()
        .map(recorded)
        .collect()
}

/// Sent facts behind a place, in order.
pub async fn sent_behind(
    db: &impl ConnectionTrait,
    place: i64,
    limit: u64,
) -> Result<Vec<Recorded>> {
    let sent = Entity::find()
        .filter(Column::SentAt.is_not_null())
        .filter(Column::Place.gt(place))
        .order_by_asc(Column::Place)
        .limit(limit);
    sent.all(db).await?.into_iter().map(recorded).collect()
}

fn recorded(row: Model) -> Result<Recorded> {
    let fact = serde_json::from_str(&row.payload).map_err(Error::internal)?;
    let Model { seq, place, id, trace, created_at: at, .. } = row;
    Ok(Recorded { seq, place, id, trace, at, fact })
}

/// Gives facts their places in the log; false when one of them had one already.
pub async fn give_places(db: &impl ConnectionTrait, places: &[(i64, i64)]) -> Result<bool> {
    let mut place = CaseStatement::new();
    for (seq, given) in places {
        place = place.case(Column::Seq.eq(*seq), *given);
    }
    let done = Entity::update_many()
        .col_expr(Column::Place, place.into())
        .filter(Column::Seq.is_in(places.iter().map(|(seq, _)| *seq)))
        .filter(Column::Place.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == places.len() as u64)
}

/// Marks every fact up to that place as being everywhere.
pub async fn mark_sent(db: &impl ConnectionTrait, place: i64, now: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::SentAt, Expr::value(now))
        .filter(Column::SentAt.is_null())
        .filter(Column::Place.lte(place))
        .exec(db)
        .await?;
    Ok(())
}

/// The place of the newest fact that has one; 0 where there is none.
pub async fn last_place(db: &impl ConnectionTrait) -> Result<i64> {
    let newest = Entity::find()
        .filter(Column::Place.is_not_null())
        .order_by_desc(Column::Place)
        .one(db)
        .await?;
    Ok(newest.and_then(|row| row.place).unwrap_or(0))
}

/// How many facts are not everywhere yet, and when the oldest of them became true.
pub async fn backlog(db: &impl ConnectionTrait) -> Result<(u64, Option<Timestamp>)> {
    let unsent = Entity::find().filter(Column::SentAt.is_null());
    let count = unsent.clone().count(db).await?;
    let oldest = unsent.order_by_asc(Column::CreatedAt).one(db).await?;
    Ok((count, oldest.map(|row| row.created_at)))
}

/// Forgets facts that were everywhere before `before`, all but the newest.
pub async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<u64> {
    let newest = last_place(db).await?;
    Ok(Entity::delete_many()
        .filter(Column::SentAt.lt(before))
        .filter(Column::Place.lt(newest))
        .exec(db)
        .await?
        .rows_affected)
}

/// The numbers of the oldest and the newest fact that are kept; none where none is.
pub async fn span(db: &impl ConnectionTrait) -> Result<Option<(i64, i64)>> {
    let oldest = Entity::find().order_by_asc(Column::Seq).one(db).await?;
    let newest = Entity::find().order_by_desc(Column::Seq).one(db).await?;
    Ok(oldest.zip(newest).map(|(oldest, newest)| (oldest.seq, newest.seq)))
}

/// Puts another name in the place of a user's in the facts behind one number up to another, and forgets what was told of
/// their account.
pub async fn erase(
    db: &impl ConnectionTrait,
    (after, upto): (i64, i64),
    user: UserId,
    (was, now): (&str, &str),
) -> Result<()> {
    let named = Expr::col(Column::Payload).like(super::containing(&format!("\"{was}\"")));
    let theirs = Column::Kind
        .eq("activity")
        .and(Expr::col(Column::Payload).like(super::containing(&user.to_string())));
    let rows = Entity::find()
        .filter(Column::Seq.gt(after))
        .filter(Column::Seq.lte(upto))
        .filter(named.or(theirs))
        .all(db)
        .await?;
    for row in rows {
        let mut fact: Fact = serde_json::from_str(&row.payload).map_err(Error::internal)?;
        fact.erase(user, now);
        let payload = serde_json::to_string(&fact).map_err(Error::internal)?;
        Entity::update_many()
            .col_expr(Column::Payload, Expr::value(payload))
            .filter(Column::Seq.eq(row.seq))
            .exec(db)
            .await?;
    }
    Ok(())
}
