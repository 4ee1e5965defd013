//! Parties: made, joined by code, led, queued as one, never split, and gone from the queue when anybody goes.

use serde_json::{Value, json};

use crate::support::{Client, TestApp, client::play, tolerant};

const SHOWN: &str = "{ id leader { id } joinCode ticket { id state players { id } } members { ready user { id } } }";

async fn create(client: &Client) -> Value {
    let query = format!("mutation {{ createParty {{ party {SHOWN} }} }}");
    client.run(&query, json!({})).await["createParty"]["party"].clone()
}

fn join_query() -> String {
    format!(
        "mutation($code: String!) {{ joinParty(input: {{joinCode: $code}}) {{ party {SHOWN} }} }}"
    )
}

async fn join(client: &Client, party: &Value) -> Value {
    client.run(&join_query(), json!({"code": party["joinCode"]})).await["joinParty"]["party"]
        .clone()
}

async fn ready(client: &Client, ready: bool) {
    let query =
        "mutation($ready: Boolean!) { setPartyReady(input: {ready: $ready}) { party { id } } }";
    client.run(query, json!({"ready": ready})).await;
}

async fn mine(client: &Client) -> Value {
    client.run(&format!("{{ myParty {SHOWN} }}"), json!({})).await["myParty"].clone()
}

/// A party of these, the first leads, all others ready.
async fn party(members: &[&Client]) -> Value {
    let party = create(members[0]).await;
    for member in &members[1..] {
        join(member, &party).await;
        ready(member, true).await;
    }
    party
}

const QUEUE: &str = "mutation($mode: ModeId!) { joinQueue(input: {mode: $mode}) { ticket { id players { id } mmr } } }";
const LEAVE: &str = "mutation { leaveParty { left } }";

#[tokio::test]
async fn a_party_is_made_joined_led_and_left() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let cleo = app.player("cleo").await;
    let made = create(&ada).await;
    let code = made["joinCode"].as_str().unwrap();
    assert_eq!(code.len(), 8);
    let again = ada.fail("mutation { createParty { party { id } } }", json!({})).await;
    assert_eq!((&again["code"], &again["reason"]), (&json!("CONFLICT"), &json!("IN_PARTY")));
    let wrong = bob.fail(&join_query(), json!({"code": "NOSUCHCD"})).await;
    assert_eq!(wrong["code"], "NOT_FOUND");
    // The code in any case; joining again changes nothing.
    bob.run(&join_query(), json!({"code": code.to_lowercase()})).await;
    let joined = join(&bob, &made).await;
    assert_eq!(joined["members"].as_array().unwrap().len(), 2);
    join(&cleo, &made).await;
    // Nobody else is shown the code.
    let node =
        "query($id: ID!) { node(id: $id) { ... on Party { joinCode members { user { id } } } } }";
    let seen = app.player("dora").await.run(node, json!({"id": made["id"]})).await;
    assert!(seen["node"]["joinCode"].is_null());
    assert_eq!(bob.run(node, json!({"id": made["id"]})).await["node"]["joinCode"], code);
    // Only the leader leads.
    let promote = "mutation($id: ID!) { promotePartyLeader(input: {userId: $id}) { party { leader { id } } } }";
    let kick = "mutation($id: ID!) { kickFromParty(input: {userId: $id}) { party { members { user { id } } } } }";
    assert_eq!(bob.fail(promote, json!({"id": bob.id})).await["code"], "FORBIDDEN");
    assert_eq!(bob.fail(kick, json!({"id": ada.id})).await["code"], "FORBIDDEN");
    assert_eq!(ada.fail(kick, json!({"id": ada.id})).await["field"], "input.userId");
    let led = ada.run(promote, json!({"id": bob.id})).await;
    assert_eq!(led["promotePartyLeader"]["party"]["leader"]["id"], bob.id.as_str());
    let left = bob.run(kick, json!({"id": cleo.id})).await;
    assert_eq!(left["kickFromParty"]["party"]["members"].as_array().unwrap().len(), 2);
    assert!(mine(&cleo).await.is_null());
    // The longest member follows a leader who goes; without members it is over.
    assert_eq!(bob.run(LEAVE, json!({})).await["leaveParty"]["left"], true);
    assert_eq!(mine(&ada).await["leader"]["id"], ada.id.as_str());
    ada.run(LEAVE, json!({})).await;
    assert_eq!(ada.run(LEAVE, json!({})).await["leaveParty"]["left"], false);
    assert!(app.anonymous().run(node, json!({"id": made["id"]})).await["node"].is_null());
}

