//! Whose key or account a match was reported with.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::add_columns(manager, "matches", [string_len_null("reported_by", 48)]).await?;
        tables::index(manager, "matches_by_reporter", "matches", &["reported_by", "id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_index(manager, "matches_by_reporter", "matches").await?;
        tables::drop_columns(manager, "matches", &["reported_by"]).await
    }
}
