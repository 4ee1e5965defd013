//! From the queue to the result.

use serde_json::json;

use crate::support::{Client, TestApp, client::play, tolerant};

#[tokio::test]
async fn two_players_meet_play_and_see_their_ratings_change() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let id = play(&server, &ada, &bob, "1v1").await;
    let query = "{ me { presence standing(mode: \"1v1\") { mmr wins losses streak placementsLeft rank } } myMatch { id } }";
    let won = ada.run(query, json!({})).await;
    let standing = &won["me"]["standing"];
    assert!(standing["mmr"].as_i64().unwrap() > 1500);
    assert_eq!((&standing["wins"], &standing["placementsLeft"]), (&json!(1), &json!(9)));
    assert_eq!((&standing["rank"], &won["myMatch"]), (&json!(null), &json!(null)));
    let lost = bob.run(query, json!({})).await;
    assert_eq!(lost["me"]["standing"]["streak"], -1);
    let history = "query($id: ID!) { node(id: $id) { id ... on Match { status winProbabilities events { nodes { kind } } } } }";
    let found = app.anonymous().run(history, json!({"id": id})).await;
    assert_eq!(found["node"]["status"], "COMPLETED");
    let kinds: Vec<_> = found["node"]["events"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["kind"].clone())
        .collect();
    assert_eq!(kinds, ["MATCH_STARTED", "MATCH_COMPLETED"]);
}

#[tokio::test]
async fn of_fifty_joins_at_once_one_holds() {
    let app = TestApp::with(|settings| settings.matchmaking.tick_ms = 60_000).await;
    let ada = app.player("ada").await;
    let tries = (0..50).map(|_| {
        let ada = ada.clone();
        let query = "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }";
        tokio::spawn(async move { ada.send(query, json!({})).await })
    });
    let mut held = 0;
    for tried in tries.collect::<Vec<_>>() {
        let answer = tried.await.unwrap();
        match answer.get("errors") {
            None => held += 1,
            Some(errors) => assert_eq!(errors[0]["extensions"]["reason"], "ALREADY_QUEUED"),
        }
    }
    assert_eq!(held, 1);
}

#[tokio::test]
async fn a_player_in_a_match_cannot_queue() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    ada.matched().await;
    let query = "mutation { joinQueue(input: {mode: \"2v2\"}) { ticket { id } } }";
    assert_eq!(ada.fail(query, json!({})).await["reason"], "IN_MATCH");
}

#[tokio::test]
async fn the_same_result_twice_in_parallel_counts_once_and_another_is_a_conflict() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let id = ada.matched().await;
    let early = server.fail(Client::REPORT, Client::result(&id, 0)).await;
    assert_eq!((&early["code"], &early["reason"]), (&json!("CONFLICT"), &json!("MATCH_STATE")));
    server.start_match(&id).await;
    let tries = (0..8).map(|_| {
        let (server, input) = (server.clone(), Client::result(&id, 0));
        tokio::spawn(async move { server.run(Client::REPORT, input).await })
    });
    let mut answers = Vec::new();
    for tried in tries.collect::<Vec<_>>() {
        answers.push(tried.await.unwrap());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:#?}");
    let other = server.fail(Client::REPORT, Client::result(&id, 1)).await;
    assert_eq!(other["reason"], "RESULT_DIFFERS");
    let wins = "{ me { standing(mode: \"1v1\") { wins losses } } }";
    let (a, b) = (ada.run(wins, json!({})).await, bob.run(wins, json!({})).await);
    let total = |who: &serde_json::Value| {
        who["me"]["standing"]["wins"].as_i64().unwrap()
            + who["me"]["standing"]["losses"].as_i64().unwrap()
    };
    assert_eq!((total(&a), total(&b)), (1, 1));
}

#[tokio::test]
async fn reports_that_do_not_fit_are_refused_by_field() {
    let app = TestApp::start().await;
    let (server, ada, _bob) = app.started().await;
    let id = ada.matched().await;
    let team = |index: i32, placement: i32| json!({"index": index, "placement": placement});
    for teams in [
        json!([]),
        json!([team(0, 1)]),
        json!([team(0, 1), team(0, 2)]),
        json!([team(0, 1), team(2, 2)]),
        json!([team(0, 2), team(1, 2)]),
        json!([team(0, 0), team(1, 1)]),
        json!([{"index": 0, "placement": 1, "players": [{"userId": "user_01h455vb4pex5vsknk084sn02q"}]}, team(1, 2)]),
        json!([{"index": 0, "placement": 1, "players": [{"userId": "nonsense"}]}, team(1, 2)]),
    ] {
        let refused =
            server.fail(Client::REPORT, json!({"input": {"matchId": id, "teams": teams}})).await;
        assert_eq!(refused["code"], "BAD_USER_INPUT");
        assert!(refused["field"].as_str().unwrap().starts_with("input.teams"), "{refused}");
    }
    let query = "mutation($input: ReportMatchResultInput!) { reportMatchResult(input: $input) { match { status } } }";
    assert_eq!(ada.fail(query, Client::result(&id, 0)).await["code"], "FORBIDDEN");
}