#[tokio::test]
async fn the_leader_queues_for_all_when_all_are_ready_and_the_team_is_large_enough() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let made = create(&ada).await;
    join(&bob, &made).await;
    let mode = |id: &str| json!({"mode": id});
    assert_eq!(ada.fail(QUEUE, mode("2v2")).await["reason"], "PARTY_NOT_READY");
    ready(&bob, true).await;
    assert_eq!(bob.fail(QUEUE, mode("2v2")).await["code"], "FORBIDDEN");
    let answer = ada.send(QUEUE, mode("1v1")).await;
    let (error, message) = (&answer["errors"][0]["extensions"], &answer["errors"][0]["message"]);
    assert_eq!((&error["code"], &error["field"]), (&json!("BAD_USER_INPUT"), &json!("input.mode")));
    assert!(message.as_str().unwrap().contains("has 1"), "{message}");
    let ticket = ada.run(QUEUE, mode("2v2")).await["joinQueue"]["ticket"].clone();
    assert_eq!(ticket["players"].as_array().unwrap().len(), 2);
    for member in [&ada, &bob] {
        let shown = mine(member).await;
        assert_eq!(
            (&shown["ticket"]["id"], &shown["ticket"]["state"]),
            (&ticket["id"], &json!("SEARCHING"))
        );
        let own = member.run("{ myTicket { id } }", json!({})).await;
        assert_eq!(own["myTicket"]["id"], ticket["id"]);
    }
    // Nobody comes in while it waits.
    let late =
        app.player("late").await.fail(&join_query(), json!({"code": made["joinCode"]})).await;
    assert_eq!(late["reason"], "ALREADY_QUEUED");
    // Whoever is not ready any more takes all out; so does whoever leaves.
    ready(&bob, false).await;
    assert!(ada.run("{ myTicket { id } }", json!({})).await["myTicket"].is_null());
    ready(&bob, true).await;
    ada.run(QUEUE, mode("2v2")).await;
    bob.run(LEAVE, json!({})).await;
    for member in [&ada, &bob] {
        assert!(member.run("{ myTicket { id } }", json!({})).await["myTicket"].is_null());
    }
}

#[tokio::test]
async fn a_party_plays_on_one_side_and_a_larger_one_is_refused() {
    let app = TestApp::start().await;
    let mut players = Vec::new();
    for index in 0..5 {
        players.push(app.player(&format!("player{index}")).await);
    }
    let [a, b, c, d, e] = &players[..] else { unreachable!() };
    party(&[a, b]).await;
    a.run(QUEUE, json!({"mode": "2v2"})).await;
    c.join("2v2").await;
    d.join("2v2").await;
    let id = a.matched().await;
    assert_eq!(b.matched().await, id);
    let query = "query($id: ID!) { match(id: $id) { teams { players { user { id } } } } }";
    let found = app.anonymous().run(query, json!({"id": id})).await;
    let teams = found["match"]["teams"].as_array().unwrap();
    let sides: Vec<_> = teams
        .iter()
        .map(|team| {
            let ids = team["players"]
                .as_array()
                .unwrap()
                .iter()
                .map(|p| p["user"]["id"].as_str().unwrap());
            ids.filter(|id| [a.id.as_str(), b.id.as_str()].contains(id)).count()
        })
        .collect();
    assert!(sides == [2, 0] || sides == [0, 2], "{sides:?}");
    // Four are as many as the largest team has.
    let full = party(&[c, d, e]).await;
    let last = app.player("fourth").await;
    join(&last, &full).await;
    let refused =
        app.player("fifth").await.fail(&join_query(), json!({"code": full["joinCode"]})).await;
    assert_eq!(refused["reason"], "PARTY_FULL");
}

