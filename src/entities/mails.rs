//! Mails that are to be sent. What is secret in them is made as they are sent.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    error::Result,
    game::{
        accounts::MailKind,
        ids::{EventId, UserId},
        time::Timestamp,
    },
};

/// A row of `mails`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mails")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: EventId,
    /// To whom; none where nobody has the address that was asked for.
    pub user_id: Option<UserId>,
    /// What it says.
    pub kind: MailKind,
    /// Where it goes; none: to the account's address.
    pub email: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it is to be tried.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: i32,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Mails whose time has come, the oldest first.
pub async fn due(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Model>> {
    let query =
        Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).limit(limit);
    Ok(query.all(db).await?)
}

/// Whether an earlier mail of that kind to that user is being tried still.
pub async fn is_tried(
    db: &impl ConnectionTrait,
    (user, kind): (UserId, MailKind),
    before: EventId,
) -> Result<bool> {
    let query = Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::Kind.eq(kind))
        .filter(Column::Id.lt(before))
        .filter(Column::Attempts.gt(0));
    Ok(query.count(db).await? > 0)
}

/// Takes a mail for an attempt, which counts as failed until it is removed; false when somebody was first.
pub async fn take(db: &impl ConnectionTrait, mail: &Model, retry_at: Timestamp) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(retry_at))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.eq(mail.id))
        .filter(Column::Attempts.eq(mail.attempts))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// A mail is sent, or given up.
pub async fn remove(db: &impl ConnectionTrait, id: EventId) -> Result<()> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// Whether a mail is still to be sent.
pub async fn is_wanted(db: &impl ConnectionTrait, id: EventId) -> Result<bool> {
    Ok(Entity::find_by_id(id).one(db).await?.is_some())
}

/// Sends somebody nothing more of these kinds.
pub async fn forget_kinds(
    db: &impl ConnectionTrait,
    user: UserId,
    kinds: &[MailKind],
) -> Result<()> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .exec(db)
        .await?;
    Ok(())
}

/// Sends somebody nothing more.
pub async fn forget(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}

/// Mails that are to go out to a user.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    let theirs = Entity::find().filter(Column::UserId.eq(user));
    Ok(theirs.order_by_asc(Column::CreatedAt).all(db).await?)
}
