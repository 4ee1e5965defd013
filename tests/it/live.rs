//! Subscriptions: first how things stand, then each change, and resuming without a gap.

use std::time::{Duration, Instant};

use rankedhonor::game::accounts::Role;
use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::play, tolerant};

#[tokio::test]
async fn a_ticket_is_followed_from_the_queue_into_the_match() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let mut socket = ada.socket().await;
    socket
        .subscribe(
            "q",
            "subscription { queueStatus { state mmrTolerance match { status } } }",
            json!({}),
        )
        .await;
    let joined = Instant::now();
    ada.join("1v1").await;
    let first = socket.next("q").await;
    let status = &first["queueStatus"];
    assert_eq!((&status["state"], &status["match"]), (&json!("SEARCHING"), &Value::Null));
    // It widens with the wait: by as much again in two minutes.
    let widest = 200.0 * (1.0 + joined.elapsed().as_secs_f64() / 120.0);
    let tolerance = status["mmrTolerance"].as_f64().unwrap();
    assert!((200.0..=widest.ceil()).contains(&tolerance), "{first}");
    bob.join("1v1").await;
    let mut last = first;
    while last["queueStatus"]["state"] != "MATCHED" {
        last = socket.next("q").await;
    }
    assert_eq!(last["queueStatus"]["match"]["status"], "PENDING");
}

#[tokio::test]
async fn a_cancelled_ticket_is_told() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    ada.join("1v1").await;
    let mut socket = ada.socket().await;
    socket.subscribe("q", "subscription { queueStatus { state } }", json!({})).await;
    assert_eq!(socket.next("q").await["queueStatus"]["state"], "SEARCHING");
    ada.run("mutation { leaveQueue { ticket { state } } }", json!({})).await;
    assert_eq!(socket.next("q").await["queueStatus"]["state"], "CANCELLED");
}

#[tokio::test]
async fn a_timeline_resumes_without_gap_or_repeat_and_ends_with_the_match() {
    let app = TestApp::start().await;
    let (server, ada, _bob) = app.started().await;
    let id = ada.matched().await;
    let record = "mutation($input: RecordMatchEventsInput!) { recordMatchEvents(input: $input) { recorded } }";
    let event = |n: i32| json!({"input": {"matchId": id, "events": [{"sequence": n, "kind": "KILL", "atMs": n}]}});
    let query = "subscription($id: ID!, $after: String) { matchEvents(matchId: $id, after: $after) { cursor kind atMs } }";
    let mut first = app.anonymous().socket().await;
    first.subscribe("e", query, json!({"id": id})).await;
    assert_eq!(first.next("e").await["matchEvents"]["kind"], "MATCH_STARTED");
    server.run(record, event(1)).await;
    let seen = first.next("e").await["matchEvents"].clone();
    assert_eq!(seen["atMs"], 1);
    drop(first);
    for n in 2..6 {
        server.run(record, event(n)).await;
    }
    let mut second = app.anonymous().socket().await;
    second.subscribe("e", query, json!({"id": id, "after": seen["cursor"]})).await;
    for n in 2..6 {
        assert_eq!(second.next("e").await["matchEvents"]["atMs"], n);
    }
    server.run(record, event(6)).await;
    assert_eq!(second.next("e").await["matchEvents"]["atMs"], 6);
    server.report(&id, 0).await;
    assert_eq!(second.next("e").await["matchEvents"]["kind"], "MATCH_COMPLETED");
    assert_eq!(second.message("e").await["type"], "complete");
    let mut late = app.anonymous().socket().await;
    late.subscribe("e", query, json!({"id": id})).await;
    for _ in 0..8 {
        late.next("e").await;
    }
    assert_eq!(late.message("e").await["type"], "complete");
}

