//! Live events between instances: whoever follows goes on at another one without a gap, and an event is one message to
//! each instance, however many follow it there.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rankedhonor::{game::event::Position, schema::paging::Cursor};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    support::{
        Client, Socket,
        client::{PATIENCE, play},
    },
};

const SETTINGS: &str = "[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = 5000.0\ntolerance_least_mmr = 5000.0\ntolerance_most_mmr = 5000.0\nrematch_after_seconds = 0\n";
const RANKS: &str =
    "subscription($after: String) { rankChanged(after: $after) { cursor match { id } } }";

/// The cursor of where the log begins: who follows behind it misses nothing, however late the stream begins.
fn start() -> Value {
    json!(Position(0).encode())
}

async fn follow(client: &Client, after: &Value) -> Socket {
    let mut socket = client.socket().await;
    socket.subscribe("r", RANKS, json!({"after": after})).await;
    socket
}

/// Instances are killed in turn, and everybody goes on at the other.
async fn followers_go_on_elsewhere(sql: &'static str) {
    let cluster = Cluster::start(sql).await;
    let mut instances = [cluster.patient(SETTINGS).await, cluster.patient(SETTINGS).await];
    let (ada, bob) = (
        instances[0].anonymous().register("ada").await,
        instances[1].anonymous().register("bob").await,
    );
    let server = instances[0].game_server();
    let mut seen: Vec<Vec<Value>> = vec![Vec::new(); 60];
    let mut played = Vec::new();
    for round in 0..3 {
        let (dies, stays) = (round % 2, 1 - round % 2);
        let after = |seen: &Vec<Value>| seen.last().map_or(start(), |last| last["cursor"].clone());
        let afters: Vec<_> = seen.iter().map(after).collect();
        let client = instances[dies].anonymous();
        let mut sockets = join_all(afters.iter().map(|after| follow(&client, after))).await;
        let on = instances[stays].addr;
        played.push(play(&server.at(on), &ada.at(on), &bob.at(on), "1v1").await);
        // Each has heard of a different part of it when the instance dies.
        for (number, (socket, seen)) in sockets.iter_mut().zip(&mut seen).enumerate() {
            while seen.len() < (played.len() - 1) * 2 + 1 + number % 2 {
                seen.push(socket.next("r").await["rankChanged"].clone());
            }
        }
        instances[dies].kill();
        played.push(play(&server.at(on), &bob.at(on), &ada.at(on), "1v1").await);
        instances[dies].start_again().await;
    }
    let client = instances[0].anonymous();
    let expected: Vec<_> = played.iter().flat_map(|id| [json!(id), json!(id)]).collect();
    for mut seen in seen {
        let after = seen.last().unwrap()["cursor"].clone();
        let mut socket = follow(&client, &after).await;
        while seen.len() < expected.len() {
            seen.push(socket.next("r").await["rankChanged"].clone());
        }
        let matches: Vec<_> = seen.iter().map(|change| change["match"]["id"].clone()).collect();
        assert_eq!(matches, expected);
        let cursors: BTreeSet<_> = seen.iter().map(|change| change["cursor"].to_string()).collect();
        assert_eq!(cursors.len(), expected.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn followers_go_on_elsewhere_on_mariadb() {
    followers_go_on_elsewhere("mariadb").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn followers_go_on_elsewhere_on_postgres() {
    followers_go_on_elsewhere("postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_is_one_message_to_each_instance() {
    let cluster = Cluster::start("postgres").await;
    let instances = [
        cluster.patient(SETTINGS).await,
        cluster.patient(SETTINGS).await,
        cluster.patient(SETTINGS).await,
    ];
    let (mut sockets, first) = (Vec::new(), start());
    for process in &instances {
        let client = process.anonymous();
        let some = join_all((0..40).map(|_| follow(&client, &first))).await;
        sockets.extend(some);
    }
    // Each has its place among the others.
    for process in &instances {
        let began = Instant::now();
        while process.metric("rankedhonor_subscriptions").await < 40.0 {
            assert!(began.elapsed() < PATIENCE, "not everybody follows");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let url = cluster.redis.as_ref().unwrap().url();
    let redis = redis::Client::open(url).unwrap();
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let mut redis = redis.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    let channels: Vec<String> =
        redis::cmd("PUBSUB").arg("CHANNELS").query_async(&mut redis).await.unwrap();
    let [channel] = &channels[..] else { panic!("{channels:?}") };
    let (_, listeners): (String, usize) =
        redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(&mut redis).await.unwrap();
    assert_eq!(listeners, instances.len());
    let mut published = async || -> u64 {
        let stats: String =
            redis::cmd("INFO").arg("commandstats").query_async(&mut redis).await.unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_publish:calls="));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    let before = published().await;
    let ada = instances[0].anonymous().register("ada").await;
    let bob = instances[0].anonymous().register("bob").await;
    let id = play(&instances[0].game_server(), &ada, &bob, "1v1").await;
    for socket in &mut sockets {
        for _ in 0..2 {
            assert_eq!(socket.next("r").await["rankChanged"]["match"]["id"], id.as_str());
        }
    }
    // A hundred and twenty have heard of it. What was published is no more than what happened: two tickets, what they came
    // to, a match that was made, started and finished, and what its players were told.
    let messages = published().await - before;
    assert!((1..=16).contains(&messages), "{messages} messages");
}
