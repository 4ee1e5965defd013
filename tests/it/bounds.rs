//! Bounds, costs and names of documents, alike over everything that operations come over.

use std::time::Duration;

use rankedhonor::game::accounts::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Client, TestApp, client::PATIENCE, ws::Came};

const WAYS: [&str; 5] = ["POST", "GET", "batch", "socket", "events"];

/// The answer to an operation, or its errors in the shape of one, whatever it went over.
async fn ask(client: &Client, way: &str, operation: &Value) -> Value {
    let url = client.url("/graphql");
    let post = |body: &Value| client.http.post(&url).json(body);
    let request = match way {
        "POST" => post(operation),
        "batch" => post(&json!([operation])),
        "events" => post(operation).header("accept", "text/event-stream"),
        "GET" => {
            let pairs = operation.as_object().unwrap().iter().map(|(name, value)| {
                (name.clone(), value.as_str().map_or_else(|| value.to_string(), Into::into))
            });
            client.http.get(&url).query(&pairs.collect::<Vec<_>>())
        }
        _ => {
            let mut socket = client.socket().await;
            socket.say(json!({"type": "subscribe", "id": "x", "payload": operation})).await;
            let message = socket.message("x").await;
            return match message["type"].as_str() {
                Some("error") => json!({"errors": message["payload"]}),
                _ => message["payload"].clone(),
            };
        }
    };
    let text = request.send().await.unwrap().text().await.unwrap();
    let text = text.strip_prefix("event: next\ndata: ").unwrap_or(&text);
    let mut json = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let answer = json.next().unwrap().unwrap();
    if way == "batch" { answer[0].clone() } else { answer }
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn bounds_are_the_same_whatever_an_operation_comes_over() {
    let app = TestApp::start().await;
    let aliases: String = (0..16).map(|n| format!("a{n}: __typename ")).collect();
    let wide = |n: usize| "id ".repeat(n);
    let cases = [
        (format!("{{ {aliases} }}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ modes {} {{ id }} }}", "@include(if: true) ".repeat(6)), "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", "modes { id } ".repeat(21)), "QUERY_TOO_COMPLEX"),
        (
            format!("{{ {} }} fragment F on Query {{ modes {{ id }} }}", "...F ".repeat(21)),
            "QUERY_TOO_COMPLEX",
        ),
        (
            format!("{{ modes {{ ...F ...F }} }} fragment F on Mode {{ {} }}", wide(1_001)),
            "QUERY_TOO_COMPLEX",
        ),
        // All operations of a document count, not only the one that is to run.
        (
            format!("query A {{ modes {{ id }} }} query B {{ modes {{ {} }} }}", wide(2_000)),
            "QUERY_TOO_COMPLEX",
        ),
        (
            "{ users(first: 100) { nodes { matches(first: 100) { nodes { id status } } } } }"
                .into(),
            "QUERY_TOO_COMPLEX",
        ),
        (
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".into(),
            "BAD_USER_INPUT",
        ),
        ("{ modes { id } ".into(), "BAD_USER_INPUT"),
        ("{ nothing }".into(), "BAD_USER_INPUT"),
    ];
    let client = app.anonymous();
    for (query, expected) in &cases {
        let mut operation = json!({"query": query});
        if query.starts_with("query A") {
            operation["operationName"] = json!("A");
        }
        for way in WAYS {
            let answer = ask(&client, way, &operation).await;
            let shown: String = query.chars().take(60).collect();
            assert_eq!(code(&answer), *expected, "{way}: {shown} {answer:#}");
            assert!(answer.get("data").is_none_or(Value::is_null), "{way}: {answer:#}");
        }
    }
    let mut deep = json!("x");
    for _ in 0..30 {
        deep = json!([deep]);
    }
    for way in WAYS {
        let query = "query($id: ID!) { node(id: $id) { id } }";
        let answer = ask(&client, way, &json!({"query": query, "variables": {"id": deep}})).await;
        assert_eq!(answer["errors"][0]["extensions"]["field"], "variables.id", "{way}: {answer:#}");
    }
}

