//! Game servers' credentials.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*, sea_query::Expr};

use crate::{
    error::Result,
    game::{ids::ServerKeyId, time::Timestamp},
};

/// A row of `server_keys`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "server_keys")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServerKeyId,
    /// For people.
    pub name: String,
    /// SHA-256 of the key, in hex.
    pub hash: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The live key with that hash.
pub async fn live_by_hash(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>> {
    Ok(Entity::find()
        .filter(Column::Hash.eq(hash))
        .filter(Column::RevokedAt.is_null())
        .one(db)
        .await?)
}

/// Takes a key back; false when it was taken back already.
pub async fn revoke(db: &impl ConnectionTrait, id: ServerKeyId, now: Timestamp) -> Result<bool> {
    let done = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The keys that were taken back since then.
pub async fn revoked_since(
    db: &impl ConnectionTrait,
    since: Timestamp,
) -> Result<Vec<ServerKeyId>> {
    let query = Entity::find().select_only().column(Column::Id);
    Ok(query.filter(Column::RevokedAt.gte(since)).into_tuple().all(db).await?)
}

/// Every key, the newest first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>> {
    Ok(Entity::find().order_by_desc(Column::Id).all(db).await?)
}
