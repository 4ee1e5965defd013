//! Mails with tokens that prove an address, failed sign-ins that slow the next ones down, and accounts that are to be deleted.

use sea_orm_migration::{prelude::*, schema::*, sea_orm::DbBackend};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::add_columns(
            manager,
            "users",
            [
                big_integer_null("email_verified_at"),
                big_integer_null("deletes_at"),
                big_integer_null("deleted_at"),
            ],
        )
        .await?;
        tables::index(manager, "users_by_deletion", "users", &["deletes_at"]).await?;
        tables::create(
            manager,
            "mails",
            Table::create()
                .col(string_len("id", 40).primary_key())
                // Null where nobody has the address that was asked for: then nothing is sent.
                .col(string_len_null("user_id", 40))
                .col(string_len("kind", 20))
                .col(big_integer("created_at"))
                .col(big_integer("due_at"))
                .col(integer("attempts"))
                .foreign_key(ForeignKey::create().from("mails", "user_id").to("users", "id")),
        )
        .await?;
        tables::index(manager, "mails_by_due", "mails", &["due_at"]).await?;
        tables::create(
            manager,
            "one_time_tokens",
            Table::create()
                .col(string_len("hash", 64).primary_key())
                .col(string_len("user_id", 40))
                .col(string_len("kind", 20))
                // The address that it went to: it proves no other.
                .col(string_len("email_key", 254))
                .col(big_integer("expires_at"))
                .foreign_key(
                    ForeignKey::create().from("one_time_tokens", "user_id").to("users", "id"),
                ),
        )
        .await?;
        tables::index(manager, "one_time_tokens_by_user", "one_time_tokens", &["user_id"]).await?;
        tables::index(manager, "one_time_tokens_by_expiry", "one_time_tokens", &["expires_at"])
            .await?;
        tables::create(
            manager,
            "login_failures",
            Table::create()
                .col(string_len("id", 64).primary_key())
                .col(integer("failures"))
                .col(big_integer("last_at"))
                .col(big_integer("blocked_until")),
        )
        .await?;
        tables::index(manager, "login_failures_by_time", "login_failures", &["last_at"]).await?;
        tables::create(
            manager,
            "erasures",
            Table::create()
                .col(string_len("user_id", 40).primary_key())
                .col(string_len("was", 20))
                .col(big_integer("at"))
                .col(big_integer("upto"))
                .foreign_key(ForeignKey::create().from("erasures", "user_id").to("users", "id")),
        )
        .await?;
        tables::index(manager, "feed_items_by_match", "feed_items", &["match_id"]).await?;
        // Several secrets for one purpose, a line each.
        match manager.get_database_backend() {
            DbBackend::MySql => {
                let widen = "ALTER TABLE secrets MODIFY value LONGTEXT NOT NULL";
                manager.get_connection().execute_unprepared(widen).await?;
            }
            DbBackend::Postgres => {
                let widen = "ALTER TABLE secrets ALTER COLUMN value TYPE text";
                manager.get_connection().execute_unprepared(widen).await?;
            }
            // Text of any length there.
            _ => {}
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_index(manager, "feed_items_by_match", "feed_items").await?;
        tables::drop(manager, &["erasures", "login_failures", "one_time_tokens", "mails"]).await?;
        tables::drop_index(manager, "users_by_deletion", "users").await?;
        let columns = ["email_verified_at", "deletes_at", "deleted_at"];
        tables::drop_columns(manager, "users", &columns).await
    }
}
