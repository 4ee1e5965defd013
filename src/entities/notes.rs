//! What moderators note about people, for each other.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use crate::{
    error::Result,
    game::{
        ids::{NoteId, UserId},
        time::Timestamp,
    },
};

/// A row of `notes`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "notes")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NoteId,
    /// About whom.
    pub user_id: UserId,
    /// By whom.
    pub author_id: UserId,
    /// 1 to 1,000 characters.
    pub text: String,
    /// When.
    pub created_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The notes about somebody, newest first.
pub async fn about(db: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<Vec<Model>> {
    let query =
        Entity::find().filter(Column::UserId.eq(user)).order_by_desc(Column::Id).limit(limit);
    Ok(query.all(db).await?)
}

/// Forgets what was noted about somebody.
pub async fn forget(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
