//! Tokens that were mailed, by their hash; each is used once.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};

use crate::{
    error::Result,
    game::{
        accounts::{MailKind, fold},
        ids::UserId,
        time::Timestamp,
    },
};

/// A row of `one_time_tokens`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "one_time_tokens")]
pub struct Model {
    /// SHA-256 of the token, in hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// Whose.
    pub user_id: UserId,
    /// What it is for.
    pub kind: MailKind,
    /// The folded address that it went to: it proves no other.
    pub email_key: String,
    /// That address as it was typed, where it is to be the account's.
    pub email: Option<String>,
    /// When it runs out.
    pub expires_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The token of that hash, for one of these, unless it has run out.
pub async fn live(
    db: &impl ConnectionTrait,
    hash: &str,
    kinds: &[MailKind],
    now: Timestamp,
) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(hash)
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::ExpiresAt.gt(now))
        .one(db)
        .await?)
}

/// When those of a user's tokens of that kind run out, or ran out, that went to that folded address and do so after `after`;
/// the last first.
pub async fn expiries(
    db: &impl ConnectionTrait,
    (user, kind): (UserId, MailKind),
    to: &str,
    after: Timestamp,
) -> Result<Vec<Timestamp>> {
    let query = Entity::find().select_only().column(Column::ExpiresAt);
    let query = query
        .filter(Column::UserId.eq(user))
        .filter(Column::Kind.eq(kind))
        .filter(Column::EmailKey.eq(to))
        .filter(Column::ExpiresAt.gt(after))
        .order_by_desc(Column::ExpiresAt);
    Ok(query.into_tuple().all(db).await?)
}

/// Whether another of the same kind, by which as much can be done, went out to the user after this one.
pub async fn is_outdated(db: &impl ConnectionTrait, token: &Model) -> Result<bool> {
    let mut later = Entity::find()
        .filter(Column::UserId.eq(token.user_id))
        .filter(Column::Kind.eq(token.kind))
        .filter(Column::ExpiresAt.gt(token.expires_at));
    if token.email.is_some() {
        later = later.filter(Column::Email.is_not_null());
    }
    Ok(later.one(db).await?.is_some())
}

/// Only that address can become a user's by a token that was mailed until now; that others went out is known still.
pub async fn arm(db: &impl ConnectionTrait, user: UserId, email: &str) -> Result<()> {
    let theirs = || {
        Entity::update_many()
            .filter(Column::UserId.eq(user))
            .filter(Column::Kind.eq(MailKind::ChangeEmail))
    };
    let key = fold(email);
    let armed = theirs().col_expr(Column::Email, Expr::value(email));
    armed.filter(Column::EmailKey.eq(key.clone())).exec(db).await?;
    let disarmed = theirs().col_expr(Column::Email, Expr::value(None::<String>));
    disarmed.filter(Column::EmailKey.ne(key)).exec(db).await?;
    Ok(())
}

/// Uses a token up; false when somebody was first.
pub async fn take(db: &impl ConnectionTrait, hash: &str) -> Result<bool> {
    Ok(Entity::delete_by_id(hash).exec(db).await?.rows_affected == 1)
}

/// None of a user's tokens of that kind (none named: of any kind) is good any more.
pub async fn forget(db: &impl ConnectionTrait, user: UserId, kind: Option<MailKind>) -> Result<()> {
    let mut query = Entity::delete_many().filter(Column::UserId.eq(user));
    if let Some(kind) = kind {
        query = query.filter(Column::Kind.eq(kind));
    }
    query.exec(db).await?;
    Ok(())
}

/// Forgets tokens that ran out before `before`.
pub async fn expire(db: &impl ConnectionTrait, before: Timestamp) -> Result<()> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(before)).exec(db).await?;
    Ok(())
}

/// What was mailed to a user and not used yet.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(user)).all(db).await?)
}
