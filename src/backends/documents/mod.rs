//! Keeps what is told and read but never decided upon: the feed, the notifications, timelines for analysts, the audit
//! trail, what is picked. Everything here can be made again from the facts.

pub mod mongo;
pub mod sql;

use async_trait::async_trait;

use crate::{
    error::Result,
    game::{
        event::{Activity, FeedItem, Notification, Pick, Position, TimelineEvent},
        ids::{MatchId, NotificationId, UserId},
        mode::ModeId,
        time::Timestamp,
    },
};

/// Days that the feed is kept.
pub const FEED_DAYS: i64 = 7;
/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;
/// Days that the audit trail is kept.
pub const ACTIVITY_DAYS: i64 = 90;

/// Documents to add.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Lines of the feed.
    pub feed: Vec<FeedItem>,
    /// Messages to users.
    pub notifications: Vec<Notification>,
    /// What happened in matches. SQL has it; a store of its own keeps a copy for analysts.
    pub timelines: Vec<(MatchId, Vec<TimelineEvent>)>,
    /// What users did to their accounts, or had done to them.
    pub activities: Vec<Activity>,
    /// Accounts that were deleted: nothing that is there already, or comes with this batch, is to name them.
    pub erased: Vec<Erased>,
    /// Heroes that were played. SQL has them too.
    pub picks: Vec<Pick>,
}

/// An account that was deleted.
#[derive(Clone, Debug)]
pub struct Erased {
    /// Which.
    pub user: UserId,
    /// What it was called.
    pub was: String,
    /// The matches of whose feed it may be named.
    pub matches: Vec<MatchId>,
}

/// How often a hero was played on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickRate {
    /// Days since 1970.
    pub day: i64,
    /// Which hero.
    pub hero: String,
    /// How many players played it.
    pub picks: i64,
}

/// What stands in the place of a name whose account was deleted.
pub const NOBODY: &str = "deleted";

/// A store of documents.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Adds documents; one that is there already (by position or id) stays as it is, so repeating is harmless.
    async fn append(&self, batch: &Batch) -> Result<()>;

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

    /// The audit trail of a user, newest first.
    async fn activity(&self, user: UserId, limit: u64) -> Result<Vec<Activity>>;

    /// Counts the heroes played on a day (in days since 1970, UTC); counting again corrects the first count.
    async fn count_picks(&self, day: i64) -> Result<()>;

    /// What was picked in a mode from one day to another, both included, by day and hero.
    async fn pick_rates(&self, mode: &ModeId, from: i64, to: i64) -> Result<Vec<PickRate>>;

    /// Forgets the feed and the audit trail before these times.
    async fn expire(&self, feed_before: Timestamp, activity_before: Timestamp) -> Result<()>;

    /// Whether the store answers.
    async fn ready(&self) -> Result<()>;

    /// Ends the connections of its own, if it has any; nothing is asked of it afterwards.
    async fn close(&self) {}
}