#[tokio::test]
async fn a_member_follows_the_party_until_they_are_out_of_it_across_a_restart() {
    let app = TestApp::start().await;
    let (ada, bob) = app.pair().await;
    let made = create(&ada).await;
    let query = format!("subscription {{ partyUpdated {SHOWN} }}");
    let mut alone = bob.socket().await;
    alone.subscribe("p", &query, json!({})).await;
    let refused = alone.message("p").await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "NOT_FOUND", "{refused:#}");
    let mut socket = ada.socket().await;
    socket.subscribe("p", &query, json!({})).await;
    assert_eq!(socket.next("p").await["partyUpdated"]["members"].as_array().unwrap().len(), 1);
    join(&bob, &made).await;
    assert_eq!(socket.next("p").await["partyUpdated"]["members"].as_array().unwrap().len(), 2);
    ready(&bob, true).await;
    let seen = socket.next("p").await;
    assert_eq!(seen["partyUpdated"]["members"][1]["ready"], true);
    ada.run(QUEUE, json!({"mode": "2v2"})).await;
    assert_eq!(socket.next("p").await["partyUpdated"]["ticket"]["state"], "SEARCHING");
    // The party and its ticket are there after a restart.
    let app = app.restart().await;
    let (ada, bob) = (ada.at(app.addr), bob.at(app.addr));
    let mut socket = bob.socket().await;
    socket.subscribe("p", &query, json!({})).await;
    let seen = socket.next("p").await;
    assert_eq!(seen["partyUpdated"]["ticket"]["state"], "SEARCHING");
    assert_eq!(seen["partyUpdated"]["joinCode"], made["joinCode"]);
    let kick = "mutation($id: ID!) { kickFromParty(input: {userId: $id}) { party { id } } }";
    ada.run(kick, json!({"id": bob.id})).await;
    // Perhaps the ticket goes first; then the stream is over.
    while socket.message("p").await["type"] != "complete" {}
}

#[tokio::test]
async fn those_who_block_each_other_never_meet_on_either_side() {
    let app = TestApp::with(|settings| tolerant(settings, 2_000.0)).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    play(&server, &ada, &bob, "1v1").await;
    let block = "mutation($id: ID!) { blockUser(input: {userId: $id}) { user { id } } }";
    assert_eq!(bob.fail(block, json!({"id": bob.id})).await["field"], "input.userId");
    // While both wait, too.
    let cleo = app.player("cleo").await;
    bob.run(block, json!({"id": ada.id})).await;
    bob.run(block, json!({"id": ada.id})).await;
    let seen = "query($id: ID!) { me { blockedUsers { id } } other: user(by: {id: $id}) { blockedUsers { id } } }";
    let shown = bob.run(seen, json!({"id": ada.id})).await;
    assert_eq!(shown["me"]["blockedUsers"], json!([{"id": ada.id}]));
    assert!(shown["other"]["blockedUsers"].is_null());
    ada.join("1v1").await;
    bob.join("1v1").await;
    let why = "{ myTicket { explanation { candidates keptOut { rule tickets } nextWidening { inSeconds } nearest { missingPlayers } } } }";
    app.told().await;
    let waits = loop {
        let waits = ada.run(why, json!({})).await["myTicket"]["explanation"].clone();
        if waits["keptOut"][0]["tickets"] == 1 {
            break waits;
        }
    };
    assert_eq!(waits["keptOut"][0], json!({"rule": "BLOCKED", "tickets": 1}));
    assert_eq!(waits["candidates"], 0);
    assert!(waits["nextWidening"].is_null() && waits["nearest"].is_null(), "{waits:#}");
    // Somebody else comes: one of the two plays, the other waits on.
    cleo.join("1v1").await;
    let id = cleo.matched().await;
    server.start_match(&id).await;
    server.report(&id, 0).await;
    let unblock = "mutation($id: ID!) { unblockUser(input: {userId: $id}) { unblocked } }";
    assert_eq!(bob.run(unblock, json!({"id": ada.id})).await["unblockUser"]["unblocked"], true);
    assert_eq!(bob.run(unblock, json!({"id": ada.id})).await["unblockUser"]["unblocked"], false);
    for player in [&ada, &bob] {
        player
            .send("mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }", json!({}))
            .await;
    }
    assert_eq!(ada.matched().await, bob.matched().await);
}

const RESPOND: &str = "mutation($id: ID!, $accept: Boolean!) { respondToReadyCheck(input: {matchId: $id, accept: $accept}) { match { status } } }";
const LOCK: &str = "{ me { queueLock { until reason count } } }";

