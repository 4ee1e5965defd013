//! Who leads what until when, and how often leadership changed hands: the token that tells a leader from its predecessor.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "leases",
            Table::create()
                .col(string_len("name", 64).primary_key())
                .col(string_len("holder", 64))
                .col(big_integer("expires_at")),
        )
        .await?;
        tables::create(
            manager,
            "fences",
            Table::create().col(string_len("name", 64).primary_key()).col(big_integer("token")),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["fences", "leases"]).await
    }
}