#[tokio::test]
async fn a_declined_ready_check_sends_the_others_back_with_their_seniority() {
    let app = TestApp::start().await;
    let mut players = Vec::new();
    for index in 0..8 {
        let player = app.player(&format!("player{index}")).await;
        let ticket = player.join("4v4").await;
        players.push((player, ticket));
    }
    let (decliner, _) = &players[0];
    let id = decliner.matched().await;
    let respond = "mutation($id: ID!, $accept: Boolean!) { respondToReadyCheck(input: {matchId: $id, accept: $accept}) {
        match { status cancelReason } } }";
    let (accepter, before) = &players[1];
    accepter.run(respond, json!({"id": id, "accept": true})).await;
    let declined = decliner.run(respond, json!({"id": id, "accept": false})).await;
    assert_eq!(declined["respondToReadyCheck"]["match"]["status"], "CANCELLED");
    let mine = "{ myTicket { id state joinedAt } myMatch { id } notifications { nodes { kind } } }";
    let back = accepter.run(mine, json!({})).await;
    assert_eq!(back["myTicket"]["state"], "SEARCHING");
    assert_eq!(back["myTicket"]["joinedAt"], before["joinedAt"]);
    assert_ne!(back["myTicket"]["id"], before["id"]);
    assert_eq!(decliner.run(mine, json!({})).await["myTicket"], json!(null));
    // The eighth comes back, and all accept.
    decliner.join("4v4").await;
    let id = decliner.matched().await;
    for (player, _) in &players {
        player.run(respond, json!({"id": id, "accept": true})).await;
    }
    let query = "query($id: ID!) { match(id: $id) { status teams { players { accepted } } } }";
    let found = app.anonymous().run(query, json!({"id": id})).await;
    assert_eq!(found["match"]["status"], "PENDING");
    assert!(
        found["match"]["teams"].as_array().unwrap().iter().all(|team| team["players"]
            .as_array()
            .unwrap()
            .len()
            == 4)
    );
}

#[tokio::test]
async fn a_match_that_nobody_starts_is_cancelled_and_its_players_queue_on() {
    let app = TestApp::with(|settings| settings.modes.0[0].start_deadline_seconds = 5).await;
    let (ada, bob) = app.pair().await;
    let ticket = ada.join("1v1").await;
    bob.join("1v1").await;
    let first = ada.matched().await;
    let mut socket = app.anonymous().socket().await;
    socket
        .subscribe(
            "m",
            "subscription($id: ID!) { matchUpdated(matchId: $id) { status cancelReason } }",
            json!({"id": first}),
        )
        .await;
    while socket.next("m").await["matchUpdated"]["status"] != "CANCELLED" {}
    assert_eq!(socket.message("m").await["type"], "complete");
    let second = ada.matched().await;
    assert_ne!(first, second);
    let query = "{ me { id } node: myMatch { id } }";
    assert_eq!(ada.run(query, json!({})).await["node"]["id"], second.as_str());
    assert_eq!(ticket["state"], "SEARCHING");
}

#[tokio::test]
async fn a_ticket_survives_a_restart_and_expires_when_nobody_renews_it() {
    let app = TestApp::with(|settings| settings.matchmaking.ticket_ttl_seconds = 1).await;
    let ada = app.player("ada").await;
    let ticket = ada.join("1v1").await;
    let app = app.restart().await;
    let ada = Client { addr: app.addr, ..ada };
    let mut socket = ada.socket().await;
    let node = "query($id: ID!) { node(id: $id) { ... on QueueTicket { state joinedAt } } }";
    let found = ada.run(node, json!({"id": ticket["id"]})).await;
    assert_eq!(found["node"]["joinedAt"], ticket["joinedAt"]);
    socket
        .subscribe(
            "s",
            "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }",
            json!({}),
        )
        .await;
    while socket.next("s").await["queueStats"]["ticketsSearching"] != 0 {}
    let found = ada.run(node, json!({"id": ticket["id"]})).await;
    assert_eq!(found["node"]["state"], "EXPIRED");
    ada.join("1v1").await;
}

