//! The matchmaking part of the settings changes while the server runs, or stays as it was.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Client, Process};

fn settings(start_mmr: &str) -> String {
    format!("[matchmaking]\ntick_ms = 50\ntolerance_start_mmr = {start_mmr}\n")
}

const RELOAD: &str = "mutation { reloadMatchmaking { changed } }";

async fn tolerance(player: &Client) -> i64 {
    let query = "{ myTicket { mmrTolerance } }";
    player.run(query, json!({})).await["myTicket"]["mmrTolerance"].as_i64().unwrap()
}

#[tokio::test]
async fn matchmaking_follows_the_file_when_told_and_a_wrong_file_changes_nothing() {
    let process = Process::start(&settings("200.0")).await;
    let (root, ada) = (process.admin("root").await, process.anonymous().register("ada").await);
    assert_eq!(ada.fail(RELOAD, json!({})).await["code"], "FORBIDDEN");
    let joined = Instant::now();
    // It widens with the wait: by as much again in two minutes.
    let widest =
        |start: f64| (start * (1.0 + joined.elapsed().as_secs_f64() / 120.0)).ceil() as i64;
    ada.join("1v1").await;
    let at_first = tolerance(&ada).await;
    assert!((200..=widest(200.0)).contains(&at_first), "{at_first}");
    let changed = |answer: Value| answer["reloadMatchmaking"]["changed"].clone();
    assert_eq!(changed(root.run(RELOAD, json!({})).await), false);
    process.set(&settings("500.0"));
    assert_eq!(changed(root.run(RELOAD, json!({})).await), true);
    // The ticket that waits already is seen by the new rules.
    assert!(tolerance(&ada).await >= 500);
    process.set(&settings("-1"));
    let answer = root.send(RELOAD, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    let message = answer["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("matchmaking.tolerance_start_mmr"), "{message}");
    let still = tolerance(&ada).await;
    assert!((500..=widest(500.0)).contains(&still), "{still}");
    // A signal does the same.
    process.set(&settings("900.0"));
    process.hang_up();
    while tolerance(&ada).await < 900 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
