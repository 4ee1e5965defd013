//! People who queue together: a person is in one party at most.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::create(
            manager,
            "parties",
            Table::create()
                .col(string_len("id", 40).primary_key())
                .col(string_len("leader_id", 40))
                .col(string_len("join_code", 16))
                .col(big_integer("created_at"))
                .foreign_key(ForeignKey::create().from("parties", "leader_id").to("users", "id")),
        )
        .await?;
        let code = "parties_by_code";
        tables::unique_index(manager, code, "parties", &["join_code"]).await?;
        tables::create(
            manager,
            "party_members",
            Table::create()
                .col(string_len("user_id", 40).primary_key())
                .col(string_len("party_id", 40))
                .col(boolean("ready"))
                .col(big_integer("joined_at"))
                .foreign_key(
                    ForeignKey::create().from("party_members", "user_id").to("users", "id"),
                )
                .foreign_key(
                    ForeignKey::create().from("party_members", "party_id").to("parties", "id"),
                ),
        )
        .await?;
        tables::index(manager, "party_members_by_party", "party_members", &["party_id"]).await?;
        tables::add_columns(manager, "tickets", [string_len_null("party_id", 40)]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_columns(manager, "tickets", &["party_id"]).await?;
        tables::drop(manager, &["party_members", "parties"]).await
    }
}
