//! Refresh tokens, by their hash; each is used once.

use sea_orm::{QuerySelect, QueryTrait, entity::prelude::*, sea_query::Expr};

use super::sessions;

use crate::{
    error::Result,
    game::{
        ids::{SessionId, UserId},
        time::Timestamp,
    },
};

/// A row of `refresh_tokens`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "refresh_tokens")]
pub struct Model {
    /// SHA-256 of the token, in hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// The session that it renews.
    pub session_id: SessionId,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Marks a token as used; false when somebody was first.
pub async fn take(db: &impl ConnectionTrait, hash: &str, now: Timestamp) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Hash.eq(hash))
        .filter(Column::UsedAt.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Forgets tokens that ran out before `before`.
pub async fn forget(db: &impl ConnectionTrait, before: Timestamp) -> Result<u64> {
    Ok(Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(db).await?.rows_affected)
}

/// Forgets the tokens of all sessions of a user.
pub async fn forget_of(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    let theirs = sessions::Entity::find()
        .select_only()
        .column(sessions::Column::Id)
        .filter(sessions::Column::UserId.eq(user))
        .into_query();
    Entity::delete_many().filter(Column::SessionId.in_subquery(theirs)).exec(db).await?;
    Ok(())
}

/// Forgets the tokens of these sessions.
pub async fn forget_in(db: &impl ConnectionTrait, sessions: &[SessionId]) -> Result<()> {
    let theirs = Column::SessionId.is_in(sessions.iter().copied());
    Entity::delete_many().filter(theirs).exec(db).await?;
    Ok(())
}