#[tokio::test]
async fn rank_changes_and_the_feed_resume_across_a_restart() {
    // They meet again at once, however far apart their first match took them.
    let app = TestApp::with(|settings| tolerant(settings, 1_500.0)).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let ranks = "subscription($after: String) { rankChanged(after: $after) { cursor user { username } mmrBefore mmrAfter } }";
    let feed = "subscription($after: String) { feedItemAdded(after: $after) { cursor kind match { id } } }";
    let mut socket = app.anonymous().socket().await;
    let now = app.head().await;
    socket.subscribe("r", ranks, json!({"after": now})).await;
    socket.subscribe("f", feed, json!({"after": now})).await;
    play(&server, &ada, &bob, "1v1").await;
    let rank = socket.next("r").await["rankChanged"].clone();
    let item = socket.next("f").await["feedItemAdded"].clone();
    assert_eq!(item["kind"], "MATCH_COMPLETED");
    let second = play(&server, &ada, &bob, "1v1").await;
    let app = app.restart().await;
    let server = Client { addr: app.addr, ..server };
    let mut socket = app.anonymous().socket().await;
    socket.subscribe("r", ranks, json!({"after": rank["cursor"]})).await;
    socket.subscribe("f", feed, json!({"after": item["cursor"]})).await;
    let mut changes = Vec::new();
    for _ in 0..3 {
        changes.push(socket.next("r").await["rankChanged"].clone());
    }
    assert!(changes.iter().all(|change| change["cursor"] != rank["cursor"]));
    assert_eq!(socket.next("f").await["feedItemAdded"]["match"]["id"], second.as_str());
    let (ada, bob) = (Client { addr: app.addr, ..ada }, Client { addr: app.addr, ..bob });
    let third = play(&server, &ada, &bob, "1v1").await;
    let mut items = Vec::new();
    loop {
        let item = socket.next("f").await["feedItemAdded"].clone();
        items.push(item["kind"].clone());
        if item["match"]["id"] == third.as_str() && item["kind"] == "WIN_STREAK" {
            break;
        }
    }
    assert_eq!(items, ["MATCH_COMPLETED", "WIN_STREAK"]);
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_refused() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    // base64 of "log:99999999999"
    for (n, cursor) in ["nonsense", "bG9nOjk5OTk5OTk5OTk5"].iter().enumerate() {
        let id = n.to_string();
        socket
            .subscribe(
                &id,
                "subscription($after: String) { feedItemAdded(after: $after) { kind } }",
                json!({"after": cursor}),
            )
            .await;
        let refused = socket.message(&id).await;
        assert_eq!(refused["type"], "error");
        let extensions = &refused["payload"][0]["extensions"];
        assert_eq!(
            (&extensions["code"], &extensions["field"]),
            (&json!("BAD_USER_INPUT"), &json!("after"))
        );
    }
}

#[tokio::test]
async fn spectators_see_matches_and_the_board_move() {
    let app = TestApp::with(|settings| settings.ladder.placements = 1).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let mut socket = app.anonymous().socket().await;
    socket
        .subscribe("l", "subscription { liveMatches(mode: \"1v1\") { id status } }", json!({}))
        .await;
    socket
        .subscribe(
            "b",
            "subscription { leaderboardChanged(mode: \"1v1\") { rank user { username } } }",
            json!({}),
        )
        .await;
    assert_eq!(socket.next("b").await["leaderboardChanged"], json!([]));
    let id = play(&server, &ada, &bob, "1v1").await;
    // Each shows the match as it is when it is shown.
    let mut shown = socket.next("l").await["liveMatches"].clone();
    assert_eq!(shown["id"], id.as_str());
    if shown["status"] != "COMPLETED" {
        shown = socket.next("l").await["liveMatches"].clone();
    }
    assert_eq!(shown, json!({"id": id, "status": "COMPLETED"}));
    let board = socket.next("b").await["leaderboardChanged"].clone();
    let names: Vec<Value> =
        board.as_array().unwrap().iter().map(|entry| entry["user"]["username"].clone()).collect();
    assert_eq!(names, ["ada", "bob"]);
}

#[tokio::test]
async fn notifications_arrive_and_are_read() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let mut socket = ada.socket().await;
    socket
        .subscribe("n", "subscription { notificationReceived { id kind data } }", json!({}))
        .await;
    socket.subscribe("ping", "{ modes { id } }", json!({})).await;
    socket.next("ping").await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let told = socket.next("n").await["notificationReceived"].clone();
    assert_eq!(told["kind"], "MATCH_FOUND");
    assert!(told["data"]["matchId"].as_str().unwrap().starts_with("match_"));
    let read =
        "mutation($ids: [ID!]) { markNotificationsRead(input: {ids: $ids}) { unreadCount } }";
    assert_eq!(
        bob.run(read, json!({"ids": [told["id"]]})).await["markNotificationsRead"]["unreadCount"],
        1
    );
    assert_eq!(
        ada.run(read, json!({"ids": [told["id"]]})).await["markNotificationsRead"]["unreadCount"],
        0
    );
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(bob.run(node, json!({"id": told["id"]})).await["node"], json!(null));
}

