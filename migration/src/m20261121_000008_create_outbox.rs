//! Facts on their way out of the database.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables::{self, long_text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "outbox",
            Table::create()
                .col(pk_auto("seq").big_integer())
                .col(string_len_uniq("id", 40))
                .col(string_len("kind", 32))
                .col(long_text(manager, "payload").not_null())
                .col(big_integer("created_at"))
                .col(big_integer_null("sent_at")),
        )
        .await?;
        tables::index(manager, "outbox_unsent", "outbox", &["sent_at", "seq"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["outbox"]).await
    }
}
