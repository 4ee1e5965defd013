//! What nobody can take for a while: names of deleted accounts, and addresses and accounts elsewhere of those that were suspended.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "barred",
            Table::create()
                .col(string_len("kind", 10))
                // A keyed hash: it tells nobody what it is of.
                .col(string_len("mark", 64))
                .col(big_integer("until_ms"))
                .primary_key(Index::create().col("kind").col("mark")),
        )
        .await?;
        tables::index(manager, "barred_by_end", "barred", &["until_ms"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["barred"]).await
    }
}
