//! People who queue together.

use sea_orm::{QuerySelect, entity::prelude::*};

use super::to_decide;
use crate::{
    error::Result,
    game::{
        ids::{PartyId, UserId},
        time::Timestamp,
    },
};

/// A row of `parties`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "parties")]
pub struct Model {
    /// Which.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: PartyId,
    /// Who queues for all.
    pub leader_id: UserId,
    /// What others need to join.
    pub join_code: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The party of that id.
pub async fn by_id(db: &impl ConnectionTrait, id: PartyId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// The party of that id, which nobody else changes until the transaction ends.
pub async fn lock(db: &impl ConnectionTrait, id: PartyId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).lock(to_decide(db)).one(db).await?)
}

/// The party that one joins with that code.
pub async fn by_code(db: &impl ConnectionTrait, code: &str) -> Result<Option<Model>> {
    Ok(Entity::find().filter(Column::JoinCode.eq(code)).one(db).await?)
}