#[tokio::test]
async fn spectators_see_a_match_as_it_was_and_game_servers_and_moderators_as_it_is() {
    let delay = Duration::from_secs(10);
    let app = TestApp::with(|settings| settings.modes.0[0].spectator_delay_seconds = 10).await;
    let (ada, bob) = app.pair().await;
    let (server, moderator) = (app.game_server().await, app.staff("mod", Role::Moderator).await);
    ada.join("1v1").await;
    bob.join("1v1").await;
    let id = ada.matched().await;
    let started = Instant::now();
    server.start_match(&id).await;
    let watched = "subscription($id: ID!) { matchUpdated(matchId: $id) { status startedAt teams { score players { mmrAfter kills } } } }";
    let events = "subscription($id: ID!) { matchEvents(matchId: $id) { kind match { status } } }";
    // Whoever may see it at once does.
    for client in [&server, &moderator] {
        let mut socket = client.socket().await;
        socket.subscribe("m", watched, json!({"id": id})).await;
        assert_eq!(socket.next("m").await["matchUpdated"]["status"], "IN_PROGRESS");
        socket.subscribe("e", events, json!({"id": id})).await;
        assert_eq!(socket.next("e").await["matchEvents"]["kind"], "MATCH_STARTED");
    }
    let mut socket = ada.socket().await;
    socket.subscribe("m", watched, json!({"id": id})).await;
    socket.subscribe("e", events, json!({"id": id})).await;
    let first = socket.next("m").await["matchUpdated"].clone();
    assert_eq!((&first["status"], &first["startedAt"]), (&json!("PENDING"), &Value::Null));
    let page = "query($id: ID!) { match(id: $id) { events { nodes { kind } } } }";
    let timeline = ada.run(page, json!({"id": id})).await["match"]["events"]["nodes"].clone();
    assert_eq!(timeline, json!([]));
    // The start is shown well before the end is.
    tokio::time::sleep_until((started + delay / 2).into()).await;
    let reported = Instant::now();
    server.report(&id, 0).await;
    let event = socket.next("e").await["matchEvents"].clone();
    assert_eq!(event, json!({"kind": "MATCH_STARTED", "match": {"status": "IN_PROGRESS"}}));
    assert!(started.elapsed() >= delay - Duration::from_millis(100));
    // The report, which is not shown yet, is no change.
    let playing = socket.next("m").await["matchUpdated"].clone();
    assert_eq!(playing["status"], "IN_PROGRESS");
    assert_eq!(
        playing["teams"][0],
        json!({"score": null, "players": [{"mmrAfter": null, "kills": 0}]})
    );
    assert_eq!(socket.next("e").await["matchEvents"]["kind"], "MATCH_COMPLETED");
    let over = socket.next("m").await["matchUpdated"].clone();
    assert_eq!(over["status"], "COMPLETED");
    assert!(over["teams"][0]["players"][0]["mmrAfter"].is_number());
    assert!(reported.elapsed() >= delay - Duration::from_millis(100));
    for id in ["e", "m"] {
        assert_eq!(socket.message(id).await["type"], "complete");
    }
    let timeline = ada.run(page, json!({"id": id})).await["match"]["events"]["nodes"].clone();
    assert_eq!(timeline.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_and_goes_is_here_as_long_as_a_socket_is() {
    // A place is free when the server has seen that the socket is gone.
    let app = TestApp::with(|settings| settings.limits.socket.per_user = 100).await;
    let (ada, bob) = (app.player("ada").await, app.player("bob").await);
    let query = "query($id: ID!) { user(by: {id: $id}) { presence } }";
    let seen = async |presence: &str| {
        app.until(async || {
            bob.run(query, json!({"id": ada.id})).await["user"]["presence"] == presence
        })
        .await;
    };
    for _ in 0..20 {
        drop(ada.socket().await);
    }
    seen("OFFLINE").await;
    let stays = ada.socket().await;
    drop(ada.socket().await);
    seen("ONLINE").await;
    drop(stays);
    seen("OFFLINE").await;
    // Who is told to go and does not answer is not here any more either.
    let _silent = ada.socket().await;
    seen("ONLINE").await;
    ada.run("mutation { logout { success } }", json!({})).await;
    seen("OFFLINE").await;
}
