//! Engines that are gone or frozen: nobody waits for ever, results count as long as SQL is there, what is missing is
//! named, and what comes back is caught up with.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    instances::{relayed, stores_agree},
    support::{
        Client, Process, Socket,
        client::{PATIENCE, play},
    },
    wire::Wire,
};

const SETTINGS: &str = "[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = 1500.0\ntolerance_least_mmr = 1500.0\ntolerance_most_mmr = 1500.0\nrematch_after_seconds = 0\n[ladder]\nplacements = 1\n[limits]\nuser_per_minute = 0\n[limits.socket]\ninit_timeout_ms = 30000\nping_ms = 600000\n";
/// The longest that an answer may take: the request timeout, and what a busy machine adds to it.
const ANSWER: Duration = Duration::from_secs(20);
/// How long SQL is away.
const AWAY: Duration = Duration::from_secs(10);

/// How an engine is lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Gone,
    Frozen,
}

/// An operation's answer, which comes in time, whatever it is.
async fn timely(client: &Client, query: &str, variables: Value) -> Value {
    let began = Instant::now();
    let answer = client.send(query, variables).await;
    assert!(began.elapsed() < ANSWER, "{query} took {:?}: {answer}", began.elapsed());
    if let Some(error) = answer.get("errors") {
        assert_eq!(error[0]["extensions"]["code"], "SERVICE_UNAVAILABLE", "{query}\n{answer:#}");
    }
    answer
}

