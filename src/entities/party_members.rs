//! Who is in which party: one at most.

use sea_orm::{QueryOrder, entity::prelude::*};

use crate::{
    error::Result,
    game::{
        ids::{PartyId, UserId},
        time::Timestamp,
    },
};

/// A row of `party_members`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "party_members")]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// In which party.
    pub party_id: PartyId,
    /// Whether they are ready to queue.
    pub ready: bool,
    /// Since when.
    pub joined_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Where a user is a member.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(user).one(db).await?)
}

/// The members of these parties, by party, the longest first.
pub async fn of_parties(db: &impl ConnectionTrait, ids: &[PartyId]) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::PartyId.is_in(ids.iter().copied()))
        .order_by_asc(Column::PartyId)
        .order_by_asc(Column::JoinedAt)
        .order_by_asc(Column::UserId)
        .all(db)
        .await?)
}
