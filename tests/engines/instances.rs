//! Several instances on the same engines: one leads each mode, and whoever is killed or paused takes nothing with them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use rand::seq::SliceRandom;
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::json;

use crate::{
    cluster::Cluster,
    crash::{Acknowledged, Joined, check, check_rows, keep_queueing, keep_refereeing},
    support::{Client, Process, client::PATIENCE},
};

/// Ticks are quick, and players meet at once and are placed after one match.
pub const SETTINGS: &str = "[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = 1500.0\ntolerance_least_mmr = 1500.0\ntolerance_most_mmr = 1500.0\nrematch_after_seconds = 0\n[ladder]\nplacements = 1\n[limits]\nuser_per_minute = 0\n[limits.socket]\ninit_timeout_ms = 30000\nping_ms = 600000\n";

/// The same account, asking another instance.
pub fn at(client: &Client, process: &Process) -> Client {
    Client { addr: process.addr, ..client.clone() }
}

/// The value of a metric with these labels.
async fn metric(process: &Process, line: &str) -> f64 {
    let text = reqwest::get(format!("http://{}/metrics", process.addr)).await;
    let Ok(text) = text else { return 0.0 };
    let text = text.text().await.unwrap_or_default();
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or(0.0)
}

/// Which of these instances leads; waits until one of them does, and says how long that took.
async fn leader(instances: &[&Process], of: &str) -> (usize, Duration) {
    let began = Instant::now();
    let line = format!("rankedhonor_leads{{what=\"{of}\"}}");
    loop {
        for (index, process) in instances.iter().enumerate() {
            if metric(process, &line).await > 0.0 {
                return (index, began.elapsed());
            }
        }
        assert!(began.elapsed() < PATIENCE, "nobody leads {of}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Kills the leader of a mode while players wait: another leads within five seconds, and they are matched with the
/// seniority that they had.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dead_leader_is_replaced_within_five_seconds() {
    // A lease that runs out long before that: what is left is for a busy machine.
    let settings = format!("{SETTINGS}[instances]\nlease_ms = 1000\n");
    for cluster in [Cluster::start("postgres").await, Cluster::bare("mariadb").await] {
        let mut instances = Vec::new();
        for _ in 0..3 {
            instances.push(cluster.instance(&settings).await);
        }
        let everybody: Vec<_> = instances.iter().collect();
        let (dead, _) = leader(&everybody, "matchmaker:1v1").await;
        // One player waits alone, for nobody to be matched with.
        let survivor = (dead + 1) % 3;
        let ada = instances[survivor].anonymous().register("ada").await;
        let joined = ada.join("1v1").await;
        instances[dead].kill();
        let alive: Vec<_> = (0..3).filter(|index| *index != dead).map(|i| &instances[i]).collect();
        for mode in ["1v1", "2v2", "4v4"] {
            let (_, took) = leader(&alive, &format!("matchmaker:{mode}")).await;
            assert!(took < Duration::from_secs(5), "{mode} has no leader for {took:?}");
        }
        let bob = alive[0].anonymous().register("bob").await;
        bob.join("1v1").await;
        let id = bob.matched().await;
        assert_eq!(ada.matched().await, id);
        let mine = "{ myTicket { id } myMatch { id } }";
        assert!(ada.run(mine, json!({})).await["myTicket"].is_null());
        let ticket = joined["id"].as_str().unwrap();
        let db = crate::support::connect(&cluster.database_url).await;
        let rows = rankedhonor::entities::tickets::Entity::find().all(&db).await.unwrap();
        let kept = rows.iter().find(|row| row.id.to_string() == ticket).unwrap();
        let joined_at = chrono_ms(joined["joinedAt"].as_str().unwrap());
        assert_eq!((kept.joined_at.0, kept.match_id.unwrap().to_string()), (joined_at, id));
        db.close().await.unwrap();
    }
}

fn chrono_ms(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Acknowledged,
    joined: Joined,
    players: Vec<Client>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// Players who queue on every instance, and a game server that reports to one of them.
async fn load(instances: &[Process], players: usize) -> Load {
    let stop = Arc::new(AtomicBool::new(false));
    let (acknowledged, joined) = (Acknowledged::default(), Joined::default());
    let mut clients = Vec::new();
    let mut tasks = Vec::new();
    for index in 0..players {
        let home = &instances[index % instances.len()];
        let player = home.anonymous().register(&format!("player{index}")).await;
        tasks.push(tokio::spawn(keep_queueing(player.clone(), joined.clone(), stop.clone())));
        clients.push(player);
    }
    let server = instances[0].game_server();
    tasks.push(tokio::spawn(keep_refereeing(server, acknowledged.clone(), stop.clone())));
    Load { stop, acknowledged, joined, players: clients, tasks }
}

impl Load {
    /// Waits until so many more results are acknowledged: life goes on.
    async fn gains(&self, results: usize) {
        let count = || self.acknowledged.lock().unwrap().len();
        let (before, began) = (count(), Instant::now());
        while count() < before + results {
            assert!(began.elapsed() < PATIENCE * 3, "nothing goes on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops, and compares everything that was acknowledged with everything that is there, in every store.
    async fn settle(self, cluster: &Cluster, instances: &[Process], at_least: usize) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        for player in &self.players {
            player.run_at_last("mutation { leaveQueue { ticket { state } } }", json!({})).await;
        }
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        assert!(acknowledged.len() > at_least, "only {} results", acknowledged.len());
        relayed(cluster).await;
        // The others do to their ladders what the one that relays did to its own.
        let board = "{ leaderboard(mode: \"1v1\", first: 100) { nodes { rank mmr user { id } } } }";
        let began = Instant::now();
        loop {
            let mut boards = HashSet::new();
            for process in instances {
                let shown = process.anonymous().run_at_last(board, json!({})).await;
                boards.insert(shown.to_string());
            }
            if boards.len() == 1 {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{boards:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for process in instances {
            let players: Vec<_> = self.players.iter().map(|player| at(player, process)).collect();
            check(&process.game_server(), &process.anonymous(), &players, &acknowledged).await;
        }
        let joined = self.joined.lock().unwrap().clone();
        check_rows(&cluster.database_url, &joined).await;
        stores_agree(cluster).await;
    }
}

/// Waits until every fact is everywhere.
pub async fn relayed(cluster: &Cluster) {
    use rankedhonor::entities::outbox;
    let db = crate::support::connect(&cluster.database_url).await;
    let began = Instant::now();
    loop {
        let rows = outbox::Entity::find().all(&db).await.unwrap();
        let unsent = rows.iter().filter(|row| row.sent_at.is_none()).count();
        if unsent == 0 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{unsent} facts are not everywhere");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    db.close().await.unwrap();
}

/// Compares the copies in Redis and MongoDB with SQL.
pub async fn stores_agree(cluster: &Cluster) {
    use rankedhonor::{
        backends::{ladder::mirror::Mirror, redis::Redis},
        config::RedisSettings,
        entities::{match_events, outbox, standings},
        game::mode::ModeId,
    };
    let db = crate::support::connect(&cluster.database_url).await;
    let order = outbox::Entity::find().order_by_asc(outbox::Column::Place);
    let facts = order.all(&db).await.unwrap();
    let places: Vec<_> = facts.iter().map(|fact| fact.place.unwrap()).collect();
    assert_eq!(places, (1..=facts.len() as i64).collect::<Vec<_>>(), "places have holes");
    if let Some(redis) = &cluster.redis {
        let mirror = Mirror::new(Redis::new(&redis.url(), &RedisSettings::default()).unwrap());
        let rows = standings::Entity::find().all(&db).await.unwrap();
        let held: HashMap<_, _> = rows
            .iter()
            .filter(|row| row.mode.as_str() == "1v1" && row.placements_left <= 0)
            .map(|row| (row.user_id.to_string(), row.rating))
            .collect();
        let began = Instant::now();
        loop {
            let shown: HashMap<_, _> =
                mirror.read(&ModeId::new("1v1")).await.unwrap_or_default().into_iter().collect();
            if shown == held {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{shown:?} is not {held:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    if let Some(engine) = &cluster.mongodb {
        let client = mongodb::Client::with_uri_str(engine.url()).await.unwrap();
        let documents = client.database("rankedhonor");
        let count = async |name: &str, filter| {
            let collection = documents.collection::<mongodb::bson::Document>(name);
            collection.count_documents(filter).await.unwrap() as usize
        };
        use mongodb::bson::doc;
        let finished = facts.iter().filter(|fact| fact.kind == "match_finished").count();
        let told = count("live_feed_events", doc! {"kind": "MATCH_COMPLETED"}).await;
        assert_eq!(told, finished, "feed");
        let lines = match_events::Entity::find().all(&db).await.unwrap().len();
        let kept = count("match_detailed_logs", doc! {"position": {"$exists": true}}).await;
        assert_eq!(kept, lines, "timelines");
        let trail = facts.iter().filter(|fact| fact.kind == "activity").count();
        assert_eq!(count("user_activity_logs", doc! {}).await, trail, "audit trail");
    }
    db.close().await.unwrap();
}

/// Kills, pauses and restarts instances while players play on all of them.
async fn whoever_falls_nothing_is_lost(cluster: Cluster) {
    let settings = format!("{SETTINGS}[instances]\nlease_ms = 600\n");
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(cluster.instance(&settings).await);
    }
    let load = load(&instances, 12).await;
    for round in 0..9 {
        load.gains(3).await;
        // Anywhere in whatever is going on: this is the randomness, nothing is waited for.
        let ms = 200 + u64::from(rand::random::<u8>()) * 3;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        let everybody: Vec<_> = instances.iter().collect();
        let what = ["matchmaker:1v1", "relay"][round % 2];
        let (leads, _) = leader(&everybody, what).await;
        if round % 3 == 2 {
            // Longer than its lease: somebody else leads when it wakes in the middle of what it did.
            instances[leads].pause();
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            instances[leads].go_on();
        } else {
            instances[leads].kill();
            tokio::time::sleep(Duration::from_millis(ms)).await;
            instances[leads].start_again().await;
        }
    }
    load.settle(&cluster, &instances, 26).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_falls_nothing_is_lost_on_mariadb() {
    whoever_falls_nothing_is_lost(Cluster::start("mariadb").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_falls_nothing_is_lost_on_postgres() {
    whoever_falls_nothing_is_lost(Cluster::start("postgres").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_falls_nothing_is_lost_without_redis() {
    whoever_falls_nothing_is_lost(Cluster::bare("postgres").await).await;
}

/// Freezes and kills engines and an instance while players play.
async fn whatever_falls_nothing_is_lost(mut cluster: Cluster) {
    let settings = format!("{SETTINGS}[instances]\nlease_ms = 600\n");
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(cluster.instance(&settings).await);
    }
    let load = load(&instances, 12).await;
    let mut falls =
        ["redis", "redis gone", "mongodb", "sql", "sql gone", "instance", "sql", "redis"];
    falls.shuffle(&mut rand::rng());
    for fall in falls {
        load.gains(3).await;
        // Anywhere in whatever is going on: this is the randomness, nothing is waited for.
        let ms = 300 + u64::from(rand::random::<u8>()) * 8;
        tokio::time::sleep(Duration::from_millis(u64::from(rand::random::<u8>()))).await;
        let pause = Duration::from_millis(ms);
        let Cluster { sql, redis, mongodb, .. } = &mut cluster;
        let engine = match fall.split(' ').next() {
            Some("redis") => redis.as_mut().unwrap(),
            Some("mongodb") => mongodb.as_mut().unwrap(),
            Some("sql") => sql,
            _ => {
                instances[2].kill();
                tokio::time::sleep(pause).await;
                instances[2].start_again().await;
                continue;
            }
        };
        if fall.ends_with("gone") {
            engine.kill();
            tokio::time::sleep(pause).await;
            engine.start_again().await;
        } else {
            engine.freeze();
            tokio::time::sleep(pause).await;
            engine.thaw();
        }
    }
    load.gains(3).await;
    load.settle(&cluster, &instances, 26).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_falls_nothing_is_lost_on_mariadb() {
    whatever_falls_nothing_is_lost(Cluster::start("mariadb").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_falls_nothing_is_lost_on_postgres() {
    whatever_falls_nothing_is_lost(Cluster::start("postgres").await).await;
}
