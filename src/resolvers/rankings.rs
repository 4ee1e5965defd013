//! Standings, leaderboards and histories.

use async_graphql::{ComplexObject, Context, ID, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    context::{Result, loaders, parse_id, services},
    modes::mode_of,
    users::{season_id, user_of},
};
use crate::{
    error::Error,
    game::{
        event::Position,
        ids::UserId,
        mode::{ModeId, RegionId},
        standing::{Place, shown},
    },
    schema::{
        matches::Match,
        modes::{Mode, Season},
        paging::Cursor,
        rankings::{
            LeaderboardConnection, LeaderboardEntry, RankChange, RatingPoint, Standing, Tier,
        },
        users::User,
    },
    services::{
        paging::{PAGE_MAX, Page},
        rankings::Board,
    },
};

/// Users that one subscription can follow by name.
const FOLLOWED_MAX: usize = 100;

/// See the module.
#[derive(Default)]
pub struct RankingQuery;

#[Object]
impl RankingQuery {
    /// Best first. `around` centres the page on that user instead of starting at the top.
    #[expect(
        clippy::too_many_arguments,
        reason = "the four arguments of a connection and four filters"
    )]
    async fn leaderboard(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        season: Option<ID>,
        region: Option<RegionId>,
        around: Option<ID>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<LeaderboardConnection> {
        let season = season_id(ctx, season)?;
        let around: Option<UserId> = around.map(|id| parse_id("around", &id)).transpose()?;
        let (after, before) = (Place::decode("after", after)?, Place::decode("before", before)?);
        if around.is_some() && (after.is_some() || before.is_some() || last.is_some()) {
            let message = "`around` goes with `first` only; page on from its cursors";
            return Err(Error::bad_input("around", message).into());
        }
        let page = Page::new(first, after, last, before)?;
        let board = Board { mode, season: Some(season), region };
        let (slice, total) = services(ctx).rankings.page(&board, around, &page).await?;
        let items = slice.items.into_iter().map(|entry| {
            let node = LeaderboardEntry::new(entry.rank, &entry.place, board.mode.clone(), season);
            (entry.place.encode(), node)
        });
        Ok(LeaderboardConnection::new(
            items.collect(),
            (slice.has_next, slice.has_previous),
            i32::try_from(total).unwrap_or(i32::MAX),
        ))
    }
}

/// See the module.
#[derive(Default)]
pub struct RankingSubscription;

#[Subscription]
impl RankingSubscription {
    /// Public: each change of rating or place, of these users or of everyone, from `after` on without a gap.
    async fn rank_changed(
        &self,
        ctx: &Context<'_>,
        mode: Option<ModeId>,
        user_ids: Option<Vec<ID>>,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<RankChange>> + use<>> {
        let ids = user_ids.unwrap_or_default();
        if ids.len() > FOLLOWED_MAX {
            let message = format!("follow {FOLLOWED_MAX} users at most, or everyone");
            return Err(Error::bad_input("userIds", message).into());
        }
        let users = ids
            .iter()
            .enumerate()
            .map(|(index, id)| parse_id(&format!("userIds[{index}]"), id))
            .collect::<Result<Vec<UserId>>>()?;
        let after = Position::decode("after", after)?;
        let stream = services(ctx).rankings.watch_changes(mode, users, after).await?;
        Ok(stream.map(|change| change.map(Into::into).map_err(Into::into)))
    }

    /// Public: the top of a leaderboard, now and whenever it changes, at most four times a second.
    async fn leaderboard_changed(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        region: Option<RegionId>,
        #[graphql(default_with = "Some(10)")] first: Option<i32>,
    ) -> Result<impl Stream<Item = Result<Vec<LeaderboardEntry>>> + use<>> {
        let first = first.unwrap_or(10);
        let first = usize::try_from(first).ok().filter(|n| (1..=PAGE_MAX).contains(n));
        let first = first.ok_or_else(|| {
            Error::bad_input("first", format!("the top has 1 to {PAGE_MAX} places"))
        })?;
        let services = services(ctx);
        let stream = services.rankings.watch_board(mode.clone(), region, first).await?;
        Ok(stream.map(move |top| {
            let (season, entries) = top?;
            let entries = entries.into_iter();
            let entry = |e: crate::services::rankings::Entry| {
                LeaderboardEntry::new(e.rank, &e.place, mode.clone(), season)
            };
            Ok(entries.map(entry).collect())
        }))
    }
}

#[ComplexObject]
impl Standing {
    /// Whose.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.user_id).await
    }

