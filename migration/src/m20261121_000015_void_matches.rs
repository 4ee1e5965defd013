//! Completed matches whose result was taken back.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [big_integer_null("voided_at"), string_len_null("void_reason", 500)];
        tables::add_columns(manager, "matches", columns).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_columns(manager, "matches", &["void_reason", "voided_at"]).await
    }
}