#[tokio::test]
async fn a_document_can_be_named_and_its_cost_is_told_over_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (query, own) = ("{ modes { id } }", "query Own { regions { id } }");
    let manifest = json!({"operations": [{"id": "modes-1", "body": query}]});
    let path = dir.path().join("manifest.json");
    std::fs::write(&path, manifest.to_string()).unwrap();
    let trusting = TestApp::with(|settings| settings.http.trusted_documents = path).await;
    let app = TestApp::start().await;
    let hash = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
    let named = |hash: String| json!({"persistedQuery": {"version": 1, "sha256Hash": hash}});
    for way in WAYS {
        let client = trusting.anonymous();
        for body in [
            json!({"documentId": "modes-1"}),
            json!({"extensions": named(hash(query))}),
            json!({"query": query}),
        ] {
            let answer = ask(&client, way, &body).await;
            assert_eq!(answer["data"]["modes"][0]["id"], "1v1", "{way}: {body} {answer:#}");
            assert!(answer["extensions"]["cost"].as_u64().unwrap() > 1, "{way}: {answer:#}");
        }
        assert_eq!(code(&ask(&client, way, &json!({"query": own})).await), "FORBIDDEN", "{way}");
        let unknown = ask(&client, way, &json!({"documentId": "nothing"})).await;
        assert_eq!(code(&unknown), "PERSISTED_QUERY_NOT_FOUND", "{way}");
        // Sent once with its hash, and named from then on.
        let client = app.anonymous();
        let text = format!("query {way} {{ regions {{ id }} }}");
        let extensions = named(hash(&text));
        let only = json!({"extensions": extensions});
        let before = ask(&client, way, &only).await;
        assert_eq!(code(&before), "PERSISTED_QUERY_NOT_FOUND", "{way}");
        for body in [json!({"query": text, "extensions": extensions}), only] {
            let answer = ask(&client, way, &body).await;
            assert_eq!(answer["data"]["regions"][0]["id"], "eu-west", "{way}: {answer:#}");
        }
    }
    // What is no operation at all still ends the socket.
    let mut socket = app.anonymous().socket().await;
    socket.say(json!({"type": "subscribe", "id": "x", "payload": {"variables": {}}})).await;
    assert_eq!(socket.closed().await, 4400);
    let mut socket = app.anonymous().socket().await;
    let stream = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    socket.subscribe("s", stream, json!({})).await;
    assert_eq!(socket.message("s").await["payload"]["extensions"]["cost"], 2);
}

#[tokio::test]
async fn equal_fields_are_one_however_many_fragments_bring_them() {
    let app = TestApp::start().await;
    let admin = app.staff("root", Role::Admin).await;
    let field = |name: &str| format!("createServerKey(input: {{name: \"{name}\"}}) {{ key }}");
    let spread = format!("mutation {{ ...F ...F }} fragment F on Mutation {{ {} }}", field("a"));
    let direct = format!("mutation {{ {0} {0} ... {{ {0} }} }}", field("b"));
    let twice = format!(
        "mutation {{ ...F ...G }} fragment F on Mutation {{ {0} }} fragment G on Mutation {{ {0} }}",
        field("c")
    );
    for query in [&spread, &direct, &twice] {
        admin.run(query, json!({})).await;
    }
    let keys = admin.run("{ serverKeys { name } }", json!({})).await;
    let mut names: Vec<_> = keys["serverKeys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["name"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c"]);
    // Each time that a fragment brings a field counts.
    let many = format!(
        "mutation {{ {} }} fragment F on Mutation {{ {} }}",
        "...F ".repeat(30),
        field("d")
    );
    assert_eq!(admin.fail(&many, json!({})).await["code"], "QUERY_TOO_COMPLEX");
    // What can be merged only sometimes would run once for each condition.
    let either = format!(
        "mutation($x: Boolean!) {{ {0} ...F @include(if: $x) }} fragment F on Mutation {{ {0} }}",
        field("e")
    );
    assert_eq!(admin.fail(&either, json!({"x": true})).await["code"], "BAD_USER_INPUT");
    assert_eq!(admin.run("{ serverKeys { name } }", json!({})).await, keys);
}

