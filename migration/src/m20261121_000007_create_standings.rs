//! Where players stand, and every change of a rating, once per match and player.

use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_standings(manager).await?;
        create_points(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["rating_points", "standings"] {
            manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}

async fn create_standings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("standings")
                .if_not_exists()
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
                .foreign_key(
                    ForeignKey::create().from("standings", "season_id").to("seasons", "id"),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("standings_by_user")
                .table("standings")
                .col("user_id")
                .to_owned(),
        )
        .await
}

async fn create_points(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("rating_points")
                .if_not_exists()
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
                .foreign_key(
                    ForeignKey::create().from("rating_points", "user_id").to("users", "id"),
                )
                .foreign_key(
                    ForeignKey::create().from("rating_points", "match_id").to("matches", "id"),
                )
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("rating_points_once_a_match")
                .table("rating_points")
                .col("match_id")
                .col("user_id")
                .unique()
                .to_owned(),
        )
        .await?;
    manager
        .create_index(
            Index::create()
                .if_not_exists()
                .name("rating_points_by_user")
                .table("rating_points")
                .col("user_id")
                .col("season_id")
                .col("mode")
                .col("seq")
                .to_owned(),
        )
        .await
}
