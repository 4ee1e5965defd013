//! Mails to an address that is not the account's, and tokens that make it the account's.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

const TABLES: [&str; 2] = ["mails", "one_time_tokens"];

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            // As it was typed; null: the account's own.
            tables::add_columns(manager, table, [string_len_null("email", 254)]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            tables::drop_columns(manager, table, &["email"]).await?;
        }
        Ok(())
    }
}