async fn readiness(process: &Process, query: &str) -> (u16, Value) {
    let began = Instant::now();
    let answer = reqwest::get(format!("http://{}/readyz{query}", process.addr)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Waits until an instance says this of these parts, and that it is not ready.
async fn noticed(process: &Process, parts: &[(&str, &str)]) {
    let began = Instant::now();
    loop {
        let (status, told) = readiness(process, "").await;
        if status == 503 && parts.iter().all(|(part, state)| told[part] == *state) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{status} {told}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until an instance says that it is ready.
async fn recovered(process: &Process) {
    let began = Instant::now();
    while readiness(process, "").await.0 != 200 {
        assert!(began.elapsed() < PATIENCE, "{:?}", readiness(process, "").await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that anybody asks.
const QUESTIONS: [&str; 7] = [
    "{ modes { id } }",
    "{ me { id username presence } }",
    "{ leaderboard(mode: \"1v1\", first: 10) { nodes { rank user { username } } } }",
    "{ feed(first: 10) { nodes { kind } } }",
    "{ notifications(first: 10) { nodes { kind } } }",
    "{ matches(first: 10) { nodes { id } } }",
    "mutation { joinQueue(input: {mode: \"4v4\"}) { ticket { id } } }",
];

struct Scene {
    cluster: Cluster,
    instances: [Process; 2],
    server: Client,
    ada: Client,
    /// The one that is being played.
    match_id: String,
    /// Behind it in the log is one change of rank.
    cursor: Value,
}

/// Two instances, and a match that is being played, the second of two players.
async fn scene(sql: &'static str) -> Scene {
    let cluster = Cluster::start(sql).await;
    let instances = [cluster.instance(SETTINGS).await, cluster.instance(SETTINGS).await];
    let ada = instances[0].anonymous().register("ada").await;
    let bob = instances[1].anonymous().register("bob").await;
    let server = instances[1].game_server();
    let begin = async || {
        ada.join("1v1").await;
        bob.join("1v1").await;
        let match_id = ada.matched().await;
        server.start_match(&match_id).await;
        match_id
    };
    let first = begin().await;
    server.report(&first, 0).await;
    relayed(&cluster).await;
    // Told once more, it has its place in the log.
    let cursor = server.report(&first, 0).await["rankChanges"][0]["cursor"].clone();
    let match_id = begin().await;
    relayed(&cluster).await;
    Scene { cluster, instances, server, ada, match_id, cursor }
}

/// Spectators on every instance, all of whose streams have begun.
async fn watch(instances: &[Process], cursor: &Value) -> Vec<Socket> {
    let mut watching = Vec::new();
    for process in instances {
        let mut socket = process.anonymous().socket().await;
        let ranks = "subscription($after: String) { rankChanged(mode: \"1v1\", after: $after) { match { id } rankAfter } }";
        socket.subscribe("ranks", ranks, json!({"after": cursor})).await;
        socket.next("ranks").await;
        let board =
            "subscription { leaderboardChanged(mode: \"1v1\") { standing { wins losses } } }";
        socket.subscribe("board", board, json!({})).await;
        socket.next("board").await;
        let matches = "subscription { liveMatches(mode: \"1v1\") { id status } }";
        socket.subscribe("matches", matches, json!({})).await;
        socket.next("matches").await;
        watching.push(socket);
    }
    watching
}

fn played(standing: &Value) -> i64 {
    standing["wins"].as_i64().unwrap() + standing["losses"].as_i64().unwrap()
}

/// Everybody hears of the result by themselves, once each, on the streams that were open all the time.
async fn hear(watching: &mut [Socket], match_id: &str) {
    for socket in watching {
        let mut ranks: Vec<_> = Vec::new();
        for _ in 0..2 {
            let change = socket.next("ranks").await["rankChanged"].clone();
            assert_eq!(change["match"]["id"], match_id);
            ranks.push(change["rankAfter"].as_i64().unwrap());
        }
        ranks.sort_unstable();
        assert_eq!(ranks, [1, 2]);
        let all = |board: &Value| {
            let entries = board["leaderboardChanged"].as_array().unwrap();
            entries.len() == 2 && entries.iter().all(|entry| played(&entry["standing"]) == 2)
        };
        while !all(&socket.next("board").await) {}
        while socket.next("matches").await["liveMatches"]["status"] != "COMPLETED" {}
    }
}

async fn without(sql: &'static str, part: &'static str, loss: Loss) {
    println!("{part} {loss:?}");
    let Scene { mut cluster, instances, server, ada, match_id, cursor } = scene(sql).await;
    let mut watching = watch(&instances, &cursor).await;
    let engine = match part {
        "redis" => cluster.redis.as_mut().unwrap(),
        _ => cluster.mongodb.as_mut().unwrap(),
    };
    match loss {
        Loss::Gone => engine.kill(),
        Loss::Frozen => engine.freeze(),
    }
    for process in &instances {
        noticed(process, &[(part, "away"), ("sql", "ok")]).await;
        let began = Instant::now();
        while readiness(process, "?needs=sql").await.0 != 200 {
            assert!(began.elapsed() < PATIENCE, "without {part} nothing goes on");
        }
    }
    // A result is accepted, once, however often it is told.
    let began = Instant::now();
    let told = server.report(&match_id, 0).await;
    assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
    assert_eq!(told["match"]["status"], "COMPLETED");
    assert_eq!(server.report(&match_id, 0).await["match"], told["match"]);
    for (index, question) in QUESTIONS.iter().enumerate() {
        for process in &instances {
            let asker = Client { addr: process.addr, ..ada.clone() };
            let needs_documents = (3..=4).contains(&index);
            let may_fail = part == "mongodb" && needs_documents;
            let mut answer = timely(&asker, question, json!({})).await;
            // What does not depend on what is away may be late on a busy machine, but it comes.
            let began = Instant::now();
            while answer.get("errors").is_some()
                && !may_fail
                && index != 6
                && began.elapsed() < PATIENCE
            {
                answer = timely(&asker, question, json!({})).await;
            }
            // Somebody who asks twice is in the queue already.
            assert!(
                answer.get("errors").is_none() || may_fail || index == 6,
                "{question}\n{answer:#}"
            );
            assert!(answer.get("errors").is_some() || !may_fail, "{question}\n{answer:#}");
            if index == 6 {
                asker.run_at_last("mutation { leaveQueue { ticket { id } } }", json!({})).await;
            }
        }
    }
    match loss {
        Loss::Gone => engine.start_again().await,
        Loss::Frozen => engine.thaw(),
    }
    for process in &instances {
        recovered(process).await;
    }
    hear(&mut watching, &match_id).await;
    relayed(&cluster).await;
    stores_agree(&cluster).await;
    // And life goes on.
    ada.join("1v1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn losing_redis_loses_nothing() {
    without("mariadb", "redis", Loss::Gone).await;
    without("postgres", "redis", Loss::Frozen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn losing_mongodb_loses_nothing() {
    without("postgres", "mongodb", Loss::Gone).await;
    without("mariadb", "mongodb", Loss::Frozen).await;
}

async fn without_sql(sql: &'static str, loss: Loss) {
    println!("{sql} {loss:?}");
    let Scene { mut cluster, instances, server, ada, match_id, cursor } = scene(sql).await;
    let mut watching = watch(&instances, &cursor).await;
    let began = Instant::now();
    match loss {
        Loss::Gone => cluster.sql.kill(),
        Loss::Frozen => cluster.sql.freeze(),
    }
    while began.elapsed() < AWAY {
        for process in &instances {
            let (status, told) = readiness(process, "").await;
            assert_eq!((status, &told["sql"]), (503, &json!("away")));
            let asker = Client { addr: process.addr, ..ada.clone() };
            for question in QUESTIONS {
                timely(&asker, question, json!({})).await;
            }
            let referee = Client { addr: process.addr, ..server.clone() };
            let answer = timely(&referee, Client::REPORT, Client::result(&match_id, 0)).await;
            assert!(answer.get("errors").is_some(), "nobody keeps it: {answer:#}");
        }
    }
    match loss {
        Loss::Gone => cluster.sql.start_again().await,
        Loss::Frozen => cluster.sql.thaw(),
    }
    for process in &instances {
        recovered(process).await;
    }
    // Whether one of the reports that were given up took effect or not, telling it again is right.
    let began = Instant::now();
    let told = loop {
        let answer = server.send(Client::REPORT, Client::result(&match_id, 0)).await;
        if answer.get("errors").is_none() {
            break answer["data"]["reportMatchResult"].clone();
        }
        assert!(began.elapsed() < PATIENCE, "{answer:#}");
    };
    assert_eq!(told["match"]["status"], "COMPLETED");
    hear(&mut watching, &match_id).await;
    let mine = "{ myMatch { id } me { standing(mode: \"1v1\") { wins losses } } }";
    let mine = ada.run(mine, json!({})).await;
    assert!(mine["myMatch"].is_null());
    assert_eq!(played(&mine["me"]["standing"]), 2);
    relayed(&cluster).await;
    stores_agree(&cluster).await;
    // Players meet again without anybody's help.
    let began = Instant::now();
    let bob = instances[1].anonymous().login("bob", crate::support::PASSWORD).await;
    for player in [&ada, &bob] {
        let query = "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }";
        while player.send(query, json!({})).await.get("errors").is_some_and(|errors| {
            errors[0]["extensions"]["reason"] != "ALREADY_QUEUED"
                && errors[0]["extensions"]["reason"] != "IN_MATCH"
        }) {
            player.send("mutation { leaveQueue { ticket { id } } }", json!({})).await;
            assert!(began.elapsed() < PATIENCE);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn losing_mariadb_for_a_while_loses_nothing() {
    without_sql("mariadb", Loss::Gone).await;
    without_sql("mariadb", Loss::Frozen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn losing_postgres_for_a_while_loses_nothing() {
    without_sql("postgres", Loss::Gone).await;
    without_sql("postgres", Loss::Frozen).await;
}

/// A server starts while everything but SQL is away, and serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_starts_without_redis_and_mongodb() {
    let mut cluster = Cluster::start("postgres").await;
    cluster.redis.as_mut().unwrap().kill();
    cluster.mongodb.as_mut().unwrap().freeze();
    let process = Process::start_beside(SETTINGS, &cluster.environment()).await;
    let ada = process.anonymous().register("ada").await;
    assert_eq!(ada.run("{ me { username } }", json!({})).await["me"]["username"], "ada");
    cluster.redis.as_mut().unwrap().start_again().await;
    cluster.mongodb.as_mut().unwrap().thaw();
    recovered(&process).await;
    relayed(&cluster).await;
    stores_agree(&cluster).await;
}

/// One instance is cut off from everything while the other goes on; later it is reached again, but not on the connections
/// that it had.
async fn a_partition_heals(sql: &'static str) {
    let cluster = Cluster::start(sql).await;
    let settings = format!("{SETTINGS}[instances]\nlease_ms = 1500\n");
    let mut wires = Vec::new();
    let mut environment = Vec::new();
    for (name, url) in cluster.environment() {
        let wire = Wire::to(&url).await;
        environment.push((name, wire.through(&url)));
        wires.push(wire);
    }
    let far = Process::start_beside(&settings, &environment).await;
    // The one that will be cut off leads everything.
    let near = cluster.instance(&settings).await;
    let (ada, bob) =
        (near.anonymous().register("ada").await, near.anonymous().register("bob").await);
    let distant = Client { addr: far.addr, ..ada.clone() };
    for wire in &wires {
        wire.cut();
    }
    noticed(&far, &[("sql", "away"), ("redis", "away")]).await;
    for question in QUESTIONS {
        timely(&distant, question, json!({})).await;
    }
    // The others go on as if nothing had happened.
    let id = play(&near.game_server(), &ada, &bob, "1v1").await;
    for wire in &wires {
        wire.mend();
    }
    let began = Instant::now();
    recovered(&far).await;
    println!("{sql}: ready again after {:?}", began.elapsed());
    let history = "{ me { ratingHistory(mode: \"1v1\") { nodes { match { id } } } } }";
    let history = distant.run(history, json!({})).await;
    assert_eq!(history["me"]["ratingHistory"]["nodes"][0]["match"]["id"], id.as_str());
    let board = "{ leaderboard(mode: \"1v1\") { nodes { rank user { id } } } }";
    let expected = near.anonymous().run(board, json!({})).await;
    assert_eq!(expected["leaderboard"]["nodes"].as_array().unwrap().len(), 2);
    let began = Instant::now();
    while far.anonymous().run(board, json!({})).await != expected {
        assert!(began.elapsed() < PATIENCE, "the instance that was away shows an old board");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    play(&far.game_server(), &distant, &Client { addr: far.addr, ..bob.clone() }, "1v1").await;
    relayed(&cluster).await;
    stores_agree(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_partition_from_mariadb_redis_and_mongodb_heals() {
    a_partition_heals("mariadb").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_partition_from_postgres_redis_and_mongodb_heals() {
    a_partition_heals("postgres").await;
}
