//! Signed-in devices and the refresh tokens that descend from each sign-in.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "sessions",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("user_id", 40))
                .col(big_integer("created_at"))
                .col(big_integer("last_used_at"))
                .col(big_integer("expires_at"))
                .col(big_integer_null("ended_at"))
                .col(string_len_null("user_agent", 200))
                .col(string_len("address", 45))
                .foreign_key(ForeignKey::create().from("sessions", "user_id").to("users", "id")),
        )
        .await?;
        for (name, column) in [("sessions_by_user", "user_id"), ("sessions_by_end", "ended_at")] {
            tables::index(manager, name, "sessions", &[column]).await?;
        }
        tables::create(
            manager,
            "refresh_tokens",
            Table::create()
                .col(string_len("hash", 64).primary_key())
                .col(string_len("session_id", 40))
                .col(big_integer("expires_at"))
                .col(big_integer_null("used_at"))
                .foreign_key(
                    ForeignKey::create().from("refresh_tokens", "session_id").to("sessions", "id"),
                ),
        )
        .await?;
        tables::index(manager, "refresh_tokens_by_expiry", "refresh_tokens", &["expires_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["refresh_tokens", "sessions"]).await
    }
}
