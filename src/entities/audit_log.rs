//! What was done with privileges or to accounts: a chain in which each line's hash covers the one before.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::to_decide;
use crate::{error::Result, game::time::Timestamp};

/// A row of `audit_log`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    /// Its number: one more than the line's before.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who: the id of a person or server key, `operator`, `system` or `anonymous`.
    pub actor: String,
    /// Such as `ROLE_CHANGED`.
    pub action: String,
    /// To what: an id.
    pub object: String,
    /// The request in which.
    pub request_id: Option<String>,
    /// JSON: before, after, reason. None once it was erased for the sake of the person to whom it was done.
    pub details: Option<String>,
    /// What the digest of the details begins with, so that nobody can guess them from it. Goes with them.
    pub salt: Option<String>,
    /// SHA-256 of the salt and the details, in hex.
    pub digest: String,
    /// The address from where. None where it is not known, or once it was erased for anybody's sake.
    pub whence: Option<String>,
    /// As the salt of the details.
    pub whence_salt: Option<String>,
    /// As the digest of the details; empty where the address was never known.
    pub whence_digest: String,
    /// HMAC-SHA-256 of the hash before and this line, in hex.
    pub hash: String,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The end of the chain.
pub mod head {
    use sea_orm::entity::prelude::*;

    /// The row of `audit_head`.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_head")]
    pub struct Model {
        /// 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        /// The last line's number.
        pub seq: i64,
        /// The last line's hash.
        pub hash: String,
        /// HMAC-SHA-256 of both, in hex: nobody else makes another line the last.
        pub seal: String,
    }

    /// See [`crate::entities::users::Relation`].
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The end of the chain; nobody else adds to it until the transaction ends.
pub async fn lock_head(db: &impl ConnectionTrait) -> Result<Option<head::Model>> {
    Ok(head::Entity::find_by_id(1).lock(to_decide(db)).one(db).await?)
}

/// The end of the chain.
pub async fn head(db: &impl ConnectionTrait) -> Result<Option<head::Model>> {
    Ok(head::Entity::find_by_id(1).one(db).await?)
}

/// Makes the beginning of the chain, unless there is one.
pub async fn begin(db: &impl ConnectionTrait, seal: String) -> Result<()> {
    let first = head::Model { id: 1, seq: 0, hash: String::new(), seal };
    head::Entity::insert(head::ActiveModel::from(first).reset_all())
        .on_conflict(
            OnConflict::column(head::Column::Id).do_nothing_on([head::Column::Id]).to_owned(),
        )
        .exec_without_returning(db)
        .await?;
    Ok(())
}

/// Adds lines, and makes the last of them the end; the head is locked.
pub async fn append(db: &impl ConnectionTrait, rows: Vec<Model>, seal: String) -> Result<()> {
    let Some(last) = rows.last() else { return Ok(()) };
    head::Entity::update_many()
        .col_expr(head::Column::Seq, Expr::value(last.seq))
        .col_expr(head::Column::Hash, Expr::value(last.hash.clone()))
        .col_expr(head::Column::Seal, Expr::value(seal))
        .filter(head::Column::Id.eq(1))
        .exec(db)
        .await?;
    let rows = rows.into_iter().map(|row| ActiveModel::from(row).reset_all());
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// The greatest number of a line that is there.
pub async fn last_seq(db: &impl ConnectionTrait) -> Result<Option<i64>> {
    let query = Entity::find().select_only().column(Column::Seq).order_by_desc(Column::Seq);
    Ok(query.into_tuple().one(db).await?)
}

/// The least.
pub async fn first_seq(db: &impl ConnectionTrait) -> Result<Option<i64>> {
    let query = Entity::find().select_only().column(Column::Seq).order_by_asc(Column::Seq);
    Ok(query.into_tuple().one(db).await?)
}

/// The line of that number.
pub async fn by_seq(db: &impl ConnectionTrait, seq: i64) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(seq).one(db).await?)
}

/// Lines behind `after`, in order.
pub async fn since(db: &impl ConnectionTrait, after: i64, limit: u64) -> Result<Vec<Model>> {
    let query = Entity::find().filter(Column::Seq.gt(after)).order_by_asc(Column::Seq).limit(limit);
    Ok(query.all(db).await?)
}

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Done by whom.
    pub actor: Option<String>,
    /// Done to what.
    pub object: Option<String>,
    /// Such as `ROLE_CHANGED`.
    pub action: Option<String>,
    /// Done then or later.
    pub since: Option<Timestamp>,
    /// Done before.
    pub until: Option<Timestamp>,
}

/// Lines before `before`, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find().order_by_desc(Column::Seq).limit(limit);
    if let Some(actor) = &filter.actor {
        query = query.filter(Column::Actor.eq(actor));
    }
    if let Some(object) = &filter.object {
        query = query.filter(Column::Object.eq(object));
    }
    if let Some(action) = &filter.action {
        query = query.filter(Column::Action.eq(action));
    }
    if let Some(since) = filter.since {
        query = query.filter(Column::At.gte(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(Column::At.lt(until));
    }
    if let Some(before) = before {
        query = query.filter(Column::Seq.lt(before));
    }
    Ok(query.all(db).await?)
}

/// Erases what is told of somebody: the details of what was done to them, but for the acts named in `stays`, and from where they
/// acted, or whoever did not show who they were. What they did to others stays. The chain holds without it.
pub async fn erase(db: &impl ConnectionTrait, somebody: &str, stays: &[&str]) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::Details, Expr::value(Option::<String>::None))
        .col_expr(Column::Salt, Expr::value(Option::<String>::None))
        .filter(Column::Object.eq(somebody))
        .filter(Column::Action.is_not_in(stays.iter().copied()))
        .exec(db)
        .await?;
    let unproven = Column::Object.eq(somebody).and(Column::Actor.eq("anonymous"));
    Entity::update_many()
        .col_expr(Column::Whence, Expr::value(Option::<String>::None))
        .col_expr(Column::WhenceSalt, Expr::value(Option::<String>::None))
        .filter(Column::Actor.eq(somebody).or(unproven))
        .exec(db)
        .await?;
    Ok(())
}

/// Lines by or about somebody, the oldest first.
pub async fn about(db: &impl ConnectionTrait, somebody: &str, limit: u64) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::Actor.eq(somebody).or(Column::Object.eq(somebody)))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(db)
        .await?)
}
