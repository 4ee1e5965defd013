//! Matches, from ready check to result.

use async_graphql::{ComplexObject, Context, ID, Object, Subscription};
use futures_util::{Stream, StreamExt};

use super::{
    context::{Result, loaders, parse_id, sees, services, signed_in, spectates, viewer},
    modes::{mode_of, region_of},
    users::user_of,
    watching::{behind, open, told},
};
use crate::{
    entities::{match_players, matches::Filter},
    error::Error,
    game::{
        ids::MatchId,
        matches::{MatchStatus, outcome},
        mode::ModeId,
    },
    schema::{
        matches::{
            GameSession, Match, MatchConnection, MatchEvent, MatchEventConnection, MatchFilter,
            Participant, RespondToReadyCheckInput, RespondToReadyCheckPayload, Team,
            VoidMatchInput, VoidMatchPayload,
        },
        modes::{Mode, Region, Season},
        paging::{Cursor, Line},
        users::User,
    },
    services::{paging::Page, results::TeamScore},
};

type PageArguments = (Option<i32>, Option<String>, Option<i32>, Option<String>);

/// A page of matches, newest first.
pub async fn match_page(
    ctx: &Context<'_>,
    filter: &Filter,
    (first, after, last, before): PageArguments,
) -> Result<MatchConnection> {
    let after = MatchId::decode("after", after)?;
    let before = MatchId::decode("before", before)?;
    let page = Page::new(first, after, last, before)?;
    let slice = services(ctx).matches.page(filter, &page).await?;
    let items = slice.items.into_iter().map(|row| (row.id.encode(), row.into()));
    Ok(MatchConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
}

/// See the module.
#[derive(Default)]
pub struct MatchQuery;

#[Object]
impl MatchQuery {
    /// A match, by its id.
    #[graphql(name = "match")]
    async fn match_(&self, ctx: &Context<'_>, id: ID) -> Option<Result<Match>> {
        let found = async { loaders(ctx).match_(parse_id("id", &id)?).await };
        found.await.map(|row| row.map(Into::into)).transpose()
    }

    /// Newest first.
    async fn matches(
        &self,
        ctx: &Context<'_>,
        filter: Option<MatchFilter>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<MatchConnection> {
        let filter = filter.unwrap_or_default();
        let filter = Filter {
            mode: filter.mode,
            region: filter.region,
            status: filter.status.map(Into::into),
            user: filter.user_id.map(|id| parse_id("filter.userId", &id)).transpose()?,
            reported_by: filter.reported_by.map(|id| reporter(ctx, id)).transpose()?,
        };
        match_page(ctx, &filter, (first, after, last, before)).await
    }

    /// The viewer's match that is not over yet; null when there is none.
    async fn my_match(&self, ctx: &Context<'_>) -> Option<Result<Match>> {
        let found = async {
            let who = signed_in(ctx)?;
            let found = services(ctx).matches.mine(who.user).await?;
            if let Some(row) = &found {
                services(ctx).matches.shown_to(who.user, row).await?;
            }
            Ok(found)
        };
        found.await.map(|row| row.map(Into::into)).transpose()
    }
}

/// See the module.
#[derive(Default)]
pub struct MatchMutation;

#[Object]
impl MatchMutation {
    /// Accepts or declines the viewer's match.
    async fn respond_to_ready_check(
        &self,
        ctx: &Context<'_>,
        input: RespondToReadyCheckInput,
    ) -> Result<RespondToReadyCheckPayload> {
        let who = signed_in(ctx)?;
        let id = parse_id("input.matchId", &input.match_id)?;
        let services = services(ctx);
        let row = services.matches.respond(services, who.user, id, input.accept).await?;
        Ok(RespondToReadyCheckPayload { match_: row.into() })
    }

    /// Admins. Takes back every rating change of a completed match, and works out anew what came after it.
    async fn void_match(
        &self,
        ctx: &Context<'_>,
        input: VoidMatchInput,
    ) -> Result<VoidMatchPayload> {
        let id = parse_id("input.matchId", &input.match_id)?;
        let (row, pending) = services(ctx).matches.void(id, &input.reason).await?;
        Ok(VoidMatchPayload { match_: row.into(), pending })
    }
}

/// See the module.
#[derive(Default)]
pub struct MatchSubscription;

#[Subscription]
impl MatchSubscription {
    /// Public: the match now, then each change of its status or score.
    async fn match_updated(
        &self,
        ctx: &Context<'_>,
        match_id: ID,
    ) -> Result<impl Stream<Item = Result<Match>> + use<>> {
        let id = parse_id("matchId", &match_id)?;
        let stream = services(ctx).matches.watch(id, spectates(ctx)).await?;
        Ok(open(ctx, stream).map(|row| row.map(Into::into).map_err(Into::into)))
    }

    /// Public: the timeline, from `after` on without a gap, then live. Completes when the match is over.
    async fn match_events(
        &self,
        ctx: &Context<'_>,
        match_id: ID,
        after: Option<String>,
    ) -> Result<impl Stream<Item = Result<MatchEvent>> + use<>> {
        let id = parse_id("matchId", &match_id)?;
        let after = behind(ctx, Line::decode("after", after)?.map(|line| line.0));
        let followed = services(ctx).matches.watch_timeline(id, after, spectates(ctx)).await?;
        Ok(told(ctx, followed, |_| None, move |event| MatchEvent::new(id, event)))
    }

    /// Public: matches as they are made and finished.
    async fn live_matches(
        &self,
        ctx: &Context<'_>,
        mode: Option<ModeId>,
    ) -> Result<impl Stream<Item = Result<Match>> + use<>> {
        let followed = services(ctx).matches.watch_all(mode).await?;
        Ok(told(ctx, followed, |_| None, Into::into))
    }
}

/// Whose reports are looked for, which is for admins.
fn reporter(ctx: &Context<'_>, id: ID) -> Result<String> {
    if !sees(ctx, "Match.reportedBy", false) {
        let message = "looking for who reported takes the role ADMIN";
        return Err(Error::Forbidden(message.into()).into());
    }
    Ok(id.0)
}

#[ComplexObject]
impl Match {
    /// The id of the server key, or of the admin, whose report ended it, for admins; null for everyone else, and before.
    async fn reported_by(&self, ctx: &Context<'_>) -> Option<ID> {
        if !sees(ctx, "Match.reportedBy", false) {
            return None;
        }
        self.row.reported_by.clone().map(ID)
    }

    /// What is played.
    async fn mode(&self, ctx: &Context<'_>) -> Mode {
        mode_of(ctx, &self.row.mode)
    }

    /// Where.
    async fn region(&self, ctx: &Context<'_>) -> Region {
        region_of(ctx, &self.row.region)
    }

    /// The season that it counts for.
    async fn season(&self, ctx: &Context<'_>) -> Result<Season> {
        let current = services(ctx).seasons.current()?;
        if current.id == self.row.season_id {
            return Ok(current.into());
        }
        let row = loaders(ctx).season(self.row.season_id).await?;
        Ok(row.ok_or(Error::NotFound("season"))?.into())
    }

    /// The teams, in their order.
    async fn teams(&self, ctx: &Context<'_>) -> Result<Vec<Team>> {
        let players = loaders(ctx).match_players(self.row.id).await?.unwrap_or_default();
        let scores: Vec<TeamScore> = self
            .row
            .team_results
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let mode = mode_of(ctx, &self.row.mode);
        let asked = mode.ready_check_seconds > 0 || self.row.status == MatchStatus::ReadyCheck;
        Ok(teams(&players, &scores, asked, self.row.status))
    }

    /// How the players connect; null for everyone but the match's players and game server.
    async fn session(&self, ctx: &Context<'_>) -> Option<Result<GameSession>> {
        let user = viewer(ctx).user_id();
        let found = async {
            let player = match user {
                Some(user) => {
                    let players = loaders(ctx).match_players(self.row.id).await?;
                    players.iter().flatten().any(|seat| seat.user_id == user).then_some(user)
                }
                None => None,
            };
            if !sees(ctx, "Match.session", player.is_some()) {
                return Ok(None);
            }
            let ready = matches!(self.row.status, MatchStatus::Pending | MatchStatus::InProgress);
            let accounts = &services(ctx).accounts;
            let join_token = player.filter(|_| ready);
            let join_token = join_token.map(|user| accounts.join_token(user, self.row.id));
            let endpoint = self.row.endpoint.clone();
            Ok(Some(GameSession { endpoint, join_token: join_token.transpose()? }))
        };
        found.await.transpose()
    }

    /// The timeline, oldest first.
    async fn events(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<MatchEventConnection> {
        let after = Line::decode("after", after)?.map(|line| line.0);
        let page = Page::new(first, after, None, None)?;
        let slice = services(ctx).matches.timeline(&self.row, &page, spectates(ctx)).await?;
        let items = slice
            .items
            .into_iter()
            .map(|event| (Line(event.position).encode(), MatchEvent::new(self.row.id, event)));
        Ok(MatchEventConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
    }
}

fn teams(
    players: &[match_players::Model],
    scores: &[TeamScore],
    asked: bool,
    status: MatchStatus,
) -> Vec<Team> {
    let placements: Vec<_> = scores.iter().map(|score| score.placement).collect();
    players
        .chunk_by(|a, b| a.team == b.team)
        .map(|seats| {
            let index = seats.first().map_or(0, |seat| seat.team);
            let score = usize::try_from(index).ok().and_then(|index| scores.get(index));
            let total: i64 = seats.iter().map(|seat| i64::from(seat.mmr_before)).sum();
            let mean = (total as f64 / seats.len() as f64).round();
            Team {
                index,
                average_mmr: mean as i32,
                outcome: score.map(|score| outcome(score.placement, &placements).into()),
                placement: score.map(|score| score.placement),
                score: score.map(|score| score.score),
                players: seats.iter().map(|seat| Participant::new(seat, asked, status)).collect(),
            }
        })
        .collect()
}

#[ComplexObject]
impl Participant {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.user_id).await
    }
}

#[ComplexObject]
impl MatchEvent {
    /// Of which match.
    #[graphql(name = "match")]
    async fn match_(&self, ctx: &Context<'_>) -> Result<Match> {
        let row = loaders(ctx).match_(self.match_id).await?.ok_or(Error::NotFound("match"))?;
        Ok(if spectates(ctx) {
            services(ctx).matches.as_spectated(&row).into()
        } else {
            row.into()
        })
    }

    /// Who did it.
    async fn actor(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let id = self.actor_id?;
        Some(user_of(ctx, id).await)
    }

    /// To whom.
    async fn target(&self, ctx: &Context<'_>) -> Option<Result<User>> {
        let id = self.target_id?;
        Some(user_of(ctx, id).await)
    }
}
