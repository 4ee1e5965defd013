//! Where a rating put its player, so that the place at any moment can be told; the highest tier reached; who is away.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let points = [
            double_null("deviation_at_match"),
            boolean_null("placed"),
            integer_null("wins"),
            big_integer_null("reached_at"),
            big_integer_null("lapses_at"),
        ];
        tables::add_columns(manager, "rating_points", points).await?;
        let standings = [
            integer_null("best_tier"),
            big_integer_null("lapses_at"),
            boolean("lapsed").default(false).take(),
        ];
        tables::add_columns(manager, "standings", standings).await?;
        let moments = &["season_id", "mode", "at"];
        tables::index(manager, "rating_points_by_moment", "rating_points", moments).await?;
        let lapse = &["season_id", "lapsed", "lapses_at"];
        tables::index(manager, "standings_by_lapse", "standings", lapse).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        tables::drop_index(manager, "standings_by_lapse", "standings").await?;
        tables::drop_index(manager, "rating_points_by_moment", "rating_points").await?;
        tables::drop_columns(manager, "standings", &["lapsed", "lapses_at", "best_tier"]).await?;
        let points = ["lapses_at", "reached_at", "wins", "placed", "deviation_at_match"];
        tables::drop_columns(manager, "rating_points", &points).await
    }
}
