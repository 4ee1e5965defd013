//! Documents in the SQL database.

use async_trait::async_trait;

use super::{Batch, DAY_MS, Documents, Erased, NOBODY, PickRate};
use crate::{
    backends::sql::Sql,
    entities::{feed_items, hero_pick_rates, log_horizons, notifications, user_activity},
    error::Result,
    game::{
        event::{Activity, FeedItem, Notification, Position},
        ids::{NotificationId, UserId},
        mode::ModeId,
        time::Timestamp,
    },
};

const FEED: &str = "feed";
/// Matches that are looked for at once.
const TOGETHER: usize = 500;

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
    async fn append(&self, batch: &Batch) -> Result<()> {
        let Batch { feed, notifications, activities, erased, .. } = batch;
        let none = feed.is_empty() && notifications.is_empty() && activities.is_empty();
        if none && erased.is_empty() {
            return Ok(());
        }
        let tx = self.sql.begin().await?;
        feed_items::append(&tx, feed).await?;
        notifications::append(&tx, notifications).await?;
        user_activity::append(&tx, activities).await?;
        for Erased { user, was, matches } in erased {
            notifications::erase(&tx, *user).await?;
            user_activity::erase(&tx, *user).await?;
            for matches in matches.chunks(TOGETHER) {
                feed_items::erase(&tx, matches, *user, (was, NOBODY)).await?;
            }
        }
        tx.commit().await
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
        tx.commit().await
    }

    async fn activity(&self, user: UserId, limit: u64) -> Result<Vec<Activity>> {
        user_activity::list(self.sql.read(), user, limit).await
    }

    async fn count_picks(&self, day: i64) -> Result<()> {
        let (from, to) = (Timestamp(day * DAY_MS), Timestamp((day + 1) * DAY_MS));
        let tx = self.sql.begin().await?;
        let counted = hero_pick_rates::count(&tx, from, to).await?;
        let rows = counted.into_iter().map(|(mode, hero, picks)| hero_pick_rates::Model {
            mode,
            day,
            hero,
            picks,
        });
        hero_pick_rates::put(&tx, rows.collect()).await?;
        tx.commit().await
    }

    async fn pick_rates(&self, mode: &ModeId, from: i64, to: i64) -> Result<Vec<PickRate>> {
        let rows = hero_pick_rates::list(self.sql.read(), mode, from, to).await?;
        let rate = |row: hero_pick_rates::Model| PickRate {
            day: row.day,
            hero: row.hero,
            picks: row.picks,
        };
        Ok(rows.into_iter().map(rate).collect())
    }

    async fn ready(&self) -> Result<()> {
        self.sql.ping().await
    }

    async fn expire(&self, feed_before: Timestamp, activity_before: Timestamp) -> Result<()> {
        let tx = self.sql.begin().await?;
        if let Some(forgotten) = feed_items::forget(&tx, feed_before).await? {
            log_horizons::put(&tx, FEED, forgotten).await?;
        }
        user_activity::forget(&tx, activity_before).await?;
        tx.commit().await
    }
}
