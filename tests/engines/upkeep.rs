//! What an operator does: looking whether everything is well, and making again what is derived from SQL.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    cluster::Cluster,
    instances::{relayed, stores_agree},
    support::{
        Process,
        client::{PATIENCE, play},
    },
};

const SETTINGS: &str = "[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = 1500.0\ntolerance_least_mmr = 1500.0\ntolerance_most_mmr = 1500.0\nrematch_after_seconds = 0\n[ladder]\nplacements = 1\n[limits]\nuser_per_minute = 0\n";

/// What the doctor says at last, when it finds what it should; what it says after a long time, when it does not.
async fn doctor(process: &Process, so: impl Fn(bool, &str) -> bool) -> (bool, String) {
    let began = Instant::now();
    loop {
        let (well, said) = process.run(&["doctor"]);
        if so(well, &said) || began.elapsed() > PATIENCE {
            return (well, said);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn wrong(said: &str) -> Vec<&str> {
    said.lines().filter_map(|line| line.strip_prefix("WRONG ")?.split(':').next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_doctor_finds_what_is_wrong_and_says_so_in_a_line_each() {
    for sql in ["mariadb", "postgres"] {
        let mut cluster = Cluster::start(sql).await;
        let mut process = cluster.patient(SETTINGS).await;
        process.anonymous().register("ada").await;
        relayed(&cluster).await;
        let (well, said) = doctor(&process, |well, _| well).await;
        assert!(well, "{said}");
        for what in [
            "sql",
            "sql migrations",
            "sql clock",
            "outbox",
            "redis",
            "redis clock",
            "leases",
            "leaderboards in redis",
            "mongodb",
            "mongodb clock",
            "mongodb indexes",
        ] {
            assert_eq!(
                said.lines().filter(|line| line.starts_with(&format!("ok    {what}: "))).count(),
                1,
                "{what}\n{said}"
            );
        }
        process.terminate();
        process.ended().await;
        let (well, said) = doctor(&process, |_, said| wrong(said) == ["leases"]).await;
        assert!(!well);
        assert_eq!(wrong(&said), ["leases"], "{said}");
        cluster.redis.as_mut().unwrap().kill();
        cluster.mongodb.as_mut().unwrap().freeze();
        let sees_sql = |_, said: &str| !wrong(said).contains(&"sql");
        let (well, said) = doctor(&process, sees_sql).await;
        assert!(!well);
        for what in ["redis", "mongodb", "mongodb indexes"] {
            assert!(wrong(&said).contains(&what), "{what}\n{said}");
        }
        assert!(!wrong(&said).contains(&"sql"));
        cluster.mongodb.as_mut().unwrap().thaw();
        process.run(&["migrate", "down", "--steps", "1"]);
        assert!(wrong(&process.run(&["doctor"]).1).contains(&"sql migrations"));
        cluster.sql.kill();
        assert!(wrong(&process.run(&["doctor"]).1).contains(&"sql"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_derived_is_made_again_while_a_server_runs() {
    let mut cluster = Cluster::start("mariadb").await;
    let process = cluster.patient(SETTINGS).await;
    let (ada, bob) =
        (process.anonymous().register("ada").await, process.anonymous().register("bob").await);
    let server = process.game_server();
    for _ in 0..3 {
        play(&server, &ada, &bob, "1v1").await;
    }
    relayed(&cluster).await;
    stores_agree(&cluster).await;
    let shown = "{ feed(first: 50) { nodes { cursor kind data } } leaderboard(mode: \"1v1\") { nodes { rank mmr user { id } } } }";
    let before = process.anonymous().run(shown, json!({})).await;
    let notes = "{ notifications(first: 50) { nodes { id kind title body } } }";
    let told = ada.run(notes, json!({})).await;
    // Both lose everything.
    let client = mongodb::Client::with_uri_str(cluster.mongodb.as_ref().unwrap().url()).await;
    client.unwrap().database("rankedhonor").drop().await.unwrap();
    let redis = cluster.redis.as_mut().unwrap();
    redis.kill();
    redis.start_again().await;
    let (done, said) = process.run(&["rebuild"]);
    assert!(done && said.lines().count() == 4, "{said}");
    stores_agree(&cluster).await;
    assert_eq!(process.anonymous().run(shown, json!({})).await, before);
    assert_eq!(ada.run(notes, json!({})).await, told);
    // Doing it again changes nothing.
    for part in ["ladder", "documents", "counters", "ratings"] {
        let (done, said) = process.run(&["rebuild", part]);
        assert!(done && said.starts_with(part), "{said}");
    }
    assert_eq!(process.anonymous().run(shown, json!({})).await, before);
    play(&server, &bob, &ada, "1v1").await;
    relayed(&cluster).await;
    stores_agree(&cluster).await;
}
