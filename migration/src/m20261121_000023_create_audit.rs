//! What was done with privileges or to accounts, in a chain that shows when it is tampered with; and the notes of moderators.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "audit_log",
            Table::create()
                .col(big_integer("seq").primary_key())
                .col(big_integer("at"))
                .col(string_len("actor", 48))
                .col(string_len("action", 40))
                .col(string_len("object", 80))
                .col(string_len_null("request_id", 64))
                // Null once a person in them had their data deleted; the digests stay.
                .col(tables::long_text(manager, "details").null().to_owned())
                .col(string_len_null("salt", 64))
                .col(string_len("digest", 64))
                .col(string_len_null("whence", 300))
                .col(string_len_null("whence_salt", 64))
                .col(string_len("whence_digest", 64))
                .col(string_len("hash", 64)),
        )
        .await?;
        for (name, columns) in [
            ("audit_log_by_actor", ["actor", "seq"]),
            ("audit_log_by_object", ["object", "seq"]),
            ("audit_log_by_action", ["action", "seq"]),
        ] {
            tables::index(manager, name, "audit_log", &columns).await?;
        }
        tables::create(
            manager,
            "audit_head",
            Table::create()
                .col(integer("id").primary_key().check(Expr::col("id").eq(1)))
                .col(big_integer("seq"))
                .col(string_len("hash", 64))
                .col(string_len("seal", 64)),
        )
        .await?;
        tables::create(
            manager,
            "notes",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("user_id", 40))
                .col(string_len("author_id", 40))
                .col(string_len("text", 2000))
                .col(big_integer("created_at"))
                .foreign_key(ForeignKey::create().from("notes", "user_id").to("users", "id"))
                .foreign_key(ForeignKey::create().from("notes", "author_id").to("users", "id")),
        )
        .await?;
        tables::index(manager, "notes_by_user", "notes", &["user_id", "id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["notes", "audit_head", "audit_log"]).await
    }
}
