//! What the relay derives from facts: rank changes, the feed, notifications, and how far back each log reaches.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_rank_changes(manager).await?;
        create_documents(manager).await?;
        manager
            .create_table(
                Table::create()
                    .table("log_horizons")
                    .if_not_exists()
                    .col(string_len("log", 20).primary_key())
                    .col(big_integer("position"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["log_horizons", "notifications", "feed_items", "rank_changes"] {
            manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}

async fn create_rank_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("rank_changes")
                .if_not_exists()
                .col(big_integer("position").primary_key())
                .col(string_len("user_id", 40))
                .col(string_len("mode", 32))
                .col(string_len_null("match_id", 40))
                .col(integer("mmr_before"))
                .col(integer("mmr_after"))
                .col(integer_null("rank_before"))
                .col(integer_null("rank_after"))
                .col(integer_null("tier_before"))
                .col(integer_null("tier_after"))
                .col(big_integer("at"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("rank_changes_by_match")
                .table("rank_changes")
                .col("match_id")
                .to_owned(),
        )
        .await
}

async fn create_documents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("feed_items")
                .if_not_exists()
                .col(big_integer("position").primary_key())
                .col(string_len("kind", 32))
                .col(string_len_null("user_id", 40))
                .col(string_len_null("match_id", 40))
                .col(text("data"))
                .col(big_integer("at"))
                .to_owned(),
        )
        .await?;
    manager
        .create_table(
            Table::create()
                .table("notifications")
                .if_not_exists()
                .col(string_len("id", 40).primary_key())
                .col(string_len("user_id", 40))
                .col(string_len("kind", 32))
                .col(string_len("title", 200))
                .col(string_len_null("body", 1000))
                .col(text("data"))
                .col(big_integer_null("read_at"))
                .col(big_integer("created_at"))
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("notifications_by_user")
                .table("notifications")
                .col("user_id")
                .col("id")
                .to_owned(),
        )
        .await
}
