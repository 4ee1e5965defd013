//! Who holds which ticket, with the rating they queued with.

use sea_orm::{QueryOrder, QuerySelect, QueryTrait, entity::prelude::*};

use super::tickets;
use crate::{
    error::Result,
    game::{
        ids::{TicketId, UserId},
        matches::TicketState,
        mode::ModeId,
        rating::Rating,
    },
};

/// A row of `ticket_players`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "ticket_players")]
pub struct Model {
    /// Which ticket.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ticket_id: TicketId,
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Their rating.
    pub rating: f64,
    /// Its uncertainty.
    pub deviation: f64,
    /// Its volatility.
    pub volatility: f64,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The rating they queued with.
    pub const fn rating(&self) -> Rating {
        Rating { value: self.rating, deviation: self.deviation, volatility: self.volatility }
    }
}

/// The holders of these tickets, by ticket.
pub async fn of_tickets(db: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(Column::TicketId)
        .order_by_asc(Column::UserId)
        .all(db)
        .await?)
}

/// The holders of every waiting ticket of a mode, by ticket.
pub async fn of_queue(db: &impl ConnectionTrait, mode: &ModeId) -> Result<Vec<Model>> {
    let waiting = tickets::Entity::find()
        .select_only()
        .column(tickets::Column::Id)
        .filter(tickets::Column::State.eq(TicketState::Searching))
        .filter(tickets::Column::Mode.eq(mode.clone()))
        .into_query();
    Ok(Entity::find()
        .filter(Column::TicketId.in_subquery(waiting))
        .order_by_asc(Column::TicketId)
        .order_by_asc(Column::UserId)
        .all(db)
        .await?)
}

/// What a user held, the oldest first.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::UserId.eq(user))
        .order_by_asc(Column::TicketId)
        .all(db)
        .await?)
}

/// Forgets who held these tickets.
pub async fn forget(db: &impl ConnectionTrait, tickets: &[TicketId]) -> Result<()> {
    let of_these = Column::TicketId.is_in(tickets.iter().copied());
    Entity::delete_many().filter(of_these).exec(db).await?;
    Ok(())
}

/// Forgets what a user held.
pub async fn forget_of(db: &impl ConnectionTrait, user: UserId) -> Result<()> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(db).await?;
    Ok(())
}
