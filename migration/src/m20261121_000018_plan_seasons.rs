//! The rules that a season was begun with, what follows it, and where everybody stood at its end.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            tables::long_text(manager, "rules").null().take(),
            string_len_null("next_name", 100),
            big_integer_null("settled_at"),
        ];
        tables::add_columns(manager, "seasons", columns).await?;
        // Those that are over already are not told of now.
        let settled = "UPDATE seasons SET settled_at = ends_at WHERE current_key IS NULL";
        manager.get_connection().execute_unprepared(settled).await?;
        tables::create(
            manager,
            "season_results",
            Table::create()
                .col(string_len("season_id", 40))
                .col(string_len("mode", 32))
                .col(string_len("user_id", 40))
                .col(integer("rank"))
                .col(integer("mmr"))
                .col(string_len_null("tier", 64))
                .col(big_integer("told_at"))
                .primary_key(Index::create().col("season_id").col("mode").col("user_id"))
                .foreign_key(
                    ForeignKey::create().from("season_results", "season_id").to("seasons", "id"),
                )
                .foreign_key(
                    ForeignKey::create().from("season_results", "user_id").to("users", "id"),
                ),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["season_results"]).await?;
        tables::drop_columns(manager, "seasons", &["settled_at", "next_name", "rules"]).await
    }
}
