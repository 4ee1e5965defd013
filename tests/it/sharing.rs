//! One execution for everybody who asks the same: what they hear is what each would have heard alone, from wherever they
//! begin.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use async_graphql::Response;
use futures_util::{StreamExt, future::join_all, stream::BoxStream};
use rankedhonor::{
    game::accounts::Viewer,
    resolvers::{
        self, Peer, RequestMeta,
        access::{self, Seen},
    },
    schema::paging::{Cursor, Line},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{Client, Process, Socket, TestApp, client::play, tolerant};

/// Fields whose value is another at another moment.
const FLEETING: [&str; 8] = [
    "presence",
    "updatedAt",
    "joinToken",
    "estimatedWaitSeconds",
    "estimatedWaitP90Seconds",
    "explanation",
    "queueLock",
    "unreadNotifications",
];

/// Everything of a type that can be asked for without arguments, so many levels deep.
fn selection(schema: &apollo_compiler::Schema, of: &str, levels: usize, personal: bool) -> String {
    let Some(fields) = schema.get_object(of) else { return String::new() };
    let mut chosen = Vec::new();
    for (name, field) in &fields.fields {
        let fleeting = FLEETING.contains(&name.as_str());
        let left_out = !personal && access::is_personal(of, name);
        if fleeting || left_out || field.arguments.iter().any(|a| a.is_required()) {
            continue;
        }
        let inner = field.ty.inner_named_type().as_str();
        if schema.get_object(inner).is_none() {
            chosen.push(name.to_string());
        } else if levels > 0 {
            let below = selection(schema, inner, levels - 1, personal);
            if !below.is_empty() {
                chosen.push(format!("{name} {below}"));
            }
        }
    }
    if chosen.is_empty() { String::new() } else { format!("{{ {} }}", chosen.join(" ")) }
}

/// A subscription as somebody executes it who shares it with nobody.
fn own(app: &TestApp, viewer: Viewer, query: &str) -> BoxStream<'static, Response> {
    let schema = resolvers::build(app.services.clone());
    let address = std::net::Ipv4Addr::LOCALHOST.into();
    let peer = Peer { address, is_local: true };
    let meta = RequestMeta { request_id: "own".into(), peer, user_agent: None, cookie: None };
    let request = async_graphql::Request::new(query);
    schema.execute_stream(resolvers::prepare(request, &app.services, viewer, meta))
}

/// An answer but for its cost, which the edge puts behind all else.
fn without_cost(payload: String) -> String {
    let (rest, cost) = payload.rsplit_once(",\"extensions\":{\"cost\":").expect("it has a cost");
    let cost: u64 = cost.strip_suffix("}}").unwrap().parse().unwrap();
    assert!(cost > 0);
    format!("{rest}}}")
}

