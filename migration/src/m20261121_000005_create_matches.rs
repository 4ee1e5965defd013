//! Matches, who plays in them, and their timelines.

use sea_orm_migration::{prelude::*, schema::*};

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
        for table in ["match_events", "match_players", "matches"] {
            manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}

async fn create_matches(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let states = ["READY_CHECK", "PENDING", "IN_PROGRESS", "COMPLETED", "CANCELLED"];
    manager
        .create_table(
            Table::create()
                .table("matches")
                .if_not_exists()
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
                .foreign_key(ForeignKey::create().from("matches", "season_id").to("seasons", "id"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("matches_by_deadline")
                .table("matches")
                .col("deadline_at")
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("matches_by_mode_status")
                .table("matches")
                .col("mode")
                .col("status")
                .col("id")
                .to_owned(),
        )
        .await
}

async fn create_players(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("match_players")
                .if_not_exists()
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
                .foreign_key(
                    ForeignKey::create().from("match_players", "match_id").to("matches", "id"),
                )
                .foreign_key(
                    ForeignKey::create().from("match_players", "user_id").to("users", "id"),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("match_players_by_user")
                .table("match_players")
                .col("user_id")
                .col("match_id")
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("match_players_once_a_slot")
                .table("match_players")
                .col("match_id")
                .col("team")
                .col("slot")
                .unique()
                .to_owned(),
        )
        .await
}

async fn create_events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("match_events")
                .if_not_exists()
                .col(string_len("match_id", 40))
                .col(big_integer("position"))
                .col(integer_null("sequence"))
                .col(string_len("kind", 64))
                .col(integer("at_ms"))
                .col(string_len_null("actor", 40))
                .col(string_len_null("target", 40))
                .col(text_null("data"))
                .col(big_integer("recorded_at"))
                .primary_key(Index::create().col("match_id").col("position"))
                .foreign_key(
                    ForeignKey::create().from("match_events", "match_id").to("matches", "id"),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("match_events_once_a_sequence")
                .table("match_events")
                .col("match_id")
                .col("sequence")
                .unique()
                .to_owned(),
        )
        .await
}