#[tokio::test]
async fn merged_fields_answer_all_that_was_asked_of_them() {
    let app = TestApp::start().await;
    let client = app.anonymous();
    let query = "query($x: Boolean!) { ...A ...B regions { id } ...C @include(if: $x) ...C @include(if: $x) }
        fragment A on Query { modes { id ...M ...M } } fragment B on Query { modes { id name ...M } }
        fragment C on Query { regions { name } currentSeason { id } } fragment M on Mode { teamSize teamSize }";
    for x in [false, true] {
        let found = client.run(query, json!({"x": x})).await;
        assert_eq!(found["modes"][0], json!({"id": "1v1", "teamSize": 1, "name": "Duel"}));
        let keys: Vec<_> = found.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys.contains(&"currentSeason".to_owned()), x, "{found:#}");
        assert_eq!(found["regions"][0].get("name").is_some(), x, "{found:#}");
        assert_eq!(found["regions"][0]["id"], "eu-west");
    }
    // One stream, whose answers have both.
    let (server, ada, _bob) = app.started().await;
    let id = ada.matched().await;
    let query = "subscription($id: ID!) { ...A ...A ... { ...A } }
        fragment A on Subscription { ...B ...B }
        fragment B on Subscription { matchEvents(matchId: $id) { kind cursor recordedAt } }";
    let mut socket = client.socket().await;
    socket.subscribe("s", query, json!({"id": id})).await;
    for kind in ["MATCH_STARTED", "MATCH_COMPLETED"] {
        let event = socket.next("s").await["matchEvents"].clone();
        assert_eq!(event["kind"], kind);
        assert!(event["cursor"].is_string() && event["recordedAt"].is_string(), "{event:#}");
        if kind == "MATCH_STARTED" {
            server.report(&id, 0).await;
        }
    }
    assert_eq!(socket.message("s").await["type"], "complete");
}

#[tokio::test]
async fn costs_are_fields_times_what_the_lists_around_them_may_hold() {
    let app = TestApp::start().await;
    let client = app.player("ada").await;
    let users = "query($n: Int = 2, $last: Int) { users(first: $n) { nodes { id matches(last: $last) { nodes { id } } } } }";
    let ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let id = &client.id;
    for (query, variables, cost) in [
        ("{ users(first: 2) { nodes { id } } }", json!({}), 2 * 2 + 1),
        ("{ users { nodes { id } } }", json!({}), 20 * 2 + 1),
        (users, json!({"last": 3}), 2 * (1 + 1 + (3 * 2 + 1)) + 1),
        (users, json!({"n": 5, "last": 1}), 5 * (1 + 1 + (2 + 1)) + 1),
        (users, json!({}), 2 * (1 + 1 + (20 * 2 + 1)) + 1),
        (ids, json!({"ids": [id, id, id]}), 3 * (1 + 10) + 1),
        (ids, json!({"ids": id}), 1 + 10 + 1),
        ("{ me { blockedUsers { id } } }", json!({}), 1 + (500 + 1)),
        ("{ modes { id } }", json!({}), 3 + 1),
        ("{ queueStats(mode: \"1v1\") { playersSearching } }", json!({}), 1 + 30 + 1),
        (
            "{ me { standings { rankAt(time: \"2026-11-15T00:00:00.000Z\") } } }",
            json!({}),
            1 + (1 + 3 * (1 + 200)),
        ),
        // As large as the largest mode.
        (
            "{ matches(first: 1) { nodes { teams { players { kills } } } } }",
            json!({}),
            1 + 1 + 1 + 2 * (1 + 4),
        ),
        ("{ __schema { queryType { name } } }", json!({}), 1_000),
    ] {
        let answer = client.send(query, variables).await;
        assert!(answer.get("errors").is_none(), "{query} {answer:#}");
        assert_eq!(answer["extensions"]["cost"], cost, "{query}");
    }
}

