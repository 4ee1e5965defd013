//! `rankedhonor seed`: a history that the product's own rules could have made.

use std::{
    collections::HashSet,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{TestApp, engines};

const USERS: usize = 40;
const MATCHES: usize = 900;

fn seed(dir: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
        .arg("seed")
        .args(more)
        .current_dir(dir)
        .env("RANKEDHONOR_DATA_DIR", dir)
        .envs(engines::of(dir).variables())
        .env("RUST_LOG", "error")
        .output()
        .unwrap()
}

fn seeded(number: &str, more: &[&str]) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let (users, matches) = (USERS.to_string(), MATCHES.to_string());
    let plan = ["--users", &users, "--matches", &matches, "--seed", number];
    let plan: Vec<_> = plan.iter().chain(more).copied().collect();
    let done = seed(dir.path(), &plan);
    assert!(done.status.success(), "{done:?}");
    assert!(!seed(dir.path(), &plan).status.success(), "the same players twice");
    let printed = String::from_utf8(done.stdout).unwrap();
    (dir, printed.lines().last().unwrap().to_owned())
}

const BOARD: &str =
    "query($mode: ModeId!) { leaderboard(mode: $mode, first: 100) { totalCount nodes { rank
    user { id username country standing(mode: $mode) { rank mmr wins losses draws } } } } }";
const HISTORY: &str = "query($id: ID!, $mode: ModeId!) { node(id: $id) { ... on User {
    ratingHistory(mode: $mode, last: 100) { nodes { mmrBefore mmrAfter match { id } } } } } }";

async fn board(app: &TestApp, mode: &str) -> Value {
    app.anonymous().run(BOARD, json!({"mode": mode})).await["leaderboard"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seeded_server_shows_a_history_that_adds_up() {
    let (dir, password) = seeded("7", &[]);
    let app = TestApp::on_data(dir).await;
    let mut matches = HashSet::new();
    let mut name = String::new();
    for mode in ["1v1", "2v2", "4v4"] {
        let board = board(&app, mode).await;
        let nodes = board["nodes"].as_array().unwrap();
        assert!(nodes.len() > USERS / 2, "{mode}: {} are placed", nodes.len());
        assert_eq!(board["totalCount"], nodes.len());
        for (node, rank) in nodes.iter().zip(1..) {
            let (user, standing) = (&node["user"], &node["user"]["standing"]);
            assert_eq!((&node["rank"], &standing["rank"]), (&json!(rank), &json!(rank)));
            let asked = json!({"id": user["id"], "mode": mode});
            let found = app.anonymous().run(HISTORY, asked).await;
            let history = found["node"]["ratingHistory"]["nodes"].as_array().unwrap();
            for pair in history.windows(2) {
                assert_eq!(pair[0]["mmrAfter"], pair[1]["mmrBefore"]);
            }
            assert_eq!(history.last().unwrap()["mmrAfter"], standing["mmr"]);
            let count = |key: &str| standing[key].as_u64().unwrap();
            let played = count("wins") + count("losses") + count("draws");
            assert_eq!(played.min(100) as usize, history.len());
            matches.extend(history.iter().map(|point| point["match"]["id"].to_string()));
            name = user["username"].as_str().unwrap().to_owned();
        }
    }
    assert!(matches.len() > MATCHES / 2);
    app.anonymous().login(&name, &password).await;
    let query = "{ feed(first: 100) { nodes { kind } } currentSeason { startsAt }
        matches(first: 1) { nodes { startedAt } } }";
    let found = app.anonymous().run(query, json!({})).await;
    assert_eq!(found["feed"]["nodes"].as_array().unwrap().len(), 100);
    let newest = found["matches"]["nodes"][0]["startedAt"].as_str().unwrap();
    assert!(found["currentSeason"]["startsAt"].as_str().unwrap() < newest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_makes_the_same_history_and_another_does_not() {
    let mut boards = Vec::new();
    // Recent, or nobody would be listed any more.
    let until = chrono::Utc::now().date_naive().to_string();
    for number in ["7", "7", "8"] {
        let app = TestApp::on_data(seeded(number, &["--until", &until]).0).await;
        boards.push(board(&app, "2v2").await);
    }
    assert_eq!(boards[0], boards[1]);
    assert_ne!(boards[0], boards[2]);
}

#[test]
fn a_seeded_installation_is_well_and_can_be_made_again() {
    let (dir, _) = seeded("5", &[]);
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
            .args(arguments)
            .current_dir(dir.path())
            .env("RANKEDHONOR_DATA_DIR", dir.path())
            .env("RUST_LOG", "error")
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    if !engines::of(dir.path()).are_embedded() {
        return;
    }
    let (well, said) = run(&["doctor"]);
    assert!(well && said.lines().all(|line| line.starts_with("ok ")), "{said}");
    assert!(said.contains("SQLite") && said.contains("migrations"), "{said}");
    let (done, said) = run(&["rebuild"]);
    assert!(done && said.lines().count() == 4, "{said}");
    assert!(said.contains(&format!("{MATCHES} matches\n")), "{said}");
    let right =
        format!("{MATCHES} matches replayed; 0 changes and 0 standings were stored otherwise");
    assert!(said.contains(&right), "{said}");
}

#[tokio::test]
async fn a_running_server_is_not_seeded_beside() {
    let app = TestApp::start().await;
    let refused = seed(app.dir(), &["--users", "4", "--matches", "4"]);
    if !engines::of(app.dir()).are_embedded() {
        // A database server is there for several at once.
        assert!(refused.status.success(), "{refused:?}");
        return;
    }
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("RANKEDHONOR_DATA_DIR") && said.lines().count() == 1, "{said}");
}

#[test]
fn numbers_out_of_bounds_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (flag, value) in [("--users", "1"), ("--users", "1000001"), ("--matches", "10000001")] {
        let refused = seed(dir.path(), &[flag, value]);
        assert!(!refused.status.success());
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(flag) && said.lines().count() == 1, "{said}");
    }
}
