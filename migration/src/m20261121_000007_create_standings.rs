//! Where players stand, and every change of a rating, once per match and player.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_standings(manager).await?;
        create_points(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop(manager, &["rating_points", "standings"]).await
    }
}

async fn create_standings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    tables::create(
        manager,
        "standings",
        Table::create()
            .col(string_len("user_id", 40))
            .col(string_len("mode", 32))
            .col(string_len("season_id", 40))
            .col(double("rating"))
            .col(double("deviation"))
            .col(double("volatility"))
            .col(double("peak"))
            .col(integer("wins"))
            .col(integer("losses"))
            .col(integer("draws"))
            .col(integer("streak"))
            .col(integer("kills"))
            .col(integer("deaths"))
            .col(integer("assists"))
            .col(integer("placements_left"))
            .col(integer_null("tier"))
            .col(integer("matches_in_tier"))
            .col(big_integer("reached_at"))
            .col(big_integer_null("last_match_at"))
            .primary_key(Index::create().col("season_id").col("mode").col("user_id"))
            .foreign_key(ForeignKey::create().from("standings", "user_id").to("users", "id"))
            .foreign_key(ForeignKey::create().from("standings", "season_id").to("seasons", "id")),
    )
    .await?;
    tables::index(manager, "standings_by_user", "standings", &["user_id"]).await
}

async fn create_points(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    tables::create(
        manager,
        "rating_points",
        Table::create()
            .col(pk_auto("seq").big_integer())
            .col(string_len("user_id", 40))
            .col(string_len("match_id", 40))
            .col(string_len("mode", 32))
            .col(string_len("season_id", 40))
            .col(double("rating_before"))
            .col(double("deviation_before"))
            .col(double("volatility_before"))
            .col(double("rating_after"))
            .col(double("deviation_after"))
            .col(double("volatility_after"))
            .col(big_integer("at"))
            .foreign_key(ForeignKey::create().from("rating_points", "user_id").to("users", "id"))
            .foreign_key(
                ForeignKey::create().from("rating_points", "match_id").to("matches", "id"),
            ),
    )
    .await?;
    tables::unique_index(
        manager,
        "rating_points_once_a_match",
        "rating_points",
        &["match_id", "user_id"],
    )
    .await?;
    tables::index(
        manager,
        "rating_points_by_user",
        "rating_points",
        &["user_id", "season_id", "mode", "seq"],
    )
    .await
}