#[tokio::test]
async fn events_are_recorded_once_by_their_number() {
    let app = TestApp::start().await;
    let (server, ada, bob) = app.started().await;
    let id = ada.matched().await;
    let query = "mutation($input: RecordMatchEventsInput!) { recordMatchEvents(input: $input) { recorded } }";
    let events: Vec<_> = (0..500)
        .map(|n| json!({"sequence": n, "kind": "KILL", "atMs": n * 10, "actorId": ada.id, "targetId": bob.id, "data": {"n": n}}))
        .collect();
    let input = json!({"input": {"matchId": id, "events": events}});
    // What could not be read again is not taken, however it is written.
    let deep = |levels: usize| format!("{}1{}", "{a:".repeat(levels), "}".repeat(levels));
    let nested = |levels: usize| {
        format!(
            "mutation {{ recordMatchEvents(input: {{matchId: \"{id}\", events: [{{sequence: 501, kind: \"K\", atMs: 9999, data: {}}}]}}) {{ recorded }} }}",
            deep(levels)
        )
    };
    for levels in [21, 100, 125, 180] {
        assert_eq!(server.fail(&nested(levels), json!({})).await["code"], "BAD_USER_INPUT");
    }
    assert_eq!(server.run(query, input.clone()).await["recordMatchEvents"]["recorded"], 500);
    assert_eq!(server.run(query, input).await["recordMatchEvents"]["recorded"], 0);
    for (event, field) in [
        (json!({"sequence": -1, "kind": "KILL", "atMs": 0}), "input.events[0].sequence"),
        (json!({"sequence": 900, "kind": "", "atMs": 0}), "input.events[0].kind"),
        (json!({"sequence": 900, "kind": "KILL", "atMs": -1}), "input.events[0].atMs"),
        (
            json!({"sequence": 900, "kind": "KILL", "atMs": 0, "actorId": "user_01h455vb4pex5vsknk084sn02q"}),
            "input.events[0].actorId",
        ),
    ] {
        let refused =
            server.fail(query, json!({"input": {"matchId": id, "events": [event]}})).await;
        assert_eq!(refused["field"], field);
    }
    let page =
        "query($id: ID!, $after: String) { match(id: $id) { events(first: 100, after: $after) {
        nodes { kind data } pageInfo { hasNextPage endCursor } } } }";
    let mut seen = 0;
    let mut after = json!(null);
    loop {
        let found =
            app.anonymous().run(page, json!({"id": id, "after": after})).await["match"]["events"]
                .clone();
        seen += found["nodes"].as_array().unwrap().len();
        after = found["pageInfo"]["endCursor"].clone();
        if found["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen, 501);
}

#[tokio::test]
async fn board_standing_and_rank_changes_agree() {
    let app = TestApp::with(|settings| {
        settings.ladder.placements = 1;
        tolerant(settings, 1500.0);
    })
    .await;
    let server = app.game_server().await;
    let mut players = Vec::new();
    for index in 0..4 {
        players.push(app.player(&format!("player{index}")).await);
    }
    let mut spectator = app.anonymous().socket().await;
    let changes = "subscription($after: String) { rankChanged(mode: \"1v1\", after: $after) { user { id } match { id } rankAfter mmrAfter } }";
    spectator.subscribe("r", changes, json!({"after": app.head().await})).await;
    let mut matches = 0;
    for (winner, loser) in [(0, 1), (2, 3), (0, 2), (1, 3), (3, 0), (2, 1)] {
        play(&server, &players[winner], &players[loser], "1v1").await;
        matches += 1;
    }
    let mut shown = std::collections::HashMap::new();
    let mut seen = 0;
    while seen < matches * 2 {
        let change = spectator.next("r").await["rankChanged"].clone();
        seen += usize::from(!change["match"].is_null());
        shown
            .insert(change["user"]["id"].as_str().unwrap().to_owned(), change["rankAfter"].clone());
    }
    // Those that were only pushed aside by the last match come right behind it.
    let board = "{ leaderboard(mode: \"1v1\") { totalCount nodes { rank mmr user { id standing(mode: \"1v1\") { rank mmr } } } } }";
    let board = app.anonymous().run(board, json!({})).await["leaderboard"].clone();
    assert_eq!(board["totalCount"], 4);
    let agree = |shown: &std::collections::HashMap<String, serde_json::Value>| {
        board["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| shown[entry["user"]["id"].as_str().unwrap()] == entry["rank"])
    };
    while !agree(&shown) {
        let change = spectator.next("r").await["rankChanged"].clone();
        shown
            .insert(change["user"]["id"].as_str().unwrap().to_owned(), change["rankAfter"].clone());
    }
    for (index, entry) in board["nodes"].as_array().unwrap().iter().enumerate() {
        assert_eq!(entry["rank"], json!(index + 1));
        assert_eq!(entry["user"]["standing"]["rank"], entry["rank"]);
        assert_eq!(entry["user"]["standing"]["mmr"], entry["mmr"]);
    }
    pages_join_up(&app, &board).await;
    let query = "{ leaderboard(mode: \"1v1\") { nodes { mmr standing { percentile nextTierAtMmr tier { minMmr } } } } }";
    let found = app.anonymous().run(query, json!({})).await;
    let nodes = found["leaderboard"]["nodes"].as_array().unwrap().clone();
    for (node, behind) in nodes.iter().zip([75.0, 50.0, 25.0, 0.0]) {
        let (standing, mmr) = (&node["standing"], node["mmr"].as_i64().unwrap());
        assert_eq!(standing["percentile"], behind);
        assert!(
            standing["nextTierAtMmr"].as_i64().unwrap()
                > standing["tier"]["minMmr"].as_i64().unwrap()
        );
        assert!(standing["nextTierAtMmr"].as_i64().unwrap() >= mmr);
    }
}

async fn pages_join_up(app: &TestApp, board: &serde_json::Value) {
    let whole: Vec<_> = board["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["user"]["id"].clone())
        .collect();
    let page = "query($after: String) { leaderboard(mode: \"1v1\", first: 3, after: $after) {
        edges { cursor node { user { id } } } pageInfo { hasNextPage hasPreviousPage } } }";
    let first = app.anonymous().run(page, json!({})).await["leaderboard"].clone();
    let second = app.anonymous().run(page, json!({"after": first["edges"][2]["cursor"]})).await["leaderboard"].clone();
    assert_eq!(
        (&first["pageInfo"]["hasNextPage"], &second["pageInfo"]["hasNextPage"]),
        (&json!(true), &json!(false))
    );
    let ids = |page: &serde_json::Value| {
        page["edges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["node"]["user"]["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!([ids(&first), ids(&second)].concat(), whole);
    let back = "query($before: String) { leaderboard(mode: \"1v1\", last: 2, before: $before) {
        edges { node { user { id } } } } }";
    let back = app.anonymous().run(back, json!({"before": second["edges"][0]["cursor"]})).await["leaderboard"].clone();
    assert_eq!(ids(&back), whole[1..3]);
    let around = "query($id: ID!) { leaderboard(mode: \"1v1\", first: 1, around: $id) { edges { node { rank user { id } } } } }";
    let around = app.anonymous().run(around, json!({"id": whole[2]})).await;
    assert_eq!(around["leaderboard"]["edges"][0]["node"]["rank"], 3);
    let elsewhere = "{ leaderboard(mode: \"1v1\", region: \"oceania\") { totalCount } }";
    assert_eq!(app.anonymous().run(elsewhere, json!({})).await["leaderboard"]["totalCount"], 0);
}

#[tokio::test]
async fn a_queue_tells_who_waits_and_what_was_made_of_it_lately() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let query = "{ queueStats(mode: \"1v1\") { playersSearching ticketsSearching matchesLastMinute medianWaitSeconds } }";
    let stats = async || app.anonymous().run(query, json!({})).await["queueStats"].clone();
    let empty = json!({"playersSearching": 0, "ticketsSearching": 0, "matchesLastMinute": 0, "medianWaitSeconds": null});
    assert_eq!(stats().await, empty);
    ada.join("1v1").await;
    let waits = stats().await;
    assert_eq!((&waits["playersSearching"], &waits["ticketsSearching"]), (&json!(1), &json!(1)));
    bob.join("1v1").await;
    ada.matched().await;
    // How long it took is looked up once a moment.
    app.until(async || stats().await["medianWaitSeconds"].is_number()).await;
    let made = stats().await;
    assert_eq!((&made["playersSearching"], &made["matchesLastMinute"]), (&json!(0), &json!(1)));
    app.change("UPDATE matches SET created_at = created_at - 61000").await;
    assert_eq!(stats().await["matchesLastMinute"], 0);
}
