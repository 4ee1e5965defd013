//! What game servers tell of matches: that they began, what happened in them, how they ended.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, Object};

use super::context::{Result, parse_id, services, viewer};
use crate::{
    error::Error,
    game::{accounts::Viewer, ids::UserId},
    schema::{
        reports::{
            CancelMatchInput, CancelMatchPayload, RecordMatchEventsInput, RecordMatchEventsPayload,
            ReportMatchResultInput, ReportMatchResultPayload, StartMatchInput, StartMatchPayload,
            TeamResultInput, VerifyJoinTokenInput, VerifyJoinTokenPayload,
        },
        scalars::DateTime,
    },
    services::{
        reports::{PlayerResult, TeamResult},
        timelines::NewEvent,
    },
};

/// See the module.
#[derive(Default)]
pub struct ReportMutation;

#[Object]
impl ReportMutation {
    /// Game servers and admins.
    async fn start_match(
        &self,
        ctx: &Context<'_>,
        input: StartMatchInput,
    ) -> Result<StartMatchPayload> {
        let id = parse_id("input.matchId", &input.match_id)?;
        let row = services(ctx).matches.start(id, input.endpoint).await?;
        Ok(StartMatchPayload { match_: row.into() })
    }

    /// Game servers and admins: who brought a token, and in which match they play. One that has run out, or whose match is over,
    /// is BAD_USER_INPUT.
    async fn verify_join_token(
        &self,
        ctx: &Context<'_>,
        input: VerifyJoinTokenInput,
    ) -> Result<VerifyJoinTokenPayload> {
        let joins = services(ctx).accounts.verify_join(&input.token).await?;
        let expires_at = DateTime(joins.expires_at);
        Ok(VerifyJoinTokenPayload { user: joins.user.into(), match_: joins.row.into(), expires_at })
    }

    /// Game servers and admins.
    async fn record_match_events(
        &self,
        ctx: &Context<'_>,
        input: RecordMatchEventsInput,
    ) -> Result<RecordMatchEventsPayload> {
        let id = parse_id("input.matchId", &input.match_id)?;
        let user = |index: usize, field: &str, id: Option<ID>| -> Result<Option<UserId>> {
            id.map(|id| parse_id(&format!("input.events[{index}].{field}"), &id)).transpose()
        };
        let events = input
            .events
            .into_iter()
            .enumerate()
            .map(|(index, event)| {
                Ok(NewEvent {
                    sequence: event.sequence,
                    kind: event.kind,
                    at_ms: event.at_ms,
                    actor: user(index, "actorId", event.actor_id)?,
                    target: user(index, "targetId", event.target_id)?,
                    data: event.data.map(|json| json.0),
                })
            })
            .collect::<Result<_>>()?;
        let (row, recorded) = services(ctx).matches.record(id, events).await?;
        let recorded = i32::try_from(recorded).unwrap_or(i32::MAX);
        Ok(RecordMatchEventsPayload { match_: row.into(), recorded })
    }

    /// Game servers and admins. Reporting the same result again changes nothing; another result is a CONFLICT.
    async fn report_match_result(
        &self,
        ctx: &Context<'_>,
        input: ReportMatchResultInput,
    ) -> Result<ReportMatchResultPayload> {
        let id = parse_id("input.matchId", &input.match_id)?;
        let teams = input.teams.into_iter().enumerate().map(|(i, team)| team_result(i, team));
        let teams = teams.collect::<Result<_>>()?;
        let ended_at = input.ended_at.map(|at| at.0);
        let (row, changes) = services(ctx).matches.report(id, teams, ended_at).await?;
        Ok(ReportMatchResultPayload {
            match_: row.into(),
            rank_changes: changes.into_iter().map(Into::into).collect(),
        })
    }

    /// Game servers and admins.
    async fn cancel_match(
        &self,
        ctx: &Context<'_>,
        input: CancelMatchInput,
    ) -> Result<CancelMatchPayload> {
        let by_server = matches!(viewer(ctx), Viewer::Server(_));
        let id = parse_id("input.matchId", &input.match_id)?;
        let services = services(ctx);
        let row = services.matches.cancel(services, id, &input.reason, by_server).await?;
        Ok(CancelMatchPayload { match_: row.into() })
    }
}

fn team_result(index: usize, team: TeamResultInput) -> Result<TeamResult> {
    let mut players = BTreeMap::new();
    for (p, player) in team.players.unwrap_or_default().into_iter().enumerate() {
        let field = format!("input.teams[{index}].players[{p}].userId");
        let user: UserId = parse_id(&field, &player.user_id)?;
        let did = PlayerResult {
            kills: player.kills.unwrap_or(0),
            deaths: player.deaths.unwrap_or(0),
            assists: player.assists.unwrap_or(0),
            hero: player.hero,
            abandoned: player.abandoned.unwrap_or(false),
        };
        if players.insert(user, did).is_some() {
            return Err(Error::bad_input(field, "this player is reported twice").into());
        }
    }
    let score = team.score.unwrap_or(0);
    Ok(TeamResult { index: team.index, placement: team.placement, score, players })
}
