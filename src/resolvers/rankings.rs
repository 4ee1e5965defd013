//! Standings, leaderboards and histories.

use async_graphql::{ComplexObject, Context, ID, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    context::{Fault, Result, loaders, parse_id, services},
    modes::mode_of,
    users::{season_id, user_of},
    watching::{behind, open, told},
};
use crate::{
    error::Error,
    game::{
        event::Position,
        ids::{MatchId, SeasonId, UserId},
        mode::{ModeId, RegionId, Scope},
        standing::{Place, shown},
    },
    schema::{
        matches::Match,
        modes::{Mode, Season},
        paging::Cursor,
        rankings::{
            LeaderboardConnection, LeaderboardEntry, RankChange, RatingExplanation, RatingPoint,
            Standing, TieMode, Tier,
        },
        scalars::DateTime,
        users::User,
    },
    services::{
        leaderboards::{Board, Whom},
        paging::{PAGE_MAX, Page},
        users::checked_country,
    },
};

/// Users that one request can follow by name.
const FOLLOWED_MAX: usize = 100;

/// See the module.
#[derive(Default)]
pub struct RankingQuery;

#[Object]
impl RankingQuery {
    /// Best first. `around` centres the page on that user instead of starting at the top. Of `region`, `country` and `users`
    /// (100 at most, such as one's friends) one can be given: those are ranked among themselves.
    #[expect(
        clippy::too_many_arguments,
        reason = "the four arguments of a connection and what the board is of"
    )]
    async fn leaderboard(
        &self,
        ctx: &Context<'_>,
        mode: ModeId,
        season: Option<ID>,
        region: Option<RegionId>,
        country: Option<String>,
        users: Option<Vec<ID>>,
        #[graphql(default)] ties: TieMode,
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
        let whom = whom(region, country, users)?;
        let board = Board { mode, season: Some(season), whom, ties: ties.into() };
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

/// Whom of a leaderboard these arguments name.
fn whom(region: Option<RegionId>, country: Option<String>, users: Option<Vec<ID>>) -> Result<Whom> {
    match (region, country, users) {
        (None, None, None) => Ok(Whom::Of(Scope::All)),
        (Some(region), None, None) => Ok(Whom::Of(Scope::Region(region))),
        (None, Some(code), None) => {
            Ok(Whom::Of(Scope::Country(checked_country("country", &code)?)))
        }
        (None, None, Some(ids)) => Ok(Whom::These(followed("users", &ids)?)),
        (region, ..) => {
            let field = if region.is_some() { "region" } else { "country" };
            let message = "ask for one of `region`, `country` and `users`";
            Err(Error::bad_input(field, message).into())
        }
    }
}

/// The users of these ids, which are not too many.
fn followed(field: &str, ids: &[ID]) -> Result<Vec<UserId>> {
    if ids.len() > FOLLOWED_MAX {
        let message = format!("name {FOLLOWED_MAX} users at most");
        return Err(Error::bad_input(field, message).into());
    }
    let users = ids.iter().enumerate();
    users.map(|(index, id)| parse_id(&format!("{field}[{index}]"), id)).collect()
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
        let users = followed("userIds", &user_ids.unwrap_or_default())?;
        let after = Position::decode("after", after)?;
        let after = behind(ctx, after.map(|at| at.0)).map(Position);
        let followed = services(ctx).rankings.watch_changes(mode, users, after).await?;
        Ok(told(ctx, followed, |change| change.reported_at, Into::into))
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
        Ok(open(ctx, stream).map(move |top| {
            let (season, entries) = top?;
            let entries = entries.into_iter();
            let entry = |e: crate::services::leaderboards::Entry| {
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
        tier_of(ctx, self.season_id, self.tier_index)
    }

    /// Place on the leaderboard, 1 is first; null until placed.
    async fn rank(
        &self,
        ctx: &Context<'_>,
        #[graphql(default)] ties: TieMode,
    ) -> Option<Result<i32>> {
        let rankings = &services(ctx).rankings;
        let whose = (self.user_id, &self.mode_id, self.season_id);
        let rank = rankings.rank(whose, ties.into()).await;
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
        services(ctx).rules(self.season_id).next_line(self.tier_index?).map(shown)
    }

    /// The place on the leaderboard at a moment of the season, by what is known of it now; null while not placed or not
    /// listed then.
    async fn rank_at(&self, ctx: &Context<'_>, time: DateTime) -> Option<Result<i32>> {
        let rankings = &services(ctx).rankings;
        let key = (self.user_id, self.mode_id.clone(), self.season_id);
        let rank = rankings.rank_at(&key, time.0).await;
        rank.transpose().map(|rank| rank.map_err(Into::into))
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

    /// Why; null for changes that are older than this is kept.
    async fn explanation(&self, ctx: &Context<'_>) -> Option<Result<RatingExplanation>> {
        explanation(ctx, self.match_id, self.user_id).await.transpose()
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

    /// Why; null where somebody else's match moved the player, and for changes that are older than this is kept.
    async fn explanation(&self, ctx: &Context<'_>) -> Option<Result<RatingExplanation>> {
        explanation(ctx, self.change.match_id?, self.change.user).await.transpose()
    }

    /// Tier before; null while not placed, and where only the place changed.
    async fn tier_before(&self, ctx: &Context<'_>) -> Option<Result<Tier>> {
        self.tier(ctx, self.change.tier_before).await
    }

    /// Tier after; null while not placed, and where only the place changed.
    async fn tier_after(&self, ctx: &Context<'_>) -> Option<Result<Tier>> {
        self.tier(ctx, self.change.tier_after).await
    }
}

impl RankChange {
    /// The tier of that index, in the season of the match that did it.
    async fn tier(&self, ctx: &Context<'_>, index: Option<i32>) -> Option<Result<Tier>> {
        index?;
        let season = async {
            let row = match self.change.match_id {
                Some(id) => loaders(ctx).match_(id).await?,
                None => None,
            };
            let current = || Ok(services(ctx).seasons.current()?.id);
            row.map_or_else(current, |row| Ok::<_, Fault>(row.season_id))
        };
        season.await.map(|season| tier_of(ctx, season, index)).transpose()
    }
}

async fn explanation(
    ctx: &Context<'_>,
    id: MatchId,
    user: UserId,
) -> Result<Option<RatingExplanation>> {
    let loaders = loaders(ctx);
    let Some(row) = loaders.match_(id).await? else { return Ok(None) };
    let players = loaders.match_players(id).await?.unwrap_or_default();
    let points = loaders.rating_points(id).await?.unwrap_or_default();
    let found = services(ctx).rankings.explain(&row, &players, &points, user)?;
    Ok(found.map(|(point, why)| RatingExplanation::new(&point, &why)))
}

fn tier_of(ctx: &Context<'_>, season: SeasonId, index: Option<i32>) -> Option<Tier> {
    services(ctx).rules(season).tier(index?).map(Into::into)
}
