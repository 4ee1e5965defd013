//! Corrections that are still to be made.

use sea_orm::{QueryOrder, QuerySelect, entity::prelude::*};

use super::put_all;
use crate::{
    error::Result,
    game::{ids::MatchId, time::Timestamp},
};

/// A row of `corrections`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "corrections")]
pub struct Model {
    /// The match from which on ratings are to be worked out anew.
    #[sea_orm(primary_key, auto_increment = false)]
    pub match_id: MatchId,
    /// Why it was voided; none: its result came late.
    pub reason: Option<String>,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Asks for a correction.
pub async fn ask(db: &impl ConnectionTrait, row: Model) -> Result<()> {
    put_all(db, &[Column::MatchId], vec![ActiveModel::from(row)]).await
}

/// The correction that was asked for first.
pub async fn first(db: &impl ConnectionTrait) -> Result<Option<Model>> {
    Ok(Entity::find().order_by_asc(Column::AskedAt).limit(1).one(db).await?)
}

/// The correction of that match.
pub async fn of_match(db: &impl ConnectionTrait, id: MatchId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(id).one(db).await?)
}

/// A correction is made.
pub async fn done(db: &impl ConnectionTrait, id: MatchId) -> Result<()> {
    Entity::delete_by_id(id).exec(db).await?;
    Ok(())
}

/// How many there are.
pub async fn left(db: &impl ConnectionTrait) -> Result<u64> {
    Ok(Entity::find().count(db).await?)
}
