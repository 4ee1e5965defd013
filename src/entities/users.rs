//! People with an account.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use super::to_decide;
use crate::{
    error::Result,
    game::{
        accounts::Role,
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
}

/// No relation is followed through the ORM: nested reads are batched by the loaders.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Whether the account may not sign in at that time.
    pub fn is_suspended(&self, now: Timestamp) -> bool {
        self.suspended_until.is_some_and(|until| until > now)
    }
}

/// The users of these ids, in no order; unknown ids are left out.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?)
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
    let mut query = Entity::find().order_by_asc(Column::UsernameKey).limit(limit);
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
