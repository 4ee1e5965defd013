//! Signed-in devices.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    error::Result,
    game::{
        ids::{SessionId, UserId},
        time::Timestamp,
    },
};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    pub last_used_at: Timestamp,
    /// When the newest refresh token runs out.
    pub expires_at: Timestamp,
    /// When it was ended before its time.
    pub ended_at: Option<Timestamp>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// Where from.
    pub address: String,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Ends one session; false when it had ended already.
pub async fn end(db: &impl ConnectionTrait, id: SessionId, now: Timestamp) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::EndedAt.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The sessions of a user that have not ended.
pub async fn live_of(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<SessionId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null())
        .into_tuple()
        .all(db)
        .await?)
}

/// Sessions that were ended at or after `since`, with the time.
pub async fn ended_since(
    db: &impl ConnectionTrait,
    since: Timestamp,
) -> Result<Vec<(SessionId, Option<Timestamp>)>> {
    Ok(Entity::find()
        .select_only()
        .columns([Column::Id, Column::EndedAt])
        .filter(Column::EndedAt.gte(since))
        .into_tuple()
        .all(db)
        .await?)
}

/// The sessions of a user that have neither ended nor run out, the last used first.
pub async fn live_rows(
    db: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::LastUsedAt)
        .all(db)
        .await?)
}

/// Where a user's last sessions began.
pub async fn addresses_of(
    db: &impl ConnectionTrait,
    user: UserId,
    limit: u64,
) -> Result<Vec<String>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Address)
        .filter(Column::UserId.eq(user))
        .order_by_desc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?)
}

/// A session is used from there now.
pub async fn renew(
    db: &impl ConnectionTrait,
    id: SessionId,
    (now, expires_at): (Timestamp, Timestamp),
    address: &str,
) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .col_expr(Column::Address, Expr::value(address))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets from where and with what a user signed in.
pub async fn blur(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Address, Expr::value(""))
        .col_expr(Column::UserAgent, Expr::value(Option::<String>::None))
        .filter(Column::UserId.eq(user))
        .exec(db)
        .await?;
    Ok(())
}

/// Every session of a user that is kept, the newest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::Id).all(db).await?)
}

/// Sessions that ended or ran out before `before`.
pub async fn over_before(
    db: &impl ConnectionTrait,
    before: Timestamp,
    limit: u64,
) -> Result<Vec<SessionId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EndedAt.lt(before).or(Column::ExpiresAt.lt(before)))
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?)
}

/// Forgets sessions, which have no tokens any more.
pub async fn forget(db: &impl ConnectionTrait, ids: &[SessionId]) -> Result<()> {
    Entity::delete_many().filter(Column::Id.is_in(ids.iter().copied())).exec(db).await?;
    Ok(())
}