#[tokio::test]
async fn nothing_is_suggested_where_the_schema_is_not_shown() {
    let app = TestApp::with(|settings| settings.http.introspection = false).await;
    let open = TestApp::start().await;
    for (query, variables, hidden) in [
        ("{ mode { id } }", json!({}), "modes"),
        ("{ modes { nam } }", json!({}), "`name`"),
        ("{ users(firs: 1) { totalCount } }", json!({}), "first"),
        ("{ leaderboard(mode: \"1v1\", ties: ORDINA) { totalCount } }", json!({}), "ORDINAL"),
        (
            "query($t: TieMode!) { leaderboard(mode: \"1v1\", ties: $t) { totalCount } }",
            json!({"t": "ORDINA"}),
            "ORDINAL",
        ),
        ("{ node(id: \"x\") { ... on Use { id } } }", json!({}), "User"),
        ("query($x: UserB!) { user(by: $x) { id } }", json!({"x": {}}), "did you mean"),
        ("{ user(by: {usernam: \"x\"}) { id } }", json!({}), "username"),
        (
            "query($by: UserBy!) { user(by: $by) { id } }",
            json!({"by": {"usernam": "x"}}),
            "username",
        ),
        ("{ user(by: {}) { id } }", json!({}), "username"),
        ("query($by: UserBy!) { user(by: $by) { id } }", json!({"by": {}}), "username"),
        ("{ modes @skp(if: true) { id } }", json!({}), "skip"),
        ("{ user { id } }", json!({}), "UserBy"),
        ("query($name: Int) { users(first: $nam) { totalCount } }", json!({}), "$name`"),
        ("{ ...Fragment } fragment Fragmen on Query { modes { id } }", json!({}), "did you mean"),
    ] {
        let answer = app.anonymous().send(query, variables.clone()).await;
        let text = answer.to_string();
        assert!(code(&answer) == "BAD_USER_INPUT", "{query} {text}");
        assert!(!text.to_lowercase().contains("did you mean"), "{query} {text}");
        assert!(!text.contains(hidden), "{query} tells of {hidden}: {text}");
        // The same is wrong where the schema can be read.
        assert!(
            code(&open.anonymous().send(query, variables).await) == "BAD_USER_INPUT",
            "{query}"
        );
    }
}

#[tokio::test]
async fn every_message_is_one_line() {
    let app = TestApp::start().await;
    for text in ["a\\u{000000}", "a\\u{110000}", "\\uD800", "\\x", "\n"] {
        let query = format!("{{ user(by: {{username: \"{text}\"}}) {{ id }} }}");
        let answer = app.anonymous().send(&query, json!({})).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT", "{query} {answer:#}");
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(!message.contains('\n'), "{message}");
    }
}

/// GET / over http, which is in the static table, and :authority.
pub fn one_request_of_http2() -> Vec<u8> {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    [preface.as_slice(), b"\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01x"].concat()
}

/// Whether the server closes a connection that begins like this and says no more.
pub async fn is_closed(app: &TestApp, begins: &[u8]) -> bool {
    let mut stream = TcpStream::connect(app.addr).await.unwrap();
    stream.write_all(begins).await.unwrap();
    let mut told = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut told)).await.is_ok()
}

