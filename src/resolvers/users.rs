//! Users and profiles.

use async_graphql::{ComplexObject, Context, ID, MaybeUndefined, Object};

use super::{
    access::{self, Seen},
    context::{Result, loaders, parse_id, sees, services, signed_in, viewer},
    matches::match_page,
    modes::region_of,
};
use crate::{
    entities::matches::Filter,
    error::Error,
    game::{
        ids::{SeasonId, UserId},
        mode::ModeId,
    },
    schema::{
        accounts::Session,
        links::LinkedAccount,
        matches::{MatchConnection, MatchStatus},
        moderation::{Note, Suspension},
        modes::Region,
        paging::{Cursor, Line, Name},
        queue::QueueLock,
        rankings::{RatingPointConnection, Standing},
        scalars::DateTime,
        users::{
            BlockUserInput, BlockUserPayload, Presence, UnblockUserPayload, UpdateProfileInput,
            UpdateProfilePayload, User, UserBy, UserConnection,
        },
    },
    services::{paging::Page, presence, users::ProfileChange},
};

/// The longest search.
const SEARCH_MAX: usize = 100;

/// See the module.
#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// The signed-in user; null for an anonymous caller.
    async fn me(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let id = viewer(ctx).user_id()?;
        loaders(ctx).user(id).await.map(|row| row.map(Into::into)).transpose()
    }

    /// A user, by id or by name.
    async fn user(&self, ctx: &Context<'_>, by: UserBy) -> Option<Result<User>> {
        let found = async {
            Ok(match by {
                UserBy::Id(id) => loaders(ctx).user(parse_id("by.id", &id)?).await?,
                UserBy::Username(name) => services(ctx).users.by_name(&name).await?,
            })
        };
        found.await.map(|row| row.map(Into::into)).transpose()
    }

    /// Users whose name begins with `search`, in name order.
    async fn users(
        &self,
        ctx: &Context<'_>,
        search: Option<String>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<UserConnection> {
        let search = search.unwrap_or_default();
        if search.len() > SEARCH_MAX {
            let message = format!("a search has {SEARCH_MAX} characters at most");
            return Err(Error::bad_input("search", message).into());
        }
        let after = Name::decode("after", after)?.map(|name| name.0);
        let page = Page::new(first, after, None, None)?;
        let slice = services(ctx).users.search(&search, &page).await?;
        let items = slice
            .items
            .into_iter()
            .map(|row| (Name(row.username_key.clone()).encode(), User::from(row)));
        Ok(UserConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
    }
}

/// See the module.
#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Changes the viewer's profile.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        fn change<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
            match value {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(value) => Some(Some(value)),
            }
        }
        let who = signed_in(ctx)?;
        let change = ProfileChange {
            region: change(input.region),
            country: change(input.country),
            avatar_url: change(input.avatar_url),
            bio: change(input.bio),
        };
        let user = services(ctx).users.update(who.user, change).await?;
        Ok(UpdateProfilePayload { user: user.into() })
    }

    /// Never matches the viewer with somebody again, on either side. They are not told.
    async fn block_user(
        &self,
        ctx: &Context<'_>,
        input: BlockUserInput,
    ) -> Result<BlockUserPayload> {
        let who = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        services(ctx).penalties.block(who.user, user).await?;
        Ok(BlockUserPayload { user: user_of(ctx, user).await? })
    }

    /// Lets the viewer be matched with somebody again.
    async fn unblock_user(
        &self,
        ctx: &Context<'_>,
        input: BlockUserInput,
    ) -> Result<UnblockUserPayload> {
        let who = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let unblocked = services(ctx).penalties.unblock(who.user, user).await?;
        Ok(UnblockUserPayload { unblocked })
    }
}

