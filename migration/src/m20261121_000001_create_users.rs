//! People with an account.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "users",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("username", 20))
                .col(string_len_uniq("username_key", 20))
                .col(string_len("email", 254))
                .col(string_len_uniq("email_key", 254))
                .col(string_len("password_hash", 255))
                .col(string_len("role", 10).check(Expr::col("role").is_in([
                    "PLAYER",
                    "MODERATOR",
                    "ADMIN",
                ])))
                .col(string_len_null("region", 32))
                .col(string_len_null("country", 2))
                .col(string_len_null("avatar_url", 500))
                .col(string_len_null("bio", 2000))
                .col(big_integer_null("suspended_until"))
                .col(string_len_null("suspended_reason", 500))
                .col(big_integer("created_at")),
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["users"]).await
    }
}
