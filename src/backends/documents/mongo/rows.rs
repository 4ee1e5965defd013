//! What the collections hold, and by what they are found and forgotten.

use std::time::Duration;

use mongodb::{
    IndexModel,
    bson::{DateTime, Document, doc},
    options::IndexOptions,
};
use serde::{Deserialize, Serialize};

use crate::{
    backends::documents::{ACTIVITY_DAYS, DAY_MS, FEED_DAYS},
    game::{
        event::{Activity, FeedItem, Notification, Position},
        ids::{EventId, MatchId, NotificationId, UserId},
        time::Timestamp,
    },
};

pub const FEED: &str = "live_feed_events";
pub const TIMELINES: &str = "match_detailed_logs";
pub const NOTIFICATIONS: &str = "notifications";
pub const ACTIVITY: &str = "user_activity_logs";
pub const PICKS: &str = "hero_pick_rates";
/// Newest positions, which outlive the documents that had them.
pub const HEADS: &str = "log_heads";
#[derive(Serialize, Deserialize)]
pub struct FeedDoc {
    pub _id: Position,
    /// The position before it: where this is the oldest that is left, what is forgotten ends there.
    pub previous: Position,
    pub kind: String,
    pub user: Option<UserId>,
    pub match_id: Option<MatchId>,
    pub data: serde_json::Value,
    pub at: DateTime,
}

#[derive(Serialize, Deserialize)]
pub struct NotificationDoc {
    pub _id: NotificationId,
    pub user: UserId,
    pub kind: String,
    pub title: String,
    pub body: Option<String>,
    pub data: serde_json::Value,
    pub read_at: Option<DateTime>,
    pub created_at: DateTime,
}

#[derive(Serialize, Deserialize)]
pub struct ActivityDoc {
    pub _id: EventId,
    pub user: UserId,
    pub kind: String,
    pub by: Option<UserId>,
    pub data: serde_json::Value,
    pub at: DateTime,
}

pub fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.0)
}

pub fn timestamp(at: DateTime) -> Timestamp {
    Timestamp(at.timestamp_millis())
}

impl From<FeedDoc> for FeedItem {
    fn from(doc: FeedDoc) -> Self {
        Self {
            position: doc._id,
            kind: doc.kind,
            user: doc.user,
            match_id: doc.match_id,
            data: doc.data,
            at: timestamp(doc.at),
        }
    }
}

impl From<NotificationDoc> for Notification {
    fn from(doc: NotificationDoc) -> Self {
        Self {
            id: doc._id,
            user: doc.user,
            kind: doc.kind,
            title: doc.title,
            body: doc.body,
            data: doc.data,
            read_at: doc.read_at.map(timestamp),
            created_at: timestamp(doc.created_at),
        }
    }
}

impl From<ActivityDoc> for Activity {
    fn from(doc: ActivityDoc) -> Self {
        Self {
            id: doc._id,
            user: doc.user,
            kind: doc.kind,
            by: doc.by,
            data: doc.data,
            at: timestamp(doc.at),
        }
    }
}

/// The indexes of each collection; some forget what is old.
pub fn indexes() -> Vec<(&'static str, IndexModel)> {
    let index = |name: &str, keys: Document, days: Option<i64>| {
        let life = days.map(|days| {
            let ms = u64::try_from(days * DAY_MS).unwrap_or(u64::MAX);
            Duration::from_millis(ms)
        });
        let options = IndexOptions::builder().name(name.to_owned()).expire_after(life).build();
        IndexModel::builder().keys(keys).options(options).build()
    };
    vec![
        (FEED, index("forgotten", doc! {"at": 1}, Some(FEED_DAYS))),
        (FEED, index("by_match", doc! {"match_id": 1}, None)),
        (NOTIFICATIONS, index("by_user", doc! {"user": 1, "_id": -1}, None)),
        (NOTIFICATIONS, index("unread", doc! {"user": 1, "read_at": 1}, None)),
        (TIMELINES, index("by_match", doc! {"match_id": 1, "position": 1}, None)),
        (TIMELINES, index("by_pick", doc! {"picked_at": 1}, None)),
        (ACTIVITY, index("by_user", doc! {"user": 1, "_id": -1}, None)),
        (ACTIVITY, index("forgotten", doc! {"at": 1}, Some(ACTIVITY_DAYS))),
        (PICKS, index("by_mode", doc! {"mode": 1, "day": 1}, None)),
    ]
}