#[tokio::test]
async fn every_subscription_is_heard_byte_for_byte_as_it_is_executed_alone() {
    let app = TestApp::with(|settings| {
        tolerant(settings, 5_000.0);
        // Everything that there is, at once.
        settings.limits.cost_user = 100_000_000;
        settings.limits.cost_user_per_minute = 0;
    })
    .await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    play(&server, &ada, &bob, "1v1").await;
    play(&server, &bob, &ada, "1v1").await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let open = ada.matched().await;
    server.start_match(&open).await;
    ada.run("mutation { createParty { party { id } } }", json!({})).await;
    app.told().await;
    let sdl = resolvers::sdl();
    let schema = apollo_compiler::Schema::parse_and_validate(&sdl, "schema.graphql").unwrap();
    let from_the_start = rankedhonor::game::event::Position(0).encode();
    let mut heard = BTreeSet::new();
    for (name, field) in &schema.get_object("Subscription").unwrap().fields {
        let mut arguments = Vec::new();
        for argument in &field.arguments {
            match argument.name.as_str() {
                "matchId" => arguments.push(format!("matchId: \"{open}\"")),
                "mode" => arguments.push("mode: \"1v1\"".to_owned()),
                "after" if name == "matchEvents" => {
                    arguments.push(format!("after: \"{}\"", Line(0).encode()));
                }
                "after" => arguments.push(format!("after: \"{from_the_start}\"")),
                _ => {}
            }
        }
        let arguments = if arguments.is_empty() {
            String::new()
        } else {
            format!("({})", arguments.join(", "))
        };
        let inner = field.ty.inner_named_type().as_str();
        // Whoever has it all has what is personal too, and shares nothing; the second leaves that out.
        let all = selection(&schema, inner, 3, true);
        let public = selection(&schema, inner, 3, false);
        for selection in [all, public] {
            let query = format!("subscription {{ {name}{arguments} {selection} }}");
            let viewer = app.services.accounts.authenticate(ada.token.as_ref().unwrap()).await;
            let mut alone = own(&app, viewer.unwrap(), &query);
            let mut sockets = Vec::new();
            for _ in 0..3 {
                let mut socket = ada.socket().await;
                socket.subscribe("x", &query, json!({})).await;
                sockets.push(socket);
            }
            if name == "notificationReceived" {
                continue;
            }
            // What there is at rest: a log has several entries, everything else one picture.
            let entries = match name.as_str() {
                "rankChanged" => 4,
                "feedItemAdded" => 2,
                _ => 1,
            };
            for _ in 0..entries {
                let told = |expected: Option<Response>| {
                    let expected = expected.unwrap();
                    assert!(expected.is_ok(), "{query}\n{expected:#?}");
                    serde_json::to_string(&expected).unwrap()
                };
                let mut expected = told(alone.next().await);
                for socket in &mut sockets {
                    let mut heard = without_cost(socket.payload("x").await);
                    // What either has been shown may be a moment old; then what it is now follows by itself.
                    while name == "queueStats" && heard != expected {
                        tokio::select! {
                            newer = socket.payload("x") => heard = without_cost(newer),
                            newer = alone.next() => expected = told(newer),
                        }
                    }
                    assert_eq!(heard, expected, "{query}");
                }
            }
            heard.insert(name.to_string());
        }
    }
    assert_eq!(heard.len(), schema.get_object("Subscription").unwrap().fields.len() - 1);
}

#[tokio::test]
async fn a_field_that_depends_on_who_asks_is_never_shared() {
    let app = TestApp::start().await;
    let (_server, ada, bob) = app.started().await;
    let id = ada.matched().await;
    let query = "subscription($id: ID!) { matchUpdated(matchId: $id) { session { endpoint joinToken } teams { players { user { id email } } } } }";
    let mut tokens = BTreeSet::new();
    for client in [&app.anonymous(), &ada, &bob, &app.anonymous()] {
        let mut socket = client.socket().await;
        socket.subscribe("x", query, json!({"id": id})).await;
        let seen = socket.next("x").await["matchUpdated"].clone();
        let players =
            seen["teams"].as_array().unwrap().iter().map(|team| &team["players"][0]["user"]);
        for player in players {
            let own = player["id"] == client.id.as_str();
            assert_eq!(player["email"].is_string(), own, "{seen:#}");
        }
        if let Some(token) = seen["session"]["joinToken"].as_str() {
            tokens.insert(token.to_owned());
        }
        assert_eq!(seen["session"].is_object(), client.token.is_some());
    }
    assert_eq!(tokens.len(), 2);
}

/// Every resolver that asks who asks is in the list of personal fields.
#[test]
fn the_list_of_personal_fields_is_complete() {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/resolvers")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for block in text.split("#[ComplexObject]\nimpl ").skip(1) {
            let block = block.split("\n}\n").next().unwrap();
            let of = block.split([' ', '{']).next().unwrap();
            for function in block.split("async fn ").skip(1) {
                let asks = [
                    "viewer(ctx)",
                    "signed_in(ctx)",
                    "staff(ctx",
                    "server_or_admin(ctx",
                    "sees(ctx",
                    "tells(ctx",
                ];
                if asks.iter().any(|ask| function.contains(ask)) {
                    let name = function.split('(').next().unwrap().trim_end_matches('_');
                    let mut words = name.split('_');
                    let mut field = words.next().unwrap().to_owned();
                    for word in words {
                        let (first, rest) = word.split_at(1);
                        field += &(first.to_uppercase() + rest);
                    }
                    found.insert((of.to_owned(), field));
                }
            }
        }
    }
    let listed = access::fields().filter(|(_, seen)| *seen != Seen::Everybody);
    let listed = listed.map(|((of, field), _)| (of.to_owned(), field.to_owned()));
    assert_eq!(found, listed.collect());
}

