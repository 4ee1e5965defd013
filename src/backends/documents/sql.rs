//! Documents in the SQL database.

use async_trait::async_trait;

use super::Documents;
use crate::{
    backends::sql::Sql,
    entities::{feed_items, log_horizons, notifications},
    error::Result,
    game::{
        event::{FeedItem, Notification, Position},
        ids::{NotificationId, UserId},
        time::Timestamp,
    },
};

const FEED: &str = "feed";

/// See the module.
pub struct SqlDocuments {
    sql: Sql,
}

impl SqlDocuments {
    /// Documents in that database.
    pub const fn new(sql: Sql) -> Self {
        Self { sql }
    }
}

#[async_trait]
impl Documents for SqlDocuments {
    async fn append(&self, feed: &[FeedItem], messages: &[Notification]) -> Result<()> {
        if feed.is_empty() && messages.is_empty() {
            return Ok(());
        }
        let tx = self.sql.begin().await?;
        feed_items::append(&tx, feed).await?;
        notifications::append(&tx, messages).await?;
        Ok(tx.commit().await?)
    }

    async fn feed_since(&self, after: Position, limit: u64) -> Result<Vec<FeedItem>> {
        feed_items::since(self.sql.read(), after, limit).await
    }

    async fn feed_newest(&self, before: Option<Position>, limit: u64) -> Result<Vec<FeedItem>> {
        feed_items::newest(self.sql.read(), before, limit).await
    }

    async fn feed_horizon(&self) -> Result<Position> {
        log_horizons::of(self.sql.read(), FEED).await
    }

    async fn notifications(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<NotificationId>,
        limit: u64,
    ) -> Result<Vec<Notification>> {
        notifications::list(self.sql.read(), user, unread_only, before, limit).await
    }

    async fn notification(&self, user: UserId, id: NotificationId) -> Result<Option<Notification>> {
        notifications::by_id(self.sql.read(), user, id).await
    }

    async fn unread(&self, user: UserId) -> Result<u64> {
        notifications::unread(self.sql.read(), user).await
    }

    async fn mark_read(&self, user: UserId, ids: &[NotificationId], now: Timestamp) -> Result<()> {
        let tx = self.sql.begin().await?;
        notifications::mark_read(&tx, user, ids, now).await?;
        Ok(tx.commit().await?)
    }

    async fn expire(&self, feed_before: Timestamp) -> Result<()> {
        let tx = self.sql.begin().await?;
        if let Some(forgotten) = feed_items::forget(&tx, feed_before).await? {
            log_horizons::put(&tx, FEED, forgotten).await?;
        }
        Ok(tx.commit().await?)
    }
}
