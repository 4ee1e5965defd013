//! The real binary, killed without warning, again and again: what it acknowledged is there, once, and everything agrees.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rankedhonor::{
    config::{RatingSettings, Settings},
    entities::{matches, outbox, rating_points, standings, tickets},
    game::{
        ids::UserId,
        matches::{MatchStatus, TicketState},
        rating::{self, Guard, Rating, RatingParams},
    },
};
use sea_orm::{EntityTrait, QueryOrder};
use serde_json::{Value, json};

use crate::support::{Client, Process, client::PATIENCE};

const KILLS: usize = 20;
const PLAYERS: usize = 8;

pub const SETTINGS: &str = "[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = 1500.0\ntolerance_least_mmr = 1500.0\ntolerance_most_mmr = 1500.0\nrematch_after_seconds = 0\n[ladder]\nplacements = 1\n[limits]\nuser_per_minute = 0\n[instances]\nlease_ms = 500\n";

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

/// The tickets that players were told they have.
pub type Joined = Arc<Mutex<HashSet<String>>>;

pub async fn keep_queueing(player: Client, joined: Joined, stop: Arc<AtomicBool>) {
    let join = "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }";
    while !stop.load(Ordering::Relaxed) {
        let answer = stubborn(&player, join, json!({}), &stop).await.unwrap_or_default();
        if let Some(id) = answer["data"]["joinQueue"]["ticket"]["id"].as_str() {
            joined.lock().unwrap().insert(id.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// What the game server was told is done: each match with its answer.
pub type Acknowledged = Arc<Mutex<HashMap<String, Value>>>;

pub async fn keep_refereeing(server: Client, acknowledged: Acknowledged, stop: Arc<AtomicBool>) {
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
    let mut process = Process::start(SETTINGS).await;
    let (server, anonymous) = (process.game_server(), process.anonymous());
    let mut players = Vec::new();
    for index in 0..PLAYERS {
        players.push(anonymous.register(&format!("player{index}")).await);
    }
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Acknowledged::default();
    let joined = Joined::default();
    let mut load = Vec::new();
    for player in &players {
        load.push(tokio::spawn(keep_queueing(player.clone(), joined.clone(), stop.clone())));
    }
    load.push(tokio::spawn(keep_refereeing(server.clone(), acknowledged.clone(), stop.clone())));
    let done = || acknowledged.lock().unwrap().len();
    for kill in 0..KILLS {
        // Something has happened since the last time, on however slow a machine.
        let began = Instant::now();
        while done() <= kill {
            assert!(began.elapsed() < 3 * PATIENCE, "only {} results", done());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Anywhere in whatever is going on: this is the randomness, nothing is waited for.
        let ms = 150 + u64::from(rand::random::<u8>()) * 3;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        process.kill();
        process.start_again().await;
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    // Nobody is matched while it is looked at.
    for player in &players {
        player.run_at_last("mutation { leaveQueue { ticket { state } } }", json!({})).await;
    }
    // What was told last is everywhere.
    let db = crate::support::connect(process.database_url()).await;
    let began = Instant::now();
    while outbox::backlog(&db).await.unwrap().0 > 0 {
        assert!(began.elapsed() < PATIENCE, "not everything is everywhere");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    db.close().await.unwrap();
    let acknowledged = acknowledged.lock().unwrap().clone();
    check(&server, &anonymous, &players, &acknowledged).await;
    process.kill();
    let joined = joined.lock().unwrap().clone();
    check_rows(&process.database_url(), &joined).await;
}

/// What no client can see: every ticket that was told of is there with one end at most, and every rating is, to the last
/// bit, what a replay of the results gives (rules 8 and 18).
pub async fn check_rows(url: &str, joined: &HashSet<String>) {
    let db = crate::support::connect(url).await;
    let rows = tickets::Entity::find().all(&db).await.unwrap();
    let known: HashMap<_, _> = rows.iter().map(|ticket| (ticket.id.to_string(), ticket)).collect();
    for id in joined {
        assert!(known.contains_key(id), "{id} is lost");
    }
    for ticket in &rows {
        assert_eq!(ticket.ended_at.is_none(), ticket.state == TicketState::Searching);
        assert_eq!(ticket.match_id.is_some(), ticket.state == TicketState::Matched);
    }
    let order = rating_points::Entity::find().order_by_asc(rating_points::Column::Seq);
    let points = order.all(&db).await.unwrap();
    let found = matches::Entity::find().all(&db).await.unwrap();
    let completed =
        found.iter().filter(|found| found.status == MatchStatus::Completed).collect::<Vec<_>>();
    assert_eq!(points.len(), completed.len() * 2);
    let mut players: HashMap<UserId, (Rating, i64)> = HashMap::new();
    let params = params();
    for pair in points.chunks(2) {
        assert_eq!(pair[0].match_id, pair[1].match_id);
        let ended = completed.iter().find(|found| found.id == pair[0].match_id).unwrap();
        let at = ended.ended_at.unwrap();
        let scores: Value = serde_json::from_str(ended.team_results.as_ref().unwrap()).unwrap();
        let places = [0, 1].map(|team| scores[team]["placement"].as_i64().unwrap() as i32);
        let aged = pair.iter().map(|point| {
            let (rating, last) =
                players.get(&point.user_id).copied().unwrap_or((params.start(), at.0));
            vec![rating::aged(rating, at.0 - last, &params)]
        });
        // The history holds both players in the order of their teams.
        let after = rating::update(&aged.collect::<Vec<_>>(), &places, &params);
        for (point, rating) in pair.iter().zip(after) {
            players.insert(point.user_id, (rating[0], at.0));
        }
    }
    let held = standings::Entity::find().all(&db).await.unwrap();
    assert_eq!(held.len(), players.len());
    for row in held {
        let rating =
            Rating { value: row.rating, deviation: row.deviation, volatility: row.volatility };
        assert_eq!(rating, players[&row.user_id].0, "{}", row.user_id);
    }
    db.close().await.unwrap();
}

/// How the mode 1v1 rates by default.
fn params() -> RatingParams {
    let RatingSettings {
        start_mmr,
        start_deviation,
        start_volatility,
        tau,
        period_days,
        team_share,
        team_scale,
        ..
    } = Settings::default().modes.0[0].rating.clone();
    RatingParams {
        start_mmr,
        start_deviation,
        start_volatility,
        tau,
        period_days,
        team_share,
        team_scale,
        guard: Guard::OFF,
    }
}

async fn pages(client: &Client, query: &str, field: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = client.run_at_last(query, json!({"after": after})).await[field].clone();
        all.extend(page["nodes"].as_array().unwrap().iter().cloned());
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

pub async fn check(
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
            .run_at_last(
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
        let found = player.run_at_last(mine, json!({})).await;
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
        .run_at_last(
            "{ leaderboard(mode: \"1v1\", first: 100) { nodes { rank user { id } } } }",
            json!({}),
        )
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
    let strays: Vec<_> = told.iter().filter(|id| !finished.contains(id)).collect();
    let untold: Vec<_> = finished.iter().filter(|id| !told.contains(id)).collect();
    assert!(
        strays.is_empty() && untold.is_empty(),
        "feed: {strays:?} too many, {untold:?} missing"
    );
    assert_eq!(told.len(), finished.len());
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