#[tokio::test]
async fn roots_may_be_spread_from_fragments() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    let query = "subscription { ...Numbers } fragment Numbers on Subscription { ... on Subscription { queueStats(mode: \"1v1\") { ...S } } } fragment S on QueueStats { ticketsSearching }";
    socket.subscribe("x", query, json!({})).await;
    assert_eq!(socket.next("x").await["queueStats"]["ticketsSearching"], 0);
}

const RANKS: &str =
    "subscription($after: String) { rankChanged(after: $after) { cursor match { id } } }";

async fn follow(client: &Client, after: &Value) -> Socket {
    let mut socket = client.socket().await;
    socket.subscribe("r", RANKS, json!({"after": after})).await;
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_followers_come_back_from_wherever_they_were_after_a_crash() {
    let mut process = Process::start("[matchmaking]\ntick_ms = 50\nrematch_after_seconds = 0\ntolerance_least_mmr = 5000.0\ntolerance_start_mmr = 5000.0\ntolerance_most_mmr = 5000.0\n").await;
    let (ada, bob) =
        (process.anonymous().register("ada").await, process.anonymous().register("bob").await);
    let server = process.game_server();
    let start = json!(rankedhonor::game::event::Position(0).encode());
    // Everybody follows from the beginning; each is cut off after another number of changes.
    let matches = 6;
    let mut followers = Vec::new();
    for _ in 0..100 {
        followers.push((follow(&process.anonymous(), &start).await, Vec::new()));
    }
    let mut played = Vec::new();
    for _ in 0..matches / 2 {
        played.push(play(&server, &ada, &bob, "1v1").await);
    }
    for (number, (socket, seen)) in followers.iter_mut().enumerate() {
        for _ in 0..1 + number % matches {
            seen.push(socket.next("r").await["rankChanged"].clone());
        }
    }
    assert!(process.metric("rankedhonor_shared_executions").await <= 1.0);
    process.kill();
    process.start_again().await;
    let anonymous = process.anonymous();
    let again =
        followers.iter().map(|(_, seen)| follow(&anonymous, &seen.last().unwrap()["cursor"]));
    let sockets = join_all(again).await;
    let (server, ada, bob) = (server.at(process.addr), ada.at(process.addr), bob.at(process.addr));
    for _ in 0..matches / 2 {
        played.push(play(&server, &ada, &bob, "1v1").await);
    }
    let expected: Vec<_> = played.iter().flat_map(|id| [json!(id), json!(id)]).collect();
    for (mut socket, (_, mut seen)) in sockets.into_iter().zip(followers) {
        while seen.len() < expected.len() {
            seen.push(socket.next("r").await["rankChanged"].clone());
        }
        let matches: Vec<_> = seen.iter().map(|change| change["match"]["id"].clone()).collect();
        assert_eq!(matches, expected);
        let cursors: BTreeSet<_> = seen.iter().map(|change| change["cursor"].to_string()).collect();
        assert_eq!(cursors.len(), expected.len());
    }
    assert!(process.metric("rankedhonor_shared_executions").await <= 1.0);
    assert!(process.metric("rankedhonor_deliveries_total{execution=\"shared\"}").await > 500.0);
    // Some of them are timed, and none of these took long, though some were cut off by the crash.
    let timed = "rankedhonor_result_to_subscriber_seconds";
    let all = process.metric(&format!("{timed}_count")).await;
    assert!(all > 0.0);
    assert_eq!(process.metric(&format!("{timed}_bucket{{le=\"60\"}}")).await, all);
}

#[tokio::test]
async fn whoever_watches_what_is_open_sees_each_match_come_and_go() {
    let app = TestApp::with(|settings| tolerant(settings, 5_000.0)).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let query = "subscription { liveMatches { id status } }";
    let mut early = app.anonymous().socket().await;
    early.subscribe("l", query, json!({})).await;
    early.subscribe("q", "{ modes { id } }", json!({})).await;
    early.next("q").await;
    ada.join("1v1").await;
    bob.join("1v1").await;
    let id = ada.matched().await;
    assert_eq!(early.next("l").await["liveMatches"], json!({"id": id, "status": "PENDING"}));
    server.start_match(&id).await;
    app.told().await;
    // Whoever comes later is shown it as it is now, and both hear of its end.
    let mut late = app.anonymous().socket().await;
    loop {
        late.subscribe("l", query, json!({})).await;
        let shown = late.next("l").await["liveMatches"].clone();
        assert_eq!(shown["id"], id.as_str());
        if shown["status"] == "IN_PROGRESS" {
            break;
        }
        late.say(json!({"id": "l", "type": "complete"})).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.report(&id, 0).await;
    for socket in [&mut early, &mut late] {
        let mut seen = socket.next("l").await["liveMatches"].clone();
        while seen["status"] != "COMPLETED" {
            seen = socket.next("l").await["liveMatches"].clone();
        }
        assert_eq!(seen["id"], id.as_str());
    }
}

#[tokio::test]
async fn whoever_begins_now_hears_nothing_of_before_and_whoever_comes_back_all_of_it() {
    let app = TestApp::with(|settings| tolerant(settings, 5_000.0)).await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let start = rankedhonor::game::event::Position(0).encode();
    let first = play(&server, &ada, &bob, "1v1").await;
    app.told().await;
    // They share one execution, whoever of them makes it.
    let mut sockets = Vec::new();
    for number in 0..20 {
        let after = if number % 2 == 0 { json!(start) } else { Value::Null };
        sockets.push(follow(&app.anonymous(), &after).await);
    }
    // Who begins now has begun when they hear of something: until each of them does, more is played.
    let (mut played, mut heard) = (vec![first], vec![Vec::new(); sockets.len()]);
    while heard.iter().skip(1).step_by(2).any(Vec::is_empty) {
        assert!(played.len() < 20, "somebody hears of nothing");
        played.push(play(&server, &bob, &ada, "1v1").await);
        for (socket, heard) in sockets.iter_mut().zip(&mut heard).skip(1).step_by(2) {
            if heard.is_empty()
                && let Ok(change) = timeout(Duration::from_secs(2), socket.next("r")).await
            {
                heard.push(change["rankChanged"]["match"]["id"].clone());
            }
        }
    }
    played.push(play(&server, &bob, &ada, "1v1").await);
    let all: Vec<_> = played.iter().flat_map(|id| [json!(id), json!(id)]).collect();
    for (number, (mut socket, mut heard)) in sockets.into_iter().zip(heard).enumerate() {
        let from =
            if number % 2 == 0 { 0 } else { all.iter().position(|id| *id == heard[0]).unwrap() };
        assert!(number % 2 == 0 || from >= 2, "it was told of before");
        while heard.len() < all.len() - from {
            heard.push(socket.next("r").await["rankChanged"]["match"]["id"].clone());
        }
        assert_eq!(heard, all[from..]);
    }
}

#[tokio::test]
async fn those_who_find_no_place_among_others_are_served_too() {
    // Of each stream less is kept than any of them wants.
    let app = TestApp::with(|settings| {
        tolerant(settings, 5_000.0);
        settings.limits.socket.queue_bytes = 1_024;
    })
    .await;
    let (ada, bob) = app.pair().await;
    let server = app.game_server().await;
    let start = json!(rankedhonor::game::event::Position(0).encode());
    let mut expected = Vec::new();
    for _ in 0..6 {
        let id = json!(play(&server, &ada, &bob, "1v1").await);
        expected.extend([id.clone(), id]);
    }
    app.told().await;
    let anonymous = app.anonymous();
    let sockets = join_all((0..200).map(|_| follow(&anonymous, &start))).await;
    let last = json!(play(&server, &bob, &ada, "1v1").await);
    expected.extend([last.clone(), last]);
    for mut socket in sockets {
        let mut seen = Vec::new();
        while seen.len() < expected.len() {
            seen.push(socket.next("r").await["rankChanged"]["match"]["id"].clone());
        }
        assert_eq!(seen, expected);
    }
}
