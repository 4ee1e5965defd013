//! Several instances on the same engines are one server: what one does the others show.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use rankedhonor::{game::event::Position, schema::paging::Cursor};
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    instances::{SETTINGS, at},
    support::{Client, Process, Socket},
};

/// Within which one instance has been told what another did, on a machine that is busy: a presence that nobody took back would
/// stand three times as long.
const TOLD: Duration = Duration::from_secs(10);

async fn message_where(socket: &mut Socket, id: &str, so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let data = socket.next(id).await;
        if so(&data) {
            return data;
        }
    }
}

async fn what_one_does_the_other_shows(cluster: &Cluster) {
    let one = cluster.patient(SETTINGS).await;
    let two = cluster.patient(SETTINGS).await;
    let ada = one.anonymous().register("ada").await;
    let bob = two.anonymous().register("bob").await;
    let server = two.game_server();
    // Everything is watched on the instance that does not do it, and on both where both do.
    let mut watching = Vec::new();
    // From where the logs begin: nothing is missed, however late the streams begin.
    let start = Position(0).encode();
    for process in [&one, &two] {
        let mut socket = process.anonymous().socket().await;
        let ranks = "subscription($after: String) { rankChanged(mode: \"1v1\", after: $after) { cursor user { id } match { id } mmrAfter rankAfter } }";
        socket.subscribe("ranks", ranks, json!({"after": start})).await;
        let board =
            "subscription { leaderboardChanged(mode: \"1v1\", first: 10) { rank user { id } } }";
        socket.subscribe("board", board, json!({})).await;
        let feed = "subscription($after: String) { feedItemAdded(after: $after) { cursor kind } }";
        socket.subscribe("feed", feed, json!({"after": start})).await;
        socket.next("board").await;
        watching.push(socket);
    }
    let mut messages = at(&ada, &two).socket().await;
    messages.subscribe("n", "subscription { notificationReceived { kind } }", json!({})).await;
    let mut queue = at(&ada, &two).socket().await;
    queue.subscribe("q", "subscription { queueStatus { state match { id } } }", json!({})).await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let matched =
        message_where(&mut queue, "q", |data| !data["queueStatus"]["match"].is_null()).await;
    let id = matched["queueStatus"]["match"]["id"].as_str().unwrap().to_owned();
    assert_eq!(messages.next("n").await["notificationReceived"]["kind"], "MATCH_FOUND");
    let mut timeline = one.anonymous().socket().await;
    let events = "subscription($id: ID!) { matchEvents(matchId: $id) { kind } }";
    timeline.subscribe("e", events, json!({"id": id})).await;
    server.start_match(&id).await;
    message_where(&mut timeline, "e", |data| data["matchEvents"]["kind"] == "MATCH_STARTED").await;
    let told = server.report(&id, 0).await;
    // The one who reports is told the ranks whichever instance works them out.
    let ranks: HashSet<_> =
        told["rankChanges"].as_array().unwrap().iter().map(|c| c["rankAfter"].clone()).collect();
    assert_eq!(ranks, HashSet::from([json!(1), json!(2)]));
    let again = at(&server, &one).report(&id, 0).await;
    assert_eq!(again, told);
    let mut seen = Vec::new();
    for socket in &mut watching {
        let changes = [socket.next("ranks").await, socket.next("ranks").await];
        let board = message_where(socket, "board", |data| {
            data["leaderboardChanged"].as_array().unwrap().len() == 2
        });
        let board = board.await;
        let feed = message_where(socket, "feed", |data| {
            data["feedItemAdded"]["kind"] == "MATCH_COMPLETED"
        });
        seen.push((changes, board, feed.await));
    }
    assert_eq!(seen[0], seen[1]);
    // Reading it back says the same everywhere.
    let query = "query { leaderboard(mode: \"1v1\", first: 10) { nodes { rank user { id standing(mode: \"1v1\") { rank mmr } } } } feed(first: 10) { nodes { kind cursor } } }";
    let read = one.anonymous().run(query, json!({})).await;
    assert_eq!(read, two.anonymous().run(query, json!({})).await);
    assert_eq!(read["leaderboard"]["nodes"][0]["rank"], 1);
    a_season_is_everywhere(&one, &two).await;
    presence_and_the_end_of_a_session_are_everywhere(&one, &two, &ada).await;
}

async fn a_season_is_everywhere(one: &Process, two: &Process) {
    let admin = one.admin("root").await;
    let start = "mutation { startSeason(input: {name: \"Second\"}) { season { id } } }";
    let id = admin.run(start, json!({})).await["startSeason"]["season"]["id"].clone();
    let began = Instant::now();
    while two.anonymous().run("{ currentSeason { id } }", json!({})).await["currentSeason"]["id"]
        != id
    {
        assert!(began.elapsed() < TOLD, "the other instance plays the old season");
    }
}

async fn presence_and_the_end_of_a_session_are_everywhere(
    one: &Process,
    two: &Process,
    ada: &Client,
) {
    let there = at(ada, two);
    let mut socket = there.socket().await;
    let presence = "query($id: ID!) { node(id: $id) { ... on User { presence } } }";
    let began = Instant::now();
    while ada.run(presence, json!({"id": ada.id})).await["node"]["presence"] != "ONLINE" {
        assert!(began.elapsed() < TOLD, "nobody sees that ada is here");
    }
    ada.run("mutation { logout { ok: __typename } }", json!({})).await;
    let began = Instant::now();
    assert_eq!(socket.closed().await, 4403);
    assert!(began.elapsed() < TOLD, "{:?}", began.elapsed());
    assert_eq!(there.fail("{ me { id } }", json!({})).await["code"], "UNAUTHENTICATED");
    drop(socket);
    let began = Instant::now();
    let anonymous = one.anonymous();
    while anonymous.run(presence, json!({"id": ada.id})).await["node"]["presence"] != "OFFLINE" {
        assert!(began.elapsed() < TOLD, "ada seems to be here still");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_instance_does_the_other_shows_on_mariadb() {
    what_one_does_the_other_shows(&Cluster::start("mariadb").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_instance_does_the_other_shows_on_postgres() {
    what_one_does_the_other_shows(&Cluster::start("postgres").await).await;
}
