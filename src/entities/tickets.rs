//! Places in the queue.

use sea_orm::{
    QueryOrder, QuerySelect, QueryTrait,
    entity::prelude::*,
    sea_query::{CaseStatement, Expr, ExprTrait},
};

use super::{engagements, to_decide};
use crate::{
    error::Result,
    game::{
        ids::{MatchId, PartyId, TicketId},
        matches::TicketState,
        mode::{ModeId, RegionId},
        time::Timestamp,
    },
};

/// A row of `tickets`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tickets")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TicketId,
    /// In which queue.
    pub mode: ModeId,
    /// Where it is in its life.
    pub state: TicketState,
    /// JSON: `[["eu-west", 30], …]`, best first; the round trip is null where it is not known.
    pub regions: String,
    /// Mean rating of the players.
    pub mmr: f64,
    /// When the wait began, kept through matches that fall through.
    pub joined_at: Timestamp,
    /// When it expires unless it is renewed.
    pub expires_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The match that it ended in.
    pub match_id: Option<MatchId>,
    /// The party that holds it.
    pub party_id: Option<PartyId>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The regions that the ticket accepts, best first, with the measured round trip in milliseconds.
    pub fn regions(&self) -> Vec<(RegionId, Option<u32>)> {
        serde_json::from_str(&self.regions).unwrap_or_default()
    }
}

/// The ticket of that id.
pub async fn by_id(db: &impl ConnectionTrait, id: TicketId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// The ticket of that id, which nobody else changes until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: TicketId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).lock(to_decide(db)).one(db).await?)
}

/// The tickets of these ids, in no order.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// The waiting tickets of a mode, oldest first.
pub async fn searching(db: &impl ConnectionTrait, mode: &ModeId) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::State.eq(TicketState::Searching))
        .filter(Column::Mode.eq(mode.clone()))
        .order_by_asc(Column::JoinedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?)
}

/// Waiting tickets that nobody renewed in time.
pub async fn overdue(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::State.eq(TicketState::Searching))
        .filter(Column::ExpiresAt.lte(now))
        .limit(limit)
        .all(db)
        .await?)
}

/// Ends a waiting ticket; false when it was not waiting any more.
pub async fn end(
    db: &impl ConnectionTrait,
    id: TicketId,
    state: TicketState,
    match_id: Option<MatchId>,
    now: Timestamp,
) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::MatchId, Expr::value(match_id))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(TicketState::Searching))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Which of these tickets wait; nobody else changes them until the transaction ends.
pub async fn lock_searching(db: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<TicketId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::State.eq(TicketState::Searching))
        .order_by_asc(Column::Id)
        .lock(to_decide(db))
        .into_tuple()
        .all(db)
        .await?)
}

/// Ends waiting tickets, which are locked, each in a match.
pub async fn claim(
    db: &impl ConnectionTrait,
    claims: &[(TicketId, MatchId)],
    now: Timestamp,
) -> Result<()> {
    let mut into = CaseStatement::new();
    for (ticket, id) in claims {
        into = into.case(Column::Id.eq(*ticket), *id);
    }
    Entity::update_many()
        .col_expr(Column::State, Expr::value(TicketState::Matched))
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::MatchId, into.into())
        .filter(Column::Id.is_in(claims.iter().map(|(ticket, _)| *ticket)))
        .exec(db)
        .await?;
    Ok(())
}

/// Puts off a waiting ticket's expiry.
pub async fn renew(db: &impl ConnectionTrait, id: TicketId, expires_at: Timestamp) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(TicketState::Searching))
        .exec(db)
        .await?;
    Ok(())
}

/// The last tickets of a mode that were matched since then, the latest to end first.
pub async fn recent_waits(
    db: &impl ConnectionTrait,
    mode: &ModeId,
    since: Timestamp,
    limit: u64,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::State.eq(TicketState::Matched))
        .filter(Column::EndedAt.gte(since))
        .order_by_desc(Column::EndedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?)
}

/// The last tickets of a mode that came since then, newest first.
pub async fn arrivals(
    db: &impl ConnectionTrait,
    mode: &ModeId,
    since: Timestamp,
    limit: u64,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::Mode.eq(mode.clone()))
        .filter(Column::JoinedAt.gte(since))
        .order_by_desc(Column::JoinedAt)
        .order_by_desc(Column::Id)
        .limit(limit)
        .all(db)
        .await?)
}

/// Tickets that ended before `before`, but for those that led to a match which is not over.
pub async fn over_before(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<TicketId>> {
    let open = engagements::Entity::find()
        .select_only()
        .column(engagements::Column::MatchId)
        .filter(engagements::Column::MatchId.is_not_null())
        .into_query();
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndedAt.lt(before))
        .filter(Column::MatchId.is_null().or(Column::MatchId.not_in_subquery(open)))
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?)
}

/// Forgets tickets, which nobody holds any more.
pub async fn forget(db: &impl ConnectionTrait, ids: &[TicketId]) -> Result<()> {
    Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    Ok(())
}
