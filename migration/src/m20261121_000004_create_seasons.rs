//! Seasons; `current_key` is 1 for the current one and null for the others, so that there is one at most.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "seasons",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("name", 100))
                .col(big_integer("starts_at"))
                .col(big_integer_null("ends_at"))
                .col(
                    integer_null("current_key").unique_key().check(Expr::col("current_key").eq(1)),
                ),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["seasons"]).await
    }
}
