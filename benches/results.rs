//! Results a second, durable: those that come together in one transaction, beside one transaction each.
//!
//!     cargo bench --bench results -- [RESULTS] [REPORTERS] [DATABASE_URL]
//!
//! Without a database it is SQLite in a new directory, synced to the disk. Each result is of a match of two, reported through
//! the use case that the API calls, with the relay at work; a report is answered when its facts are everywhere. A database that
//! is named is filled and left so: give it one of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use metrics_exporter_prometheus::PrometheusBuilder;
use rankedhonor::{
    app::Server,
    config::{Config, Settings},
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
use tokio::net::TcpListener;
use uuid::Uuid;

const CHUNK: usize = 500;

struct Way {
    name: &'static str,
    together: usize,
    lanes: usize,
}

async fn server(dir: &Path, url: Option<&str>, way: &Way) -> Server {
    let env = |name: &str| match name {
        "RANKEDHONOR_DATA_DIR" => Some(dir.to_str().unwrap().to_owned()),
        "DATABASE_URL" => url.map(str::to_owned),
        _ => None,
    };
    let mut settings = Settings::default();
    settings.sql.results_together = way.together;
    settings.sql.results_lanes = way.lanes;
    settings.sql.connections = 30;
    settings.sql.statement_timeout_ms = 30_000;
    let config = Config { settings, ..Config::load(env).unwrap() };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    Server::start(config, metrics).await.unwrap()
}

/// As many matches in progress, each of two players of its own.
async fn matches_in_progress(
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

fn result() -> Vec<TeamResult> {
    let team =
        |index| TeamResult { index, placement: index + 1, score: 0, players: BTreeMap::new() };
    vec![team(0), team(1)]
}

struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Reports all of them, so many at a time.
async fn report(services: &Arc<Services>, ids: Vec<MatchId>, reporters: usize) -> Figures {
    let (ids, next) = (Arc::new(ids), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let tasks: Vec<_> = (0..reporters)
        .map(|_| {
            let (services, ids, next) = (services.clone(), ids.clone(), next.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while let Some(id) = ids.get(next.fetch_add(1, Relaxed)) {
                    let asked = Instant::now();
                    services.matches.report(*id, result(), None).await.unwrap();
                    took.push(asked.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let per_second = ids.len() as f64 / began.elapsed().as_secs_f64();
    took.sort();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    Figures { per_second, p50: at(0.5), p99: at(0.99) }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let count = arguments.first().map_or(5_000, |count| count.parse().unwrap());
    let reporters = arguments.get(1).map_or(256, |count| count.parse().unwrap());
    let url = arguments.get(2).map(String::as_str);
    let ways = [
        Way { name: "one by one", together: 1, lanes: 16 },
        Way { name: "together", together: 128, lanes: 4 },
    ];
    println!("{count} results, {reporters} at a time, {}", url.unwrap_or("SQLite"));
    let mut rates = Vec::new();
    for way in &ways {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path(), url, way).await;
        let services = server.services().clone();
        let embedded = format!("sqlite://{}", dir.path().join("rankedhonor.db").display());
        let db = sea_orm::Database::connect(url.map_or(embedded, str::to_owned)).await.unwrap();
        let ids = matches_in_progress(&db, &services, count + 200).await;
        db.close().await.unwrap();
        let (alone, many) = ids.split_at(200);
        let quiet = report(&services, alone.to_vec(), 1).await;
        let busy = report(&services, many.to_vec(), reporters).await;
        println!(
            "  {:12} {:>7.0} results/s, p50 {:>6.1} ms, p99 {:>6.1} ms; alone p50 {:>5.2} ms, p99 {:>5.2} ms",
            way.name,
            busy.per_second,
            busy.p50.as_secs_f64() * 1e3,
            busy.p99.as_secs_f64() * 1e3,
            quiet.p50.as_secs_f64() * 1e3,
            quiet.p99.as_secs_f64() * 1e3,
        );
        rates.push(busy.per_second);
        // Whoever comes next leads.
        server.stop_token().cancel();
        server.run(TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap();
    }
    println!("  ratio {:.1}", rates[1] / rates[0]);
}