#[ComplexObject]
impl User {
    /// Only the user and admins can read it; null for everyone else.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        self.tells(ctx, "User.email")
            .then_some(&*self.private_email)
            .filter(|email| !email.is_empty())
    }

    /// Whether they have proved to have their address, for themselves and admins; null for everyone else.
    async fn email_verified(&self, ctx: &Context<'_>) -> Option<bool> {
        self.tells(ctx, "User.emailVerified").then_some(self.verified)
    }

    /// When the account is to be deleted, for themselves and admins; null where it is not, and for everyone else.
    async fn deletes_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.deletion.filter(|_| self.tells(ctx, "User.deletesAt"))
    }

    /// Why they may not sign in, for themselves and moderators; null where nothing keeps them, and for everyone else.
    async fn suspension(&self, ctx: &Context<'_>) -> Option<Suspension> {
        self.suspended.clone().filter(|_| self.tells(ctx, "User.suspension"))
    }

    /// Their signed-in devices, the last used first, for themselves alone; null for everyone else.
    async fn sessions(&self, ctx: &Context<'_>) -> Option<Result<Vec<Session>>> {
        let who = viewer(ctx).signed_in().filter(|_| self.tells(ctx, "User.sessions"))?;
        let found = async {
            let rows = services(ctx).accounts.of(who.user).await?;
            Ok(rows.into_iter().map(|row| Session::seen(row, who.session)).collect())
        };
        Some(found.await)
    }

    /// Their accounts at other services, for themselves and admins; null for everyone else.
    async fn linked_accounts(&self, ctx: &Context<'_>) -> Option<Result<Vec<LinkedAccount>>> {
        if !self.tells(ctx, "User.linkedAccounts") {
            return None;
        }
        let linked = services(ctx).accounts.linked(self.key).await;
        Some(linked.map(|rows| rows.into_iter().map(Into::into).collect()).map_err(Into::into))
    }

    /// What moderators noted about them, newest first, for other moderators; null for everyone else.
    async fn notes(&self, ctx: &Context<'_>) -> Option<Result<Vec<Note>>> {
        if !self.tells(ctx, "User.notes") || viewer(ctx).user_id() == Some(self.key) {
            return None;
        }
        let notes = services(ctx).admin.notes(self.key).await;
        Some(notes.map(|rows| rows.into_iter().map(Into::into).collect()).map_err(Into::into))
    }

    /// Why they may not queue just now, for themselves and moderators; null where nothing keeps them, and for everyone else.
    async fn queue_lock(&self, ctx: &Context<'_>) -> Option<Result<QueueLock>> {
        if !self.tells(ctx, "User.queueLock") {
            return None;
        }
        let lock = services(ctx).penalties.lock_of(self.key).await.transpose()?;
        Some(lock.map(Into::into).map_err(Into::into))
    }

    /// Whom they have blocked, the latest first, for themselves alone; null for everyone else.
    async fn blocked_users(&self, ctx: &Context<'_>) -> Option<Result<Vec<User>>> {
        if !self.tells(ctx, "User.blockedUsers") {
            return None;
        }
        let found = async {
            let ids = services(ctx).penalties.blocked_by(self.key).await?;
            futures_util::future::try_join_all(ids.into_iter().map(|id| user_of(ctx, id))).await
        };
        Some(found.await)
    }

    /// Where they play by default.
    async fn region(&self, ctx: &Context<'_>) -> Option<Region> {
        self.home.as_ref().map(|id| region_of(ctx, id))
    }

    /// What they are doing.
    async fn presence(&self, ctx: &Context<'_>) -> Result<Presence> {
        Ok(match loaders(ctx).presence(self.key).await? {
            None | Some(presence::Presence::Offline) => Presence::Offline,
            Some(presence::Presence::Online) => Presence::Online,
            Some(presence::Presence::InQueue) => Presence::InQueue,
            Some(presence::Presence::InMatch) => Presence::InMatch,
        })
    }

    /// The user's standing in one mode; null before the first match of that season.
    async fn standing(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        season: Option<ID>,
    ) -> Option<Result<Standing>> {
        let found = async {
            let season = season_id(ctx, season)?;
            // An unknown mode is told apart from one without matches.
            services(ctx).rankings.newcomer(&mode)?;
            loaders(ctx).standing((self.key, mode, season)).await
        };
        found.await.map(|row| row.map(Into::into)).transpose()
    }

    /// The user's standings in every mode that they played in that season (or the current one), in the order of `modes`.
    async fn standings(&self, ctx: &Context<'_>, season: Option<ID>) -> Result<Vec<Standing>> {
        let season = season_id(ctx, season)?;
        let rows = loaders(ctx).standings((self.key, season)).await?;
        Ok(rows.into_iter().flatten().map(Into::into).collect())
    }

    /// The user's matches, newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "the four arguments of a connection and two filters"
    )]
    async fn matches(
        &self,
        ctx: &Context<'_>,
        mode: Option<ModeId>,
        status: Option<MatchStatus>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<MatchConnection> {
        let filter = Filter {
            mode,
            region: None,
            status: status.map(Into::into),
            user: Some(self.key),
            reported_by: None,
        };
        match_page(ctx, &filter, (first, after, last, before)).await
    }

    /// The user's rating changes in a mode, oldest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "the four arguments of a connection and two filters"
    )]
    async fn rating_history(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        season: Option<ID>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<RatingPointConnection> {
        let season = season_id(ctx, season)?;
        services(ctx).rankings.newcomer(&mode)?;
        let line = |field, text| Ok::<_, Error>(Line::decode(field, text)?.map(|line| line.0));
        let page = Page::new(first, line("after", after)?, last, line("before", before)?)?;
        let slice = services(ctx).rankings.history((self.key, mode, season), &page).await?;
        let items = slice.items.into_iter().map(|row| (Line(row.seq).encode(), row.into()));
        Ok(RatingPointConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
    }
}

impl User {
    /// Whether whoever asks sees that field of them.
    fn tells(&self, ctx: &Context<'_>, field: &str) -> bool {
        let theirs = viewer(ctx).user_id() == Some(self.key);
        // Who has just signed in asks without a token, and is told what admins may know of them.
        let own = self.own && access::of_field(field) == Seen::OwnerAndAdmins;
        sees(ctx, field, own || theirs)
    }
}

/// The season in that argument, or the current one.
pub fn season_id(ctx: &Context<'_>, season: Option<ID>) -> Result<SeasonId> {
    match season {
        Some(id) => parse_id("season", &id),
        None => Ok(services(ctx).seasons.current()?.id),
    }
}

/// A user who must exist, because something refers to them.
pub async fn user_of(ctx: &Context<'_>, id: UserId) -> Result<User> {
    let row = loaders(ctx).user(id).await?;
    Ok(row.ok_or(Error::NotFound("user"))?.into())
}
