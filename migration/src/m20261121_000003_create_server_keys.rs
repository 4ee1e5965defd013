//! Game servers' credentials.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "server_keys",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("name", 100))
                .col(string_len_uniq("hash", 64))
                .col(big_integer("created_at"))
                .col(big_integer_null("revoked_at")),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["server_keys"]).await
    }
}
