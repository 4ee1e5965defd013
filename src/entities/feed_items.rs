//! The activity feed, where the SQL database keeps the documents.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::put_all;
use crate::{
    error::{Error, Result},
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

/// Items that are looked at at once.
const TOGETHER: u64 = 500;

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
    let named = super::containing(&format!("\"{was}\""));
    let mut after = Position(i64::MIN);
    loop {
        let rows = Entity::find()
            .filter(of_these())
            .filter(Column::Position.gt(after))
            .filter(Expr::col(Column::Data).like(named.clone()))
            .order_by_asc(Column::Position)
            .limit(TOGETHER)
            .all(db)
            .await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.position;
        let mut changed = Vec::new();
        // A word of the item can be somebody's name.
        for mut row in rows {
            let mut data = serde_json::from_str(&row.data).map_err(Error::internal)?;
            if FeedItem::rename(&mut data, was, now) {
                row.data = data.to_string();
                changed.push(ActiveModel::from(row));
            }
        }
        put_all(db, &[Column::Position], changed).await?;
    }
}
