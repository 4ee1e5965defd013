//! Keeps what is told and read but never decided upon: the feed and the notifications. Everything here can be made
//! again from the facts.

pub mod sql;

use async_trait::async_trait;

use crate::{
    error::Result,
    game::{
        event::{FeedItem, Notification, Position},
        ids::{NotificationId, UserId},
        time::Timestamp,
    },
};

/// A store of documents.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Adds documents; one that is there already (by position or id) stays as it is, so repeating is harmless.
    async fn append(&self, feed: &[FeedItem], notifications: &[Notification]) -> Result<()>;

    /// The feed behind `after`, oldest first.
    async fn feed_since(&self, after: Position, limit: u64) -> Result<Vec<FeedItem>>;

    /// The feed before `before`, newest first.
    async fn feed_newest(&self, before: Option<Position>, limit: u64) -> Result<Vec<FeedItem>>;

    /// The newest place of the feed that is forgotten.
    async fn feed_horizon(&self) -> Result<Position>;

    /// A user's notifications before `before`, newest first.
    async fn notifications(
        &self,
        user: UserId,
        unread_only: bool,
        before: Option<NotificationId>,
        limit: u64,
    ) -> Result<Vec<Notification>>;

    /// One notification of a user.
    async fn notification(&self, user: UserId, id: NotificationId) -> Result<Option<Notification>>;

    /// How many notifications a user has not read.
    async fn unread(&self, user: UserId) -> Result<u64>;

    /// Marks these notifications of a user as read, or all where none are named.
    async fn mark_read(&self, user: UserId, ids: &[NotificationId], now: Timestamp) -> Result<()>;

    /// Forgets the feed before that time.
    async fn expire(&self, feed_before: Timestamp) -> Result<()>;
}
