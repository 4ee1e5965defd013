//! Which trace a fact belongs to, so that it can be followed to the subscribers.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("outbox", "trace").await? {
            return Ok(());
        }
        let column = string_len_null("trace", 64);
        manager.alter_table(Table::alter().table("outbox").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("outbox", "trace").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("outbox").drop_column("trace").to_owned()).await
    }
}
