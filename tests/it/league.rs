//! A league of many players in every mode, played by clients; at the end every view of it says the same.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::{Client, Socket, TestApp, tolerant};

const PLAYERS: usize = 16;
/// How often everybody plays each mode; a round of the three modes has 8, 4 and 2 matches.
const ROUNDS: usize = 8;
const MODES: [(&str, usize); 3] = [("1v1", 2), ("2v2", 4), ("4v4", 8)];

/// Everybody queues; every match that is made is accepted, started and reported.
async fn round(players: &[Client], server: &Client, made: &mut Socket, mode: &str, size: usize) {
    for player in players {
        player.join(mode).await;
    }
    let accept = "mutation($id: ID!) { respondToReadyCheck(input: {matchId: $id, accept: true}) { match { status } } }";
    let mut open = PLAYERS / size;
    while open > 0 {
        let told = made.next("made").await["liveMatches"].clone();
        let id = told["id"].as_str().unwrap();
        let status = told["status"].as_str().unwrap();
        if told["mode"]["id"] != mode || status == "COMPLETED" {
            continue;
        }
        if status == "READY_CHECK" {
            let here = told["teams"].to_string();
            for player in players.iter().filter(|player| here.contains(&player.id)) {
                player.run(accept, json!({"id": id})).await;
            }
        }
        server.start_match(id).await;
        // Whoever comes first by name wins: some win often and some seldom.
        let first = |team: usize| {
            let players = told["teams"][team]["players"].as_array().unwrap();
            players.iter().map(|p| p["user"]["username"].as_str().unwrap().to_owned()).min()
        };
        let reported = server.report(id, i32::from(first(1) < first(0))).await;
        assert_eq!(reported["rankChanges"].as_array().unwrap().len(), size);
        open -= 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_hundred_matches_in_every_mode_all_views_agree() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        tolerant(settings, 5_000.0);
    })
    .await;
    let server = app.game_server().await;
    let mut players = Vec::new();
    for index in 0..PLAYERS {
        players.push(app.player(&format!("player{index:02}")).await);
    }
    let mut made = server.socket().await;
    let query = "subscription { liveMatches { id status mode { id } teams { players { user { id username } } } } }";
    made.subscribe("made", query, json!({})).await;
    let query = "subscription($after: String) { rankChanged(after: $after) { cursor mode { id } user { id } mmrAfter rankAfter } }";
    let mut ranks = app.anonymous().socket().await;
    // Whenever they begin: what is open is shown at first, and the log is read from here on.
    ranks.subscribe("ranks", query, json!({"after": app.head().await})).await;
    for _ in 0..ROUNDS {
        for (mode, size) in MODES {
            round(&players, &server, &mut made, mode, size).await;
        }
    }
    let mut last: HashMap<(String, String), Value> = HashMap::new();
    for (mode, size) in MODES {
        let board = board(&app, mode).await;
        for (entry, rank) in board.iter().zip(1..) {
            let standing = &entry["user"]["standing"];
            assert_eq!((&entry["rank"], &standing["rank"]), (&json!(rank), &json!(rank)));
            let played = ["wins", "losses"].map(|key| standing[key].as_u64().unwrap());
            assert_eq!(played.iter().sum::<u64>(), ROUNDS as u64);
        }
        let wins: u64 = board.iter().map(|e| e["user"]["standing"]["wins"].as_u64().unwrap()).sum();
        assert_eq!(wins as usize, ROUNDS * PLAYERS / size * size / 2);
        while !agrees(&board, &last, mode) {
            let change = ranks.next("ranks").await["rankChanged"].clone();
            let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
            last.insert((text(&change["mode"]), text(&change["user"])), change);
        }
    }
}

async fn board(app: &TestApp, mode: &str) -> Vec<Value> {
    let query = "query($mode: ModeId!) { leaderboard(mode: $mode, first: 100) { nodes { rank mmr
        user { id standing(mode: $mode) { rank mmr wins losses } } } } }";
    let found = app.anonymous().run(query, json!({"mode": mode})).await;
    let nodes = found["leaderboard"]["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), PLAYERS);
    nodes
}

/// Whether what subscribers were told last of each player is what the board shows.
fn agrees(board: &[Value], last: &HashMap<(String, String), Value>, mode: &str) -> bool {
    board.iter().all(|entry| {
        let user = entry["user"]["id"].as_str().unwrap().to_owned();
        last.get(&(mode.to_owned(), user)).is_some_and(|change| {
            change["rankAfter"] == entry["rank"] && change["mmrAfter"] == entry["mmr"]
        })
    })
}

#[tokio::test]
async fn eight_play_for_themselves_in_a_mode_of_ones_own() {
    let app = TestApp::with(|settings| {
        let mode = &mut settings.modes.0[1];
        (mode.id, mode.name) = ("ffa".into(), "Free for all".into());
        (mode.team_size, mode.team_count) = (1, 8);
        mode.ready_check_seconds = 15;
    })
    .await;
    let server = app.game_server().await;
    let mut players = Vec::new();
    for index in 0..8 {
        let player = app.player(&format!("player{index}")).await;
        player.join("ffa").await;
        players.push(player);
    }
    let id = players[0].matched().await;
    let mut told = app.anonymous().socket().await;
    let query = "subscription($id: ID!) { matchUpdated(matchId: $id) { status teams { players { accepted } } } }";
    told.subscribe("m", query, json!({"id": id})).await;
    let accept = "mutation($id: ID!) { respondToReadyCheck(input: {matchId: $id, accept: true}) { match { status } } }";
    for player in &players {
        player.run(accept, json!({"id": id})).await;
    }
    // Everybody sees who has accepted, until all have.
    let mut most = 0;
    let last = loop {
        let seen = told.next("m").await["matchUpdated"].clone();
        let teams = seen["teams"].as_array().unwrap();
        let accepted = teams.iter().filter(|team| team["players"][0]["accepted"] == true).count();
        assert!(accepted >= most, "{seen:#}");
        most = accepted;
        if seen["status"] == "PENDING" {
            break accepted;
        }
    };
    assert_eq!(last, 8);
    server.start_match(&id).await;
    let teams: Vec<_> =
        (0..8).map(|index| json!({"index": index, "placement": index + 1})).collect();
    let report = json!({"input": {"matchId": id, "teams": teams}});
    let done = server.run(Client::REPORT, report).await["reportMatchResult"]["match"].clone();
    let after: Vec<_> = done["teams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|team| team["players"][0]["mmrAfter"].as_i64().unwrap())
        .collect();
    assert!(after.is_sorted_by(|a, b| a > b), "{after:?}");
}
