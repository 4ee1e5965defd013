//! What each player is engaged in: one live ticket or one open match. The primary key is what keeps a player out of two.

use sea_orm::{
    Set,
    entity::prelude::*,
    sea_query::{CaseStatement, Expr},
};

use crate::{
    error::Result,
    game::ids::{MatchId, TicketId, UserId},
};

/// A row of `engagements`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "engagements")]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Their live ticket.
    pub ticket_id: Option<TicketId>,
    /// Their open match.
    pub match_id: Option<MatchId>,
}

/// See [`super::users::Relation`].
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What these users are engaged in; those who are in nothing are left out.
pub async fn of_users(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.is_in(users.iter().copied())).all(db).await?)
}

/// What this user is engaged in.
pub async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id(user).one(db).await?)
}

/// Engages users in a ticket. A unique violation: one of them is engaged already.
pub async fn queue(
    db: &impl ConnectionTrait,
    users: &[UserId],
    ticket: TicketId,
) -> Result<(), DbErr> {
    let rows = users.iter().map(|user| ActiveModel {
        user_id: Set(*user),
        ticket_id: Set(Some(ticket)),
        match_id: Set(None),
    });
    Entity::insert_many(rows).exec_without_returning(db).await?;
    Ok(())
}

/// Moves the holders of tickets into matches; says how many.
pub async fn promote(db: &impl ConnectionTrait, claims: &[(TicketId, MatchId)]) -> Result<u64> {
    let mut into = CaseStatement::new();
    for (ticket, id) in claims {
        into = into.case(Column::TicketId.eq(*ticket), *id);
    }
    // The match first: MySQL takes what was set before for what is there.
    let done = Entity::update_many()
        .col_expr(Column::MatchId, into.into())
        .col_expr(Column::TicketId, Expr::value(None::<TicketId>))
        .filter(Column::TicketId.is_in(claims.iter().map(|(ticket, _)| *ticket)))
        .exec(db)
        .await?;
    Ok(done.rows_affected)
}

/// Releases the holders of a ticket.
pub async fn release_ticket(db: &impl ConnectionTrait, ticket: TicketId) -> Result<()> {
    Entity::delete_many().filter(Column::TicketId.eq(ticket)).exec(db).await?;
    Ok(())
}

/// Releases the players of these matches.
pub async fn release_matches(db: &impl ConnectionTrait, ids: &[MatchId]) -> Result<()> {
    let of_these = Column::MatchId.is_in(ids.iter().copied());
    Entity::delete_many().filter(of_these).exec(db).await?;
    Ok(())
}
