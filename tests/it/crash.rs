//! The real binary, killed without warning, again and again: what it acknowledged is there, once, and everything agrees.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::Client;

const KILLS: usize = 20;
const PLAYERS: usize = 8;

const SETTINGS: &str = "[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = 1500.0\n[ladder]\nplacements = 1\n[limits]\nuser_per_minute = 0\n";

/// A server that does not outlive its test.
struct Server(Child);

impl Server {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(dir: &Path, addr: SocketAddr) -> Server {
    let child = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
        .current_dir(dir)
        .env("RANKEDHONOR_ADDR", addr.to_string())
        .env("RANKEDHONOR_DATA_DIR", dir.join("data"))
        .env("RANKEDHONOR_CONFIG", dir.join("settings.toml"))
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Server(child)
}

async fn ready(addr: SocketAddr) {
    let url = format!("http://{addr}/readyz");
    for _ in 0..600 {
        if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not come up");
}

/// Sends until an answer comes, however often the server dies meanwhile.
async fn stubborn(
    client: &Client,
    query: &str,
    variables: Value,
    stop: &AtomicBool,
) -> Option<Value> {
    while !stop.load(Ordering::Relaxed) {
        if let Ok(answer) = client.try_send(query, variables.clone()).await {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    None
}

async fn keep_queueing(player: Client, stop: Arc<AtomicBool>) {
    let join = "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }";
    while !stop.load(Ordering::Relaxed) {
        stubborn(&player, join, json!({}), &stop).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// What the game server was told is done: each match with its answer.
type Acknowledged = Arc<Mutex<HashMap<String, Value>>>;

async fn keep_refereeing(server: Client, acknowledged: Acknowledged, stop: Arc<AtomicBool>) {
    let open = "query($status: MatchStatus!) { matches(filter: {status: $status}, first: 50) { nodes { id } } }";
    let start = "mutation($id: ID!) { startMatch(input: {matchId: $id}) { match { status } } }";
    while !stop.load(Ordering::Relaxed) {
        for status in ["PENDING", "IN_PROGRESS"] {
            let Some(found) = stubborn(&server, open, json!({"status": status}), &stop).await
            else {
                return;
            };
            let Some(nodes) = found["data"]["matches"]["nodes"].as_array() else { continue };
            for node in nodes {
                let id = node["id"].as_str().unwrap().to_owned();
                if status == "PENDING" {
                    stubborn(&server, start, json!({"id": id}), &stop).await;
                }
                let report = Client::result(&id, i32::from(id.as_bytes()[id.len() - 1] % 2 == 0));
                let Some(answer) = stubborn(&server, Client::REPORT, report, &stop).await else {
                    return;
                };
                if answer.get("errors").is_none() {
                    acknowledged.lock().unwrap().insert(id, answer["data"].clone());
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_every_acknowledged_result_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("settings.toml"), SETTINGS).unwrap();
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = spawn(dir.path(), addr);
    ready(addr).await;
    let key = Command::new(env!("CARGO_BIN_EXE_rankedhonor"))
        .args(["admin", "create-server-key", "--name", "referee"])
        .current_dir(dir.path())
        .env("RANKEDHONOR_DATA_DIR", dir.path().join("data"))
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    let server = Client::new(addr, Some(String::from_utf8(key.stdout).unwrap().trim().to_owned()));
    let anonymous = Client::new(addr, None);
    let mut players = Vec::new();
    for index in 0..PLAYERS {
        players.push(anonymous.register(&format!("player{index}")).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Acknowledged::default();
    let mut load = Vec::new();
    for player in &players {
        load.push(tokio::spawn(keep_queueing(player.clone(), stop.clone())));
    }
    load.push(tokio::spawn(keep_refereeing(server.clone(), acknowledged.clone(), stop.clone())));
    for _ in 0..KILLS {
        // Anywhere in whatever is going on: this is the randomness, nothing is waited for.
        let ms = 150 + u64::from(rand::random::<u8>()) * 3;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        child.kill();
        child = spawn(dir.path(), addr);
        ready(addr).await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert!(acknowledged.len() > KILLS, "only {} results", acknowledged.len());
    check(&server, &anonymous, &players, &acknowledged).await;
    child.kill();
}

async fn pages(client: &Client, query: &str, field: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = client.run(query, json!({"after": after})).await[field].clone();
        all.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

async fn check(
    server: &Client,
    anonymous: &Client,
    players: &[Client],
    acknowledged: &HashMap<String, Value>,
) {
    let query = "query($after: String) { matches(first: 100, after: $after) { pageInfo { hasNextPage endCursor }
        nodes { id status teams { outcome players { user { id } mmrBefore mmrAfter } } } } }";
    let matches = pages(anonymous, query, "matches").await;
    let completed: HashMap<_, _> = matches
        .iter()
        .filter(|found| found["status"] == "COMPLETED")
        .map(|found| (found["id"].as_str().unwrap().to_owned(), found.clone()))
        .collect();
    for (id, answer) in acknowledged {
        assert!(completed.contains_key(id), "the acknowledged result of {id} is gone");
        let again = server
            .run(
                Client::REPORT,
                Client::result(id, i32::from(id.as_bytes()[id.len() - 1] % 2 == 0)),
            )
            .await;
        assert_eq!(again["reportMatchResult"]["match"], answer["reportMatchResult"]["match"]);
    }
    // Rule 6: nobody is in two matches that are not over, nor in one and in the queue.
    let mut open: HashMap<String, usize> = HashMap::new();
    for found in matches
        .iter()
        .filter(|found| !matches!(found["status"].as_str(), Some("COMPLETED" | "CANCELLED")))
    {
        for player in found["teams"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|team| team["players"].as_array().unwrap())
        {
            *open.entry(player["user"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert!(open.values().all(|count| *count == 1), "{open:?}");
    let mine = "{ myTicket { id state } myMatch { id } me { standing(mode: \"1v1\") { mmr wins losses rank }
        ratingHistory(mode: \"1v1\", last: 100) { nodes { mmrBefore mmrAfter match { id } } } } }";
    let mut ranks = HashMap::new();
    for player in players {
        let found = player.run(mine, json!({})).await;
        let playing = open.contains_key(&player.id);
        assert_eq!(!found["myMatch"].is_null(), playing);
        assert!(!playing || found["myTicket"].is_null());
        // Rules 14 and 18: the history has each match once, joins up, and ends where the standing is.
        let (standing, history) =
            (&found["me"]["standing"], found["me"]["ratingHistory"]["nodes"].as_array().unwrap());
        let mut at = history.first().map_or(json!(1500), |point| point["mmrBefore"].clone());
        let mut counted = std::collections::HashSet::new();
        for point in history {
            assert_eq!(point["mmrBefore"], at);
            at = point["mmrAfter"].clone();
            assert!(
                counted.insert(point["match"]["id"].as_str().unwrap().to_owned()),
                "a match counted twice"
            );
        }
        let played =
            completed.values().filter(|found| found.to_string().contains(&player.id)).count();
        let total =
            standing["wins"].as_u64().unwrap_or(0) + standing["losses"].as_u64().unwrap_or(0);
        assert_eq!(total as usize, played);
        if played > 0 {
            assert_eq!(standing["mmr"], at);
            ranks.insert(player.id.clone(), standing["rank"].clone());
        }
    }
    // Rule 15: leaderboard and feed agree with the matches.
    let board = anonymous
        .run("{ leaderboard(mode: \"1v1\", first: 100) { nodes { rank user { id } } } }", json!({}))
        .await;
    let board = board["leaderboard"]["nodes"].as_array().unwrap().clone();
    assert_eq!(board.len(), ranks.len());
    for entry in board {
        assert_eq!(ranks[entry["user"]["id"].as_str().unwrap()], entry["rank"]);
    }
    let query = "query($after: String) { feed(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { kind match { id } } } }";
    let feed = pages(anonymous, query, "feed").await;
    let mut told: Vec<_> = feed
        .iter()
        .filter(|item| item["kind"] == "MATCH_COMPLETED")
        .map(|item| item["match"]["id"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    let mut finished: Vec<_> = completed.into_keys().collect();
    finished.sort();
    assert_eq!(told, finished);
    for player in players {
        let query = "query($after: String) { notifications(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes { kind data } } }";
        let notes = pages(player, query, "notifications").await;
        let mut found: Vec<_> = notes
            .iter()
            .filter(|note| note["kind"] == "MATCH_FOUND")
            .map(|note| note["data"]["matchId"].to_string())
            .collect();
        let count = found.len();
        found.sort();
        found.dedup();
        let made = matches.iter().filter(|found| found.to_string().contains(&player.id)).count();
        assert_eq!((found.len(), count), (made, made));
    }
}
