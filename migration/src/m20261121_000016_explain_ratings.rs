//! How long a player had not played when a match moved their rating: with it, the change can be worked out anew.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [big_integer_null("idle_ms")];
        tables::add_columns(manager, "rating_points", columns).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_columns(manager, "rating_points", &["idle_ms"]).await
    }
}
