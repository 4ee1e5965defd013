//! The place of each fact in the log. The number that a fact gets when it is written is no order on engines where
//! transactions run side by side: a lower one may be committed later. The place is given when the fact is read.

use sea_orm_migration::{prelude::*, schema::*};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("outbox", "place").await? {
            let column = big_integer_null("place");
            let change = Table::alter().table("outbox").add_column(column).to_owned();
            manager.alter_table(change).await?;
        }
        // What was sent before was sent in the order of its number.
        let backfill = Query::update()
            .table("outbox")
            .value("place", Expr::col("seq"))
            .and_where(Expr::col("sent_at").is_not_null())
            .and_where(Expr::col("place").is_null())
            .to_owned();
        manager.execute(backfill).await?;
        tables::unique_index(manager, "outbox_by_place", "outbox", &["place"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_index("outbox", "outbox_by_place").await? {
            let index = Index::drop().name("outbox_by_place").table("outbox").to_owned();
            manager.drop_index(index).await?;
        }
        if !manager.has_column("outbox", "place").await? {
            return Ok(());
        }
        let change = Table::alter().table("outbox").drop_column("place").to_owned();
        manager.alter_table(change).await
    }
}
