//! Who came lately is asked for all the time.

use sea_orm_migration::prelude::*;

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::index(manager, "tickets_by_arrival", "tickets", &["mode", "joined_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_index(manager, "tickets_by_arrival", "tickets").await
    }
}
