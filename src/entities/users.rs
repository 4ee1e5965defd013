//! People with an account.

use sea_orm::{
    QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, ExprTrait},
};

use super::{containing, to_decide};
use crate::{
    error::Result,
    game::{
        accounts::{Role, is_nowhere},
        ids::UserId,
        mode::{Country, Home, RegionId},
        time::Timestamp,
    },
};

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    /// The name as it was typed.
    pub username: String,
    /// The name in lower case; unique.
    pub username_key: String,
    /// The address as it was typed.
    pub email: String,
    /// The address in lower case; unique.
    pub email_key: String,
    /// Argon2id, in PHC form.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// Where they play by default.
    pub region: Option<RegionId>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// An https address.
    pub avatar_url: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// Until when the account may not sign in.
    pub suspended_until: Option<Timestamp>,
    /// Why.
    pub suspended_reason: Option<String>,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When somebody proved to have the address.
    pub email_verified_at: Option<Timestamp>,
    /// When the account is to be deleted, as its owner wants.
    pub deletes_at: Option<Timestamp>,
    /// When it was deleted: what is left of it names nobody.
    pub deleted_at: Option<Timestamp>,
}

/// No relation is followed through the ORM: nested reads are batched by the loaders.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether the account has no address: it was made at another service that told none.
    pub fn has_no_address(&self) -> bool {
        is_nowhere(&self.email_key)
    }

    /// Whether the account may not sign in at that time.
    pub fn is_suspended(&self, now: Timestamp) -> bool {
        self.suspended_until.is_some_and(|until| until > now)
    }
}

/// The users of these ids, in no order; unknown ids are left out.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
}

/// How many accounts there are.
pub async fn count(db: &impl ConnectionTrait) -> Result<u64> {
    Ok(Entity::find().count(db).await?)
}

/// The user of that id.
pub async fn by_id(db: &impl ConnectionTrait, id: UserId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// The users of these ids, whom nobody else changes until the transaction ends; in the order of their ids, so that two
/// who lock the same users wait for each other instead of for ever.
pub async fn lock(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::Id.is_in(ids.iter().copied()))
        .order_by_asc(Column::Id)
        .lock(to_decide(db))
        .all(db)
        .await?)
}

impl Model {
    /// Where they are at home.
    pub fn home(&self) -> Home {
        let country = self.country.as_deref().map(Country::new);
        Home { region: self.region.clone(), country }
    }
}

/// The user of that folded name.
pub async fn by_name(db: &impl ConnectionTrait, key: &str) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::UsernameKey.eq(key)).one(db).await?)
}

/// The user whose folded name or address that is. A name never holds an `@`, an address always does.
pub async fn by_login(db: &impl ConnectionTrait, key: &str) -> Result<Option<Model>> {
    let column = if key.contains('@') { Column::EmailKey } else { Column::UsernameKey };
    Ok(Entity::find().filter(column.eq(key)).one(db).await?)
}

/// Users whose folded name begins with `prefix` and comes after `after`, in name order.
pub async fn by_prefix(
    db: &impl ConnectionTrait,
    prefix: &str,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find()
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::UsernameKey)
        .limit(limit);
    if !prefix.is_empty() {
        // Names are ASCII, so every name that begins with the prefix sorts before prefix + '\u{7f}'.
        query = query
            .filter(Column::UsernameKey.gte(prefix))
            .filter(Column::UsernameKey.lt(format!("{prefix}\u{7f}")));
    }
    if let Some(after) = after {
        query = query.filter(Column::UsernameKey.gt(after));
    }
    Ok(query.all(db).await?)
}

/// Every name, folded.
pub async fn names(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    Ok(Entity::find().select_only().column(Column::UsernameKey).into_tuple().all(db).await?)
}

/// The hash of somebody's password that begins with none of these.
pub async fn hash_unlike(
    db: &impl ConnectionTrait,
    beginnings: &[String],
) -> Result<Option<String>> {
    let mut query = Entity::find()
        .select_only()
        .column(Column::PasswordHash)
        .filter(Column::PasswordHash.like("$%"))
        .limit(1);
    for beginning in beginnings {
        query = query.filter(Column::PasswordHash.not_like(format!("{beginning}%")));
    }
    Ok(query.into_tuple().one(db).await?)
}

/// Users whose deletion is due; whoever has a role gives it up first.
pub async fn to_delete(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<UserId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DeletesAt.lte(now))
        .filter(Column::Role.eq(Role::Player))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::DeletesAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?)
}

/// Users who were deleted at or after `since`.
pub async fn deleted_since(db: &impl ConnectionTrait, since: Timestamp) -> Result<Vec<UserId>> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::DeletedAt.gte(since))
        .into_tuple()
        .all(db)
        .await?)
}

/// Puts a better hash of the same password in the place of one; false when that is there no more.
pub async fn upgrade_hash(
    db: &impl ConnectionTrait,
    id: UserId,
    from: &str,
    to: &str,
) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(to))
        .filter(Column::Id.eq(id))
        .filter(Column::PasswordHash.eq(from))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Which accounts are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A part of the folded name.
    pub name: Option<String>,
    /// A part of the folded address.
    pub email: Option<String>,
    /// With that role.
    pub role: Option<Role>,
    /// Suspended now, or not.
    pub suspended: Option<bool>,
    /// At home there.
    pub region: Option<RegionId>,
    /// Made then or later.
    pub since: Option<Timestamp>,
    /// Made before.
    pub until: Option<Timestamp>,
}

/// Accounts of that kind whose folded name comes after `after`, in name order.
pub async fn by_filter(
    db: &impl ConnectionTrait,
    filter: &Filter,
    now: Timestamp,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Model>> {
    let mut query = Entity::find().order_by_asc(Column::UsernameKey).limit(limit);
    if let Some(name) = &filter.name {
        query = query.filter(Expr::col(Column::UsernameKey).like(containing(name)));
    }
    if let Some(email) = &filter.email {
        query = query.filter(Expr::col(Column::EmailKey).like(containing(email)));
    }
    if let Some(role) = filter.role {
        query = query.filter(Column::Role.eq(role));
    }
    match filter.suspended {
        Some(true) => query = query.filter(Column::SuspendedUntil.gt(now)),
        Some(false) => {
            let free = Column::SuspendedUntil.is_null().or(Column::SuspendedUntil.lte(now));
            query = query.filter(free);
        }
        None => {}
    }
    if let Some(region) = &filter.region {
        query = query.filter(Column::Region.eq(region.clone()));
    }
    if let Some(since) = filter.since {
        query = query.filter(Column::CreatedAt.gte(since));
    }
    if let Some(until) = filter.until {
        query = query.filter(Column::CreatedAt.lt(until));
    }
    if let Some(after) = after {
        query = query.filter(Column::UsernameKey.gt(after));
    }
    Ok(query.all(db).await?)
}