    /// In which mode.
    async fn mode(&self, ctx: &Context<'_>) -> Mode {
        mode_of(ctx, &self.mode_id)
    }

    /// In which season.
    async fn season(&self, ctx: &Context<'_>) -> Result<Season> {
        let row = loaders(ctx).season(self.season_id).await?;
        Ok(row.ok_or(Error::NotFound("season"))?.into())
    }

    /// Null until the placement matches are played.
    async fn tier(&self, ctx: &Context<'_>) -> Option<Tier> {
        tier_of(ctx, self.tier_index)
    }

    /// Place on the leaderboard, 1 is first; null until placed.
    async fn rank(&self, ctx: &Context<'_>) -> Option<Result<i32>> {
        let rankings = &services(ctx).rankings;
        let rank = rankings.rank(self.user_id, &self.mode_id, self.season_id).await;
        rank.transpose().map(|rank| rank.map_err(Into::into))
    }

    /// The part of the leaderboard that stands behind, in percent: 0 for the last, just under 100 for the first of many; null
    /// until placed.
    async fn percentile(&self, ctx: &Context<'_>) -> Option<Result<f64>> {
        let rankings = &services(ctx).rankings;
        let part = rankings.percentile(self.user_id, &self.mode_id, self.season_id).await;
        part.transpose().map(|part| part.map_err(Into::into))
    }

    /// The MMR at which the next division begins; null until placed, and in the highest.
    async fn next_tier_at_mmr(&self, ctx: &Context<'_>) -> Option<i32> {
        services(ctx).catalog.ladder.next_line(self.tier_index?).map(shown)
    }
}

#[ComplexObject]
impl RatingPoint {
    /// The match that did it.
    #[graphql(name = "match")]
    async fn match_(&self, ctx: &Context<'_>) -> Result<Match> {
        let row = loaders(ctx).match_(self.match_id).await?;
        Ok(row.ok_or(Error::NotFound("match"))?.into())
    }
}

#[ComplexObject]
impl LeaderboardEntry {
    /// Where the player stands.
    async fn standing(&self, ctx: &Context<'_>) -> Result<Standing> {
        let key = (self.user_id, self.mode_id.clone(), self.season_id);
        let row = loaders(ctx).standing(key).await?;
        Ok(row.ok_or(Error::NotFound("standing"))?.into())
    }

    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.user_id).await
    }
}

#[ComplexObject]
impl RankChange {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.change.user).await
    }

    /// In which mode.
    async fn mode(&self, ctx: &Context<'_>) -> Mode {
        mode_of(ctx, &self.change.mode)
    }

    /// The match that did it; null where somebody else's match moved the player.
    #[graphql(name = "match")]
    async fn match_(&self, ctx: &Context<'_>) -> Option<Result<Match>> {
        let id = self.change.match_id?;
        loaders(ctx).match_(id).await.map(|row| row.map(Into::into)).transpose()
    }

    /// Tier before; null while not placed, and where only the place changed.
    async fn tier_before(&self, ctx: &Context<'_>) -> Option<Tier> {
        tier_of(ctx, self.change.tier_before)
    }

    /// Tier after; null while not placed, and where only the place changed.
    async fn tier_after(&self, ctx: &Context<'_>) -> Option<Tier> {
        tier_of(ctx, self.change.tier_after)
    }
}

fn tier_of(ctx: &Context<'_>, index: Option<i32>) -> Option<Tier> {
    services(ctx).catalog.ladder.tier(index?).map(Into::into)
}
