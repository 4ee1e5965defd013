//! What the relay derives from facts: rank changes, the feed, notifications, and how far back each log reaches.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{self, long_text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_rank_changes(manager).await?;
        create_documents(manager).await?;
        tables::create(
            manager,
            "log_horizons",
            Table::create().col(string_len("log", 20).primary_key()).col(big_integer("position")),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["log_horizons", "notifications", "feed_items", "rank_changes"])
            .await
    }
}

async fn create_rank_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    tables::create(
        manager,
        "rank_changes",
        Table::create()
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
            .col(big_integer("at")),
    )
    .await?;
    tables::index(manager, "rank_changes_by_match", "rank_changes", &["match_id"]).await
}

async fn create_documents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    tables::create(
        manager,
        "feed_items",
        Table::create()
            .col(big_integer("position").primary_key())
            .col(string_len("kind", 32))
            .col(string_len_null("user_id", 40))
            .col(string_len_null("match_id", 40))
            .col(long_text(manager, "data").not_null())
            .col(big_integer("at")),
    )
    .await?;
    tables::create(
        manager,
        "notifications",
        Table::create()
            .col(string_len("id", 40).primary_key())
            .col(string_len("user_id", 40))
            .col(string_len("kind", 32))
            .col(string_len("title", 200))
            .col(string_len_null("body", 1000))
            .col(long_text(manager, "data").not_null())
            .col(big_integer_null("read_at"))
            .col(big_integer("created_at")),
    )
    .await?;
    tables::index(manager, "notifications_by_user", "notifications", &["user_id", "id"]).await
}
