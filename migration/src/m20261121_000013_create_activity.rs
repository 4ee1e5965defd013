//! The audit trail, and what is picked how often.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{self, long_text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "user_activity",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("user_id", 40))
                .col(string_len("kind", 32))
                .col(string_len_null("by_user", 40))
                .col(long_text(manager, "data").not_null())
                .col(big_integer("at")),
        )
        .await?;
        tables::index(manager, "user_activity_by_user", "user_activity", &["user_id", "id"])
            .await?;
        tables::index(manager, "user_activity_by_time", "user_activity", &["at"]).await?;
        tables::create(
            manager,
            "hero_pick_rates",
            Table::create()
                .col(string_len("mode", 32))
                .col(big_integer("day"))
                .col(string_len("hero", 64))
                .col(big_integer("picks"))
                .primary_key(Index::create().col("mode").col("day").col("hero")),
        )
        .await?;
        tables::index(manager, "matches_by_end", "matches", &["ended_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_index("matches", "matches_by_end").await? {
            let index = Index::drop().name("matches_by_end").table("matches").to_owned();
            manager.drop_index(index).await?;
        }
        tables::drop(manager, &["hero_pick_rates", "user_activity"]).await
    }
}
