//! Corrections that reach far: they are made in the background.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "corrections",
            Table::create()
                .col(string_len("match_id", 40).primary_key())
                .col(string_len_null("reason", 500))
                .col(big_integer("asked_at"))
                .foreign_key(
                    ForeignKey::create().from("corrections", "match_id").to("matches", "id"),
                ),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["corrections"]).await
    }
}
