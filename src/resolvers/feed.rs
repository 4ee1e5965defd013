//! The activity feed and the viewer's notifications.

use async_graphql::{ComplexObject, Context, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    context::{Result, loaders, parse_id, services, signed_in},
    users::user_of,
    watching::{behind, told},
};
use crate::{
    error::Error,
    game::{event::Position, ids::NotificationId},
    schema::{
        feed::{
            FeedConnection, FeedItem, MarkNotificationsReadInput, MarkNotificationsReadPayload,
            Notification, NotificationConnection,
        },
        matches::Match,
        paging::Cursor,
        users::User,
    },
    services::paging::{PAGE_MAX, Page},
};

/// See the module.
#[derive(Default)]
pub struct FeedQuery;

#[Object]
impl FeedQuery {
    /// The public activity feed, newest first.
    async fn feed(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<FeedConnection> {
        let page = Page::new(first, Position::decode("after", after)?, None, None)?;
        let slice = services(ctx).feed.page(&page).await?;
        let items = slice.items.into_iter().map(|item| (item.position.encode(), item.into()));
        Ok(FeedConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
    }

    /// The viewer's notifications, newest first.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(false)")] unread_only: Option<bool>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<NotificationConnection> {
        let who = signed_in(ctx)?;
        let feed = &services(ctx).feed;
        let page = Page::new(first, NotificationId::decode("after", after)?, None, None)?;
        let slice = feed.notifications(who.user, unread_only.unwrap_or(false), &page).await?;
        let unread = feed.unread(who.user).await?;
        let items = slice.items.into_iter().map(|message| (message.id.encode(), message.into()));
        Ok(NotificationConnection::new(
            items.collect(),
            (slice.has_next, slice.has_previous),
            i32::try_from(unread).unwrap_or(i32::MAX),
        ))
    }
}

/// See the module.
#[derive(Default)]
pub struct FeedMutation;

#[Object]
impl FeedMutation {
    /// Marks notifications of the viewer as read.
    async fn mark_notifications_read(
        &self,
        ctx: &Context<'_>,
        input: MarkNotificationsReadInput,
    ) -> Result<MarkNotificationsReadPayload> {
        let who = signed_in(ctx)?;
        let ids = input.ids.unwrap_or_default();
        if ids.len() > PAGE_MAX {
            let message = format!("name {PAGE_MAX} notifications at most, or none for all");
            return Err(Error::bad_input("input.ids", message).into());
        }
        let ids = ids
            .iter()
            .enumerate()
            .map(|(index, id)| parse_id(&format!("input.ids[{index}]"), id))
            .collect::<Result<Vec<NotificationId>>>()?;
        let unread = services(ctx).feed.mark_read(who.user, &ids).await?;
        Ok(MarkNotificationsReadPayload { unread_count: i32::try_from(unread).unwrap_or(i32::MAX) })
    }
}

/// See the module.
#[derive(Default)]
pub struct FeedSubscription;

#[Subscription]
impl FeedSubscription {
    /// Public: the activity feed, from `after` on without a gap, then live.
    async fn feed_item_added(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<FeedItem>> + use<>> {
        let after = Position::decode("after", after)?;
        let after = behind(ctx, after.map(|at| at.0)).map(Position);
        let followed = services(ctx).feed.watch(after).await?;
        Ok(told(ctx, followed, |_| None, Into::into))
    }

    /// The viewer's notifications from now on.
    async fn notification_received(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<Notification>> + use<>> {
        let who = signed_in(ctx)?;
        let stream = services(ctx).feed.watch_notifications(who.user);
        Ok(stream.map(|message| message.map(Into::into).map_err(Into::into)))
    }
}

#[ComplexObject]
impl FeedItem {
    /// About whom.
    async fn user(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let id = self.user_id?;
        Some(user_of(ctx, id).await)
    }

    /// About which match.
    #[graphql(name = "match")]
    async fn match_(&self, ctx: &Context<'_>) -> Option<Result<Match>> {
        let id = self.match_id?;
        loaders(ctx).match_(id).await.map(|row| row.map(Into::into)).transpose()
    }
}
