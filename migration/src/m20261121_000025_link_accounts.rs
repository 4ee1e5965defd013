//! Accounts at other services that people sign in with, and sign-ins there that are under way.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "linked_accounts",
            Table::create()
                .col(string_len("provider", 20))
                .col(string_len("subject", 190))
                .col(string_len("user_id", 40))
                .col(string_len("name", 100))
                // Encrypted.
                .col(tables::long_text(manager, "tokens").not_null().to_owned())
                .col(big_integer("linked_at"))
                .col(big_integer("last_used_at"))
                .primary_key(Index::create().col("provider").col("subject"))
                .foreign_key(
                    ForeignKey::create().from("linked_accounts", "user_id").to("users", "id"),
                ),
        )
        .await?;
        let columns = ["user_id", "provider"];
        tables::unique_index(manager, "linked_accounts_by_user", "linked_accounts", &columns)
            .await?;
        tables::create(
            manager,
            "oauth_flows",
            Table::create()
                .col(string_len("state_hash", 64).primary_key())
                .col(string_len("secret_hash", 64))
                .col(string_len("provider", 20))
                .col(string_len_null("user_id", 40))
                // Encrypted.
                .col(tables::long_text(manager, "verifier").not_null().to_owned())
                .col(string_len("redirect_uri", 500))
                .col(big_integer("expires_at"))
                .foreign_key(ForeignKey::create().from("oauth_flows", "user_id").to("users", "id")),
        )
        .await?;
        tables::index(manager, "oauth_flows_by_expiry", "oauth_flows", &["expires_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["oauth_flows", "linked_accounts"]).await
    }
}