#[tokio::test]
async fn connections_that_ask_nothing_are_closed() {
    let app = TestApp::with(|settings| {
        settings.limits.header_timeout_ms = 300;
        settings.limits.unread_timeout_ms = 300;
    })
    .await;
    let (empty, half, version, silent) = tokio::join!(
        is_closed(&app, b""),
        is_closed(&app, b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-"),
        is_closed(&app, b"PRI * HTTP"),
        is_closed(&app, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
    );
    assert!(empty && half && version && silent, "{empty} {half} {version} {silent}");
    // Nor is one of HTTP/2 kept open by what it asked before.
    assert!(is_closed(&app, &one_request_of_http2()).await);
    // A socket is no such connection, however long it is open.
    let mut socket = app.anonymous().socket().await;
    assert!(is_closed(&app, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await);
    socket.subscribe("x", "{ modes { id } }", json!({})).await;
    assert_eq!(socket.next("x").await["modes"][0]["id"], "1v1");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_takes_nothing_of_what_they_are_sent_is_cut_off() {
    let app = TestApp::with(|settings| settings.limits.unread_timeout_ms = 500).await;
    let mut stream = TcpStream::connect(app.addr).await.unwrap();
    // More than the system keeps for either side.
    let ask = b"GET /schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    timeout(PATIENCE, async { while stream.write_all(&ask).await.is_ok() {} }).await.unwrap();
    // Who reads as slowly as a phone far away is not.
    let mut slow = TcpStream::connect(app.addr).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut byte = [0; 1];
    for _ in 0..10 {
        timeout(PATIENCE, slow.read_exact(&mut byte)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn no_more_connections_are_taken_than_there_may_be() {
    let app = TestApp::with(|settings| {
        settings.limits.connections = 1;
        settings.limits.header_timeout_ms = 600_000;
    })
    .await;
    // A socket has its own bound.
    let mut socket = app.anonymous().socket().await;
    let mut first = TcpStream::connect(app.addr).await.unwrap();
    let ask = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut byte = [0; 1];
    first.write_all(ask).await.unwrap();
    timeout(PATIENCE, first.read_exact(&mut byte)).await.unwrap().unwrap();
    let mut second = TcpStream::connect(app.addr).await.unwrap();
    second.write_all(ask).await.unwrap();
    let early = timeout(Duration::from_millis(300), second.read_exact(&mut byte)).await;
    assert!(early.is_err(), "a second connection was served");
    drop(first);
    timeout(PATIENCE, second.read_exact(&mut byte)).await.unwrap().unwrap();
    socket.say(json!({"type": "ping"})).await;
    assert!(matches!(socket.hear().await, Came::Message(pong) if pong["type"] == "pong"));
}

#[tokio::test]
async fn answers_are_not_kept_and_get_can_be_turned_off() {
    let app = TestApp::with(|settings| {
        settings.http.console = false;
        settings.http.get = false;
    })
    .await;
    let page = reqwest::get(app.anonymous().url("/graphiql")).await.unwrap();
    assert_eq!(
        page.headers()["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let open = TestApp::start().await;
    let url = |app: &TestApp| app.anonymous().url("/graphql?query=%7B__typename%7D");
    let got = reqwest::get(url(&open)).await.unwrap();
    assert_eq!(
        (got.status(), &got.headers()["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    let vary: Vec<_> =
        got.headers().get_all("vary").iter().map(|one| one.to_str().unwrap()).collect();
    let vary = vary.join(", ").to_lowercase();
    for name in ["accept", "authorization", "origin"] {
        assert!(vary.split(", ").any(|one| one == name), "{vary}");
    }
    let body = json!({"query": "{ __typename }"});
    let post = app.anonymous().http.post(app.anonymous().url("/graphql")).json(&body);
    let posted = post.send().await.unwrap();
    assert_eq!(
        (posted.status(), &posted.headers()["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    for accept in ["application/json", "text/event-stream"] {
        let get = app.anonymous().http.get(url(&app)).header("accept", accept);
        let refused = get.send().await.unwrap();
        let allow = refused.headers()["allow"].to_str().unwrap().to_owned();
        assert_eq!((refused.status(), &*allow), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    }
    let mut socket = app.anonymous().socket().await;
    socket.subscribe("x", "{ modes { id } }", json!({})).await;
    assert_eq!(socket.next("x").await["modes"][0]["id"], "1v1");
}
