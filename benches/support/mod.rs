//! What several benches begin with.

use std::collections::BTreeMap;

use rankedhonor::{
    entities::{match_players, matches, tickets, users},
    game::{
        accounts::Role,
        ids::{MatchId, TicketId, UserId},
        matches::{MatchStatus, TicketState},
        mode::{ModeId, RegionId},
        time::Timestamp,
    },
    services::{Services, now, reports::TeamResult},
};
use sea_orm::{ActiveModelTrait, DatabaseConnection, EntityTrait, IntoActiveModel};
use uuid::Uuid;

const CHUNK: usize = 500;

/// As many matches in progress, each of two players of its own.
pub async fn matches_in_progress(
    db: &DatabaseConnection,
    services: &Services,
    count: usize,
) -> Vec<MatchId> {
    let (now, season) = (now(), services.seasons.current().unwrap().id);
    let ticket = TicketId::from_uuid(Uuid::now_v7());
    let row = tickets::Model {
        id: ticket,
        mode: ModeId::new("1v1"),
        state: TicketState::Matched,
        regions: "[]".into(),
        mmr: 1500.0,
        joined_at: now,
        expires_at: now,
        ended_at: Some(now),
        match_id: None,
        party_id: None,
    };
    tickets::Entity::insert(row.into_active_model().reset_all()).exec(db).await.unwrap();
    let (mut people, mut found, mut seats) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..count {
        let id = MatchId::from_uuid(Uuid::now_v7());
        found.push(in_progress(id, season, now));
        for team in 0..2 {
            let user = UserId::from_uuid(Uuid::now_v7());
            people.push(somebody(user, now));
            seats.push(seat(id, user, ticket, team));
        }
    }
    let ids = found.iter().map(|row| row.id).collect();
    for chunk in people.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| users::ActiveModel::from(row.clone()).reset_all());
        users::Entity::insert_many(rows).exec_without_returning(db).await.unwrap();
    }
    for chunk in found.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        matches::Entity::insert_many(rows).exec_without_returning(db).await.unwrap();
    }
    for chunk in seats.chunks(CHUNK) {
        let rows = chunk.iter().map(|row| row.clone().into_active_model().reset_all());
        match_players::Entity::insert_many(rows).exec_without_returning(db).await.unwrap();
    }
    ids
}

fn somebody(id: UserId, now: Timestamp) -> users::Model {
    let name = &id.to_string()[12..];
    users::Model {
        id,
        username: name.into(),
        username_key: name.into(),
        email: name.into(),
        email_key: name.into(),
        password_hash: String::new(),
        role: Role::Player,
        region: None,
        country: None,
        avatar_url: None,
        bio: None,
        suspended_until: None,
        suspended_reason: None,
        email_verified_at: None,
        deletes_at: None,
        deleted_at: None,
        created_at: now,
    }
}

fn in_progress(
    id: MatchId,
    season_id: rankedhonor::game::ids::SeasonId,
    now: Timestamp,
) -> matches::Model {
    matches::Model {
        id,
        mode: ModeId::new("1v1"),
        region: RegionId::new("eu-west"),
        season_id,
        status: MatchStatus::InProgress,
        average_mmr: 1500,
        mmr_spread: 0,
        win_probabilities: "[0.5,0.5]".into(),
        created_at: now,
        started_at: Some(now),
        ended_at: None,
        deadline_at: None,
        cancel_reason: None,
        endpoint: None,
        result_hash: None,
        team_results: None,
        reported_by: None,
        voided_at: None,
        void_reason: None,
    }
}

fn seat(
    match_id: MatchId,
    user_id: UserId,
    ticket_id: TicketId,
    team: i32,
) -> match_players::Model {
    match_players::Model {
        match_id,
        user_id,
        ticket_id,
        team,
        slot: 0,
        mmr_before: 1500,
        mmr_after: None,
        accepted: None,
        asked_at: None,
        kills: 0,
        deaths: 0,
        assists: 0,
        hero: None,
        abandoned: false,
    }
}

/// The first team wins.
pub fn result() -> Vec<TeamResult> {
    let team =
        |index| TeamResult { index, placement: index + 1, score: 0, players: BTreeMap::new() };
    vec![team(0), team(1)]
}
