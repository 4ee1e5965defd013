//! Matches, who plays in them, and their timelines.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{self, long_text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_matches(manager).await?;
        create_players(manager).await?;
        create_events(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["match_events", "match_players", "matches"]).await
    }
}

async fn create_matches(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let states = ["READY_CHECK", "PENDING", "IN_PROGRESS", "COMPLETED", "CANCELLED"];
    tables::create(
        manager,
        "matches",
        Table::create()
            .col(string_len("id", 40).primary_key())
            .col(string_len("mode", 32))
            .col(string_len("region", 32))
            .col(string_len("season_id", 40))
            .col(string_len("status", 12).check(Expr::col("status").is_in(states)))
            .col(integer("average_mmr"))
            .col(integer("mmr_spread"))
            .col(string_len("win_probabilities", 500))
            .col(big_integer("created_at"))
            .col(big_integer_null("started_at"))
            .col(big_integer_null("ended_at"))
            .col(big_integer_null("deadline_at"))
            .col(string_len_null("cancel_reason", 500))
            .col(string_len_null("endpoint", 300))
            .col(string_len_null("result_hash", 64))
            .col(string_len_null("team_results", 2000))
            .foreign_key(ForeignKey::create().from("matches", "season_id").to("seasons", "id")),
    )
    .await?;
    tables::index(manager, "matches_by_deadline", "matches", &["deadline_at"]).await?;
    tables::index(manager, "matches_by_mode_status", "matches", &["mode", "status", "id"]).await
}

async fn create_players(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    tables::create(
        manager,
        "match_players",
        Table::create()
            .col(string_len("match_id", 40))
            .col(string_len("user_id", 40))
            .col(string_len("ticket_id", 40))
            .col(integer("team"))
            .col(integer("slot"))
            .col(integer("mmr_before"))
            .col(integer_null("mmr_after"))
            .col(boolean_null("accepted"))
            .col(integer("kills").default(0))
            .col(integer("deaths").default(0))
            .col(integer("assists").default(0))
            .col(string_len_null("hero", 64))
            .col(boolean("abandoned").default(false))
            .primary_key(Index::create().col("match_id").col("user_id"))
            .foreign_key(ForeignKey::create().from("match_players", "match_id").to("matches", "id"))
            .foreign_key(ForeignKey::create().from("match_players", "user_id").to("users", "id")),
    )
    .await?;
    tables::index(manager, "match_players_by_user", "match_players", &["user_id", "match_id"])
        .await?;
    tables::unique_index(
        manager,
        "match_players_once_a_slot",
        "match_players",
        &["match_id", "team", "slot"],
    )
    .await
}

async fn create_events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    tables::create(
        manager,
        "match_events",
        Table::create()
            .col(string_len("match_id", 40))
            .col(big_integer("position"))
            .col(integer_null("sequence"))
            .col(string_len("kind", 64))
            .col(integer("at_ms"))
            .col(string_len_null("actor", 40))
            .col(string_len_null("target", 40))
            .col(long_text(manager, "data"))
            .col(big_integer("recorded_at"))
            .primary_key(Index::create().col("match_id").col("position"))
            .foreign_key(ForeignKey::create().from("match_events", "match_id").to("matches", "id")),
    )
    .await?;
    tables::unique_index(
        manager,
        "match_events_once_a_sequence",
        "match_events",
        &["match_id", "sequence"],
    )
    .await
}