#[tokio::test]
async fn who_declines_is_warned_then_locked_and_a_moderator_can_lift_it() {
    let app = TestApp::with(|settings| settings.modes.0[0].ready_check_seconds = 15).await;
    let (ada, bob) = app.pair().await;
    let join = "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }";
    for _ in 0..2 {
        // Whoever did not decline is queued again.
        bob.run("mutation { leaveQueue { ticket { id } } }", json!({})).await;
        ada.join("1v1").await;
        bob.join("1v1").await;
        let id = ada.matched().await;
        ada.run(RESPOND, json!({"id": id, "accept": false})).await;
        // The other waits on, with no fault of theirs.
        assert!(bob.run(LOCK, json!({})).await["me"]["queueLock"].is_null());
    }
    let lock = ada.run(LOCK, json!({})).await["me"]["queueLock"].clone();
    assert_eq!((&lock["reason"], &lock["count"]), (&json!("DECLINED"), &json!(2)));
    let answer = ada.send(join, json!({})).await;
    let refused = &answer["errors"][0]["extensions"];
    assert_eq!(
        (&refused["code"], &refused["reason"]),
        (&json!("CONFLICT"), &json!("QUEUE_LOCKED"))
    );
    let wait = refused["retryAfterMs"].as_u64().unwrap();
    assert!(wait > 200_000 && wait <= 300_000, "{wait}");
    // It holds for a party that they are in, and nobody else sees it.
    app.told().await;
    let kinds = ada.run("{ notifications { nodes { kind } } }", json!({})).await;
    let kinds = kinds["notifications"]["nodes"].to_string();
    assert!(kinds.contains("QUEUE_WARNING") && kinds.contains("QUEUE_LOCKED"), "{kinds}");
    let seen = "query($id: ID!) { user(by: {id: $id}) { queueLock { count } } }";
    assert!(bob.run(seen, json!({"id": ada.id})).await["user"]["queueLock"].is_null());
    let lift = "mutation($id: ID!) { liftQueueLock(input: {userId: $id}) { lifted } }";
    assert_eq!(bob.fail(lift, json!({"id": ada.id})).await["code"], "FORBIDDEN");
    let moderator = app.staff("mod", rankedhonor::game::accounts::Role::Moderator).await;
    assert_eq!(moderator.run(seen, json!({"id": ada.id})).await["user"]["queueLock"]["count"], 2);
    assert_eq!(moderator.run(lift, json!({"id": ada.id})).await["liftQueueLock"]["lifted"], true);
    assert!(ada.run(LOCK, json!({})).await["me"]["queueLock"].is_null());
    ada.run(join, json!({})).await;
}

#[tokio::test]
async fn nobody_is_punished_for_a_ready_check_that_they_never_saw() {
    let app = TestApp::with(|settings| settings.modes.0[0].ready_check_seconds = 4).await;
    let mut pairs = Vec::new();
    // Those who saw it and did not answer are.
    for looks in [false, true, true] {
        let (seen, unseen) = (format!("seen{}", pairs.len()), format!("unseen{}", pairs.len()));
        let pair = (app.player(&seen).await, app.player(&unseen).await);
        pair.0.join("1v1").await;
        pair.1.join("1v1").await;
        let id = loop {
            let found = app.services.matches.mine(pair.0.id.parse().unwrap()).await.unwrap();
            if let Some(found) = found {
                break found.id;
            }
        };
        if looks {
            pair.0.run("{ myMatch { id } }", json!({})).await;
        }
        while app.services.matches.get(id).await.unwrap().unwrap().ended_at.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        pairs.push(pair);
    }
    app.told().await;
    let kinds = "{ notifications { nodes { kind data } } }";
    for ((seen, unseen), looked) in pairs.iter().zip([false, true, true]) {
        let text = seen.run(kinds, json!({})).await.to_string();
        assert_eq!(text.contains("NO_ANSWER"), looked, "{text}");
        let text = unseen.run(kinds, json!({})).await.to_string();
        assert!(!text.contains("QUEUE_WARNING"), "{text}");
    }
}

#[tokio::test]
async fn who_leaves_a_match_is_counted_when_its_result_comes() {
    let app = TestApp::with(|settings| tolerant(settings, 2_000.0)).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    for _ in 0..2 {
        ada.join("1v1").await;
        bob.join("1v1").await;
        let id = ada.matched().await;
        server.start_match(&id).await;
        let mut result = Client::result(&id, 0);
        for team in 0..2 {
            let players =
                "query($id: ID!) { match(id: $id) { teams { players { user { id } } } } }";
            let found = server.run(players, json!({"id": id})).await;
            let user = found["match"]["teams"][team]["players"][0]["user"]["id"].clone();
            let left = user == bob.id.as_str();
            result["input"]["teams"][team]["players"] =
                json!([{"userId": user, "abandoned": left}]);
        }
        server.run(Client::REPORT, result.clone()).await;
        // The same report again counts nothing twice.
        server.run(Client::REPORT, result).await;
    }
    let lock = bob.run(LOCK, json!({})).await["me"]["queueLock"].clone();
    assert_eq!((&lock["reason"], &lock["count"]), (&json!("ABANDONED"), &json!(2)));
    assert!(ada.run(LOCK, json!({})).await["me"]["queueLock"].is_null());
}
