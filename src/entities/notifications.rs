//! Messages to users, where the SQL database keeps the documents.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, OnConflict},
};

use crate::{
    error::Result,
    game::{
        event::Notification,
        ids::{NotificationId, UserId},
        time::Timestamp,
    },
};

/// A row of `notifications`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notifications")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NotificationId,
    /// To whom.
    pub user_id: UserId,
    /// What it is about.
    pub kind: String,
    /// For people.
    pub title: String,
    /// For people.
    pub body: Option<String>,
    /// JSON: for programs.
    pub data: String,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Notification {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user: row.user_id,
            kind: row.kind,
            title: row.title,
            body: row.body,
            data: serde_json::from_str(&row.data).unwrap_or_default(),
            read_at: row.read_at,
            created_at: row.created_at,
        }
    }
}

/// Adds messages; those that are there already stay as they are.
pub async fn append(db: &impl ConnectionTrait, messages: &[Notification]) -> Result<()> {
    for chunk in messages.chunks(500) {
        let rows = chunk.iter().map(|message| {
            ActiveModel::from(Model {
                id: message.id,
                user_id: message.user,
                kind: message.kind.clone(),
                title: message.title.clone(),
                body: message.body.clone(),
                data: message.data.to_string(),
                read_at: message.read_at,
                created_at: message.created_at,
            })
            .reset_all()
        });
        Entity::insert_many(rows)
            .on_conflict(OnConflict::column(Column::Id).do_nothing_on([Column::Id]).to_owned())
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// A user's messages older than `before` (or the newest), newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    user: UserId,
    unread_only: bool,
    before: Option<NotificationId>,
    limit: u64,
) -> Result<Vec<Notification>> {
    let mut query =
        Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::Id).limit(limit);
    if unread_only {
        query = query.filter(Column::ReadAt.is_null());
    }
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(query.all(db).await?.into_iter().map(Into::into).collect())
}

/// One message of a user.
pub async fn by_id(
    db: &impl ConnectionTrait,
    user: UserId,
    id: NotificationId,
) -> Result<Option<Notification>> {
    let row = Entity::find_by_id(id).filter(Column::UserId.eq(user)).one(db).await?;
    Ok(row.map(Into::into))
}

/// How many of a user's messages are unread.
pub async fn unread(db: &impl ConnectionTrait, user: UserId) -> Result<u64> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .filter(Column::ReadAt.is_null())
        .count(db)
        .await?)
}

/// Marks messages of a user as read: these, or all where none are named.
pub async fn mark_read(
    db: &impl ConnectionTrait,
    user: UserId,
    ids: &[NotificationId],
    now: Timestamp,
) -> Result<()> {
    let mut update = Entity::update_many()
        .col_expr(Column::ReadAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .filter(Column::ReadAt.is_null());
    if !ids.is_empty() {
        update = update.filter(Column::Id.is_in(ids.iter().copied()));
    }
    update.exec(db).await?;
    Ok(())
}

/// Forgets everything for a user.
pub async fn erase(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
