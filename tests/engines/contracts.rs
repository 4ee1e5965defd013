//! The contract suites over what needs an engine.

use std::sync::Arc;

use rankedhonor::{
    backends::{
        bus::{Bus, Signal, redis::RedisBus},
        documents::mongo::MongoDocuments,
        ladder::mirror::Mirror,
        leases::{redis::RedisLeases, sql::SqlLeases},
        limiter::redis::RedisLimiter,
        presence::redis::RedisPresence,
        redis::Redis,
        sql::Sql,
    },
    config::{MongodbSettings, RedisSettings},
    game::{
        event::{PlayerMove, Topic},
        mode::ModeId,
        standing::Place,
    },
};
use uuid::Uuid;

use crate::{
    cluster::config_on,
    contract::{at, bus, documents, leases, limiter, presence, user},
    engine::Engine,
    support::client::PATIENCE,
};

fn redis(engine: &Engine, prefix: &str) -> Redis {
    let settings = RedisSettings { prefix: prefix.into(), timeout_ms: 5_000 };
    Redis::new(&engine.url(), &settings).unwrap()
}

async fn redis_keeps_every_contract(kind: &'static str) {
    let engine = Engine::start(kind).await;
    let numbers = std::sync::atomic::AtomicUsize::new(0);
    // Each suite has a prefix of its own, which is also what keeps installations apart.
    let fresh = || {
        let number = numbers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        redis(&engine, &format!("test-{number}:"))
    };
    bus::holds(|| Arc::new(RedisBus::new(fresh()))).await;
    limiter::holds(|| Arc::new(RedisLimiter::new(fresh()))).await;
    leases::holds(Arc::new(RedisLeases::new(fresh()))).await;
    let shared = fresh();
    let one = RedisPresence::new(shared.clone(), Uuid::now_v7());
    presence::holds(&one, &RedisPresence::new(shared, Uuid::now_v7())).await;
    the_mirror_shows_what_it_was_told(&Mirror::new(fresh())).await;
}

async fn the_mirror_shows_what_it_was_told(mirror: &Mirror) {
    let mode = ModeId::new("1v1");
    let place = |n: u128, rating| Place {
        rating,
        deviation: 80.0,
        wins: 3,
        reached_at: at(0),
        user: user(n),
    };
    let shown = |rows: &[(u128, f64)]| -> Vec<_> {
        rows.iter().map(|(n, rating)| (user(*n).to_string(), *rating)).collect()
    };
    assert_eq!(mirror.read(&mode).await.unwrap(), []);
    mirror.replace(1, &mode, &[place(1, 1500.1), place(2, 1700.25)]).await.unwrap();
    assert_eq!(mirror.read(&mode).await.unwrap(), shown(&[(2, 1700.25), (1, 1500.1)]));
    let moved = |n, after: Option<Place>| PlayerMove {
        user: user(n),
        home: rankedhonor::game::mode::Home::default(),
        best_before: None,
        username: String::new(),
        mmr_before: 0,
        mmr_after: 0,
        before: None,
        after,
        tier_before: None,
        tier_after: None,
        streak: 0,
        hero: None,
    };
    let moves = [moved(1, Some(place(1, 1800.0))), moved(2, None), moved(3, None)];
    for _ in 0..2 {
        mirror.put(2, &mode, &moves).await.unwrap();
        assert_eq!(mirror.read(&mode).await.unwrap(), shown(&[(1, 1800.0)]));
    }
    // One who was paused while another took over changes nothing any more.
    mirror.replace(1, &mode, &[place(7, 1.0)]).await.unwrap();
    mirror.put(1, &mode, &[moved(1, Some(place(1, 5.0)))]).await.unwrap();
    assert_eq!(mirror.read(&mode).await.unwrap(), shown(&[(1, 1800.0)]));
    mirror.replace(3, &mode, &[]).await.unwrap();
    assert_eq!(mirror.read(&mode).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_the_contracts() {
    redis_keeps_every_contract("redis").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_listens_before_redis_is_there_hears_that_something_may_be_missing() {
    let mut engine = Engine::start("redis").await;
    engine.kill();
    let bus = RedisBus::new(redis(&engine, "late:"));
    let mut listener = bus.subscribe(Topic::Feed);
    engine.start_again().await;
    let told = tokio::time::timeout(PATIENCE, listener.next()).await.expect("nothing was told");
    assert_eq!(told, Some(Signal::Gap));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_cluster_keeps_the_contracts() {
    redis_keeps_every_contract("redis-cluster").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mongodb_keeps_the_contract_of_documents() {
    let engine = Engine::start("mongodb").await;
    let settings = MongodbSettings { timeout_ms: 5_000, ..MongodbSettings::default() };
    let store = MongoDocuments::new(&engine.url().into(), &settings).await.unwrap();
    documents::holds(&store).await;
    assert_eq!(store.missing_indexes().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_leases_in_a_database_server_keep_the_contract() {
    for kind in ["mariadb", "postgres"] {
        let engine = Engine::start(kind).await;
        let config = config_on(&engine.database("leases").await);
        rankedhonor::app::migrate_up(&config).await.unwrap();
        let sql = Sql::connect(&config).await.unwrap();
        leases::holds(Arc::new(SqlLeases::new(sql.clone()))).await;
        sql.close().await;
    }
}
