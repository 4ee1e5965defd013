//! The public activity feed and each user's notifications.

use std::{collections::HashSet, sync::Arc};

use futures_util::FutureExt;

use super::{
    core::{Core, now},
    paging::{Page, Slice},
    rankings::checked_cursor,
    watch::{CHUNK, Followers, Live, Log, follow},
};
use crate::{
    backends::{
        bus::Signal,
        documents::{ACTIVITY_DAYS, DAY_MS, FEED_DAYS},
    },
    error::Result,
    game::{
        event::{FeedItem, LiveEvent, Notification, Position, Topic},
        ids::{NotificationId, UserId},
        time::Timestamp,
    },
};

/// See the module.
pub struct Feed {
    core: Arc<Core>,
}

impl Feed {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// The feed, newest first.
    pub async fn page(&self, page: &Page<Position>) -> Result<Slice<FeedItem>> {
        let rows = self.core.documents.feed_newest(page.after, page.fetch()).await?;
        Ok(page.cut(rows))
    }

    /// The feed behind `after`, or from now on, without a gap.
    ///
    /// # Errors
    /// CONFLICT (CURSOR_EXPIRED) when `after` is older than what is kept.
    pub async fn watch(&self, after: Option<Position>) -> Result<Followers<FeedItem>> {
        let bus = self.core.bus.subscribe(Topic::Feed);
        let horizon = self.core.documents.feed_horizon().await?;
        let last = checked_cursor(&self.core, after, horizon).await?;
        let core = self.core.clone();
        let log = Log {
            read: move |last| {
                let core = core.clone();
                async move {
                    let items = core.documents.feed_since(Position(last), CHUNK).await?;
                    Ok(items.into_iter().map(|item| (item.position.0, item)).collect())
                }
                .boxed()
            },
            pick: |event: &LiveEvent| match event {
                LiveEvent::Feed { items } => {
                    items.iter().map(|item| (item.position.0, item.clone())).collect()
                }
                _ => Vec::new(),
            },
        };
        Ok(follow(bus, last.0, after.is_some(), log))
    }

    /// A user's notifications, newest first.
    pub async fn notifications(
        &self,
        user: UserId,
        unread_only: bool,
        page: &Page<NotificationId>,
    ) -> Result<Slice<Notification>> {
        let documents = &self.core.documents;
        let rows = documents.notifications(user, unread_only, page.after, page.fetch()).await?;
        Ok(page.cut(rows))
    }

    /// One notification of a user.
    pub async fn notification(
        &self,
        user: UserId,
        id: NotificationId,
    ) -> Result<Option<Notification>> {
        self.core.documents.notification(user, id).await
    }

    /// How many notifications a user has not read.
    pub async fn unread(&self, user: UserId) -> Result<u64> {
        self.core.documents.unread(user).await
    }

    /// Marks notifications of a user as read: these, or all where none are named; says how many are left.
    pub async fn mark_read(&self, user: UserId, ids: &[NotificationId]) -> Result<u64> {
        self.core.documents.mark_read(user, ids, now()).await?;
        self.core.documents.unread(user).await
    }

    /// A user's notifications from now on.
    pub fn watch_notifications(&self, user: UserId) -> Live<Notification> {
        let mut bus = self.core.bus.subscribe(Topic::Notifications(user));
        let core = self.core.clone();
        let since = now();
        Box::pin(async_stream::try_stream! {
            // What was told already: after a gap, the rest of what came since is read from the store.
            let mut told = HashSet::new();
            while let Some(signal) = bus.next().await {
                let fresh = match signal {
                    Signal::Event(event) => match &*event {
                        LiveEvent::Notification(notification) => vec![notification.clone()],
                        _ => Vec::new(),
                    },
                    Signal::Gap => {
                        let newest = core.documents.notifications(user, false, None, CHUNK).await?;
                        let since = newest.into_iter().filter(|told| told.created_at >= since);
                        since.collect::<Vec<_>>().into_iter().rev().collect()
                    }
                };
                for notification in fresh {
                    if told.insert(notification.id) {
                        yield notification;
                    }
                }
            }
        })
    }

    /// Forgets what is too old at that time to be kept.
    pub async fn expire(&self, now: Timestamp) -> Result<()> {
        let before = |days: i64| now.plus_ms(-days * DAY_MS);
        self.core.documents.expire(before(FEED_DAYS), before(ACTIVITY_DAYS)).await
    }

    /// Counts what was picked today and, for matches that were told late, yesterday.
    pub async fn count_picks(&self) -> Result<()> {
        let today = now().0 / DAY_MS;
        self.core.documents.count_picks(today - 1).await?;
        self.core.documents.count_picks(today).await
    }
}
