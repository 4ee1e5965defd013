//! The activity feed, where the SQL database keeps the documents.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, Func, OnConflict},
};

use crate::{
    error::Result,
    game::{
        event::{FeedItem, Position},
        ids::{MatchId, UserId},
        time::Timestamp,
    },
};

/// A row of `feed_items`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "feed_items")]
pub struct Model {
    /// Its place in the log.
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: Position,
    /// What it is about.
    pub kind: String,
    /// About whom.
    pub user_id: Option<UserId>,
    /// About which match.
    pub match_id: Option<MatchId>,
    /// JSON: details.
    pub data: String,
    /// When.
    pub at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for FeedItem {
    fn from(row: Model) -> Self {
        Self {
            position: row.position,
            kind: row.kind,
            user: row.user_id,
            match_id: row.match_id,
            data: serde_json::from_str(&row.data).unwrap_or_default(),
            at: row.at,
        }
    }
}

/// Adds items; those that are there already stay as they are.
pub async fn append(db: &impl ConnectionTrait, items: &[FeedItem]) -> Result<()> {
    for chunk in items.chunks(500) {
        let rows = chunk.iter().map(|item| {
            ActiveModel::from(Model {
                position: item.position,
                kind: item.kind.clone(),
                user_id: item.user,
                match_id: item.match_id,
                data: item.data.to_string(),
                at: item.at,
            })
            .reset_all()
        });
        Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(Column::Position).do_nothing_on([Column::Position]).to_owned(),
            )
            .exec_without_returning(db)
            .await?;
    }
    Ok(())
}

/// Items behind `after`, oldest first.
pub async fn since(
    db: &impl ConnectionTrait,
    after: Position,
    limit: u64,
) -> Result<Vec<FeedItem>> {
    let query = Entity::find()
        .filter(Column::Position.gt(after))
        .order_by_asc(Column::Position)
        .limit(limit);
    Ok(query.all(db).await?.into_iter().map(Into::into).collect())
}

/// Items older than `before` (or the newest), newest first.
pub async fn newest(
    db: &impl ConnectionTrait,
    before: Option<Position>,
    limit: u64,
) -> Result<Vec<FeedItem>> {
    let mut query = Entity::find().order_by_desc(Column::Position).limit(limit);
    if let Some(before) = before {
        query = query.filter(Column::Position.lt(before));
    }
    Ok(query.all(db).await?.into_iter().map(Into::into).collect())
}

/// Forgets items older than `before`; returns the place of the newest one forgotten.
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

/// Puts another name in the place of a user's in what is told of these matches, and nobody in theirs.
pub async fn erase(
    db: &impl ConnectionTrait,
    matches: &[MatchId],
    user: UserId,
    (was, now): (&str, &str),
) -> Result<()> {
    // The places stay: positions are told to resume behind.
    let of_these = || Column::MatchId.is_in(matches.iter().copied());
    Entity::update_many()
        .col_expr(Column::UserId, Expr::value(Option::<UserId>::None))
        .filter(of_these())
        .filter(Column::UserId.eq(user))
        .exec(db)
        .await?;
    let (was, now) = (format!("\"{was}\""), format!("\"{now}\""));
    let replaced = Func::cust("REPLACE").arg(Expr::col(Column::Data)).arg(was.clone()).arg(now);
    Entity::update_many()
        .col_expr(Column::Data, replaced.into())
        .filter(of_these())
        .filter(Expr::col(Column::Data).like(super::containing(&was)))
        .exec(db)
        .await?;
    Ok(())
}
