//! Places in the queue, and what each player is engaged in: one live ticket or one open match, never more.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_tickets(manager).await?;
        create_engagements(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["engagements", "ticket_players", "tickets"]).await
    }
}

async fn create_tickets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let states = ["SEARCHING", "MATCHED", "CANCELLED", "EXPIRED"];
    tables::create(
        manager,
        "tickets",
        Table::create()
            .col(string_len("id", 40).primary_key())
            .col(string_len("mode", 32))
            .col(string_len("state", 10).check(Expr::col("state").is_in(states)))
            .col(string_len("regions", 2000))
            .col(double("mmr"))
            .col(big_integer("joined_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("ended_at"))
            .col(string_len_null("match_id", 40))
            .foreign_key(ForeignKey::create().from("tickets", "match_id").to("matches", "id")),
    )
    .await?;
    tables::index(manager, "tickets_by_queue", "tickets", &["state", "mode", "joined_at"]).await?;
    tables::index(manager, "tickets_by_end", "tickets", &["mode", "state", "ended_at"]).await?;
    tables::create(
        manager,
        "ticket_players",
        Table::create()
            .col(string_len("ticket_id", 40))
            .col(string_len("user_id", 40))
            .col(double("rating"))
            .col(double("deviation"))
            .col(double("volatility"))
            .primary_key(Index::create().col("ticket_id").col("user_id"))
            .foreign_key(
                ForeignKey::create().from("ticket_players", "ticket_id").to("tickets", "id"),
            )
            .foreign_key(ForeignKey::create().from("ticket_players", "user_id").to("users", "id")),
    )
    .await
}

async fn create_engagements(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let one_of_both = Expr::col("ticket_id").is_null().ne(Expr::col("match_id").is_null());
    tables::create(
        manager,
        "engagements",
        Table::create()
            .col(string_len("user_id", 40).primary_key())
            .col(string_len_null("ticket_id", 40))
            .col(string_len_null("match_id", 40))
            .check(one_of_both)
            .foreign_key(ForeignKey::create().from("engagements", "user_id").to("users", "id"))
            .foreign_key(ForeignKey::create().from("engagements", "ticket_id").to("tickets", "id"))
            .foreign_key(ForeignKey::create().from("engagements", "match_id").to("matches", "id")),
    )
    .await?;
    for (name, column) in
        [("engagements_by_ticket", "ticket_id"), ("engagements_by_match", "match_id")]
    {
        tables::index(manager, name, "engagements", &[column]).await?;
    }
    Ok(())
}
