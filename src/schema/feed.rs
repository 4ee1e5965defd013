//! The public activity feed and a user's notifications.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    paging::{Cursor, connection},
    scalars::{DateTime, Json},
};
use crate::game::{
    event,
    ids::{MatchId, UserId},
};

/// One line of the public activity feed, kept 7 days.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct FeedItem {
    /// Where it stands in the log, for `after`.
    pub cursor: String,
    /// Such as MATCH_COMPLETED, RANK_UP, RANK_DOWN, WIN_STREAK.
    pub kind: String,
    /// Details.
    pub data: Option<Json>,
    /// When.
    pub at: DateTime,
    /// About whom.
    #[graphql(skip)]
    pub user_id: Option<UserId>,
    /// About which match.
    #[graphql(skip)]
    pub match_id: Option<MatchId>,
}

impl From<event::FeedItem> for FeedItem {
    fn from(item: event::FeedItem) -> Self {
        Self {
            cursor: item.position.encode(),
            kind: item.kind,
            data: item.data.is_object().then_some(Json(item.data)),
            at: DateTime(item.at),
            user_id: item.user,
            match_id: item.match_id,
        }
    }
}

connection!(FeedConnection, FeedEdge, FeedItem);

/// A message to the viewer.
#[derive(Clone, Debug, SimpleObject)]
pub struct Notification {
    /// Its id.
    pub id: ID,
    /// Such as MATCH_FOUND, MATCH_CANCELLED, RANK_UP, RANK_DOWN.
    pub kind: String,
    /// For people.
    pub title: String,
    /// For people.
    pub body: Option<String>,
    /// For programs.
    pub data: Option<Json>,
    /// When it was read.
    pub read_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
}

impl From<event::Notification> for Notification {
    fn from(message: event::Notification) -> Self {
        Self {
            id: message.id.to_string().into(),
            kind: message.kind,
            title: message.title,
            body: message.body,
            data: message.data.is_object().then_some(Json(message.data)),
            read_at: message.read_at.map(DateTime),
            created_at: DateTime(message.created_at),
        }
    }
}

connection!(
    NotificationConnection,
    NotificationEdge,
    Notification,
    /// How many the viewer has not read.
    unread_count: i32
);

/// What was read.
#[derive(Debug, InputObject)]
pub struct MarkNotificationsReadInput {
    /// Empty: all of them.
    pub ids: Option<Vec<ID>>,
}

/// What is left.
#[derive(Debug, SimpleObject)]
pub struct MarkNotificationsReadPayload {
    /// How many the viewer has not read.
    pub unread_count: i32,
}
