//! Who has blocked whom, who may not queue for a while, and who has seen their ready check.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "blocks",
            Table::create()
                .col(string_len("user_id", 40))
                .col(string_len("blocked_id", 40))
                .col(big_integer("created_at"))
                .primary_key(Index::create().col("user_id").col("blocked_id"))
                .foreign_key(ForeignKey::create().from("blocks", "user_id").to("users", "id"))
                .foreign_key(ForeignKey::create().from("blocks", "blocked_id").to("users", "id")),
        )
        .await?;
        tables::create(
            manager,
            "penalties",
            Table::create()
                .col(string_len("user_id", 40).primary_key())
                .col(integer("steps"))
                .col(big_integer("last_at"))
                .col(big_integer("locked_until"))
                .col(string_len("reason", 40))
                .foreign_key(ForeignKey::create().from("penalties", "user_id").to("users", "id")),
        )
        .await?;
        tables::add_columns(manager, "match_players", [big_integer_null("asked_at")]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_columns(manager, "match_players", &["asked_at"]).await?;
        tables::drop(manager, &["penalties", "blocks"]).await
    }
}
