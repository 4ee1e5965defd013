//! How often who may ask, and how they are told.

use serde_json::{Value, json};

use crate::support::{Socket, TestApp};

async fn ask(
    app: &TestApp,
    token: Option<&str>,
    query: &str,
) -> (reqwest::header::HeaderMap, Value) {
    let url = format!("http://{}/graphql", app.addr);
    let mut request = reqwest::Client::new().post(url).json(&json!({"query": query}));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.headers().clone(), response.json().await.unwrap())
}

fn number(headers: &reqwest::header::HeaderMap, name: &str) -> i64 {
    headers[name].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn clients_are_told_what_is_left_to_them() {
    let app = TestApp::with(|settings| {
        settings.limits.exempt_loopback = false;
        settings.limits.anonymous_per_minute = 4;
    })
    .await;
    for left in [3, 2, 1, 0] {
        let (headers, _) = ask(&app, None, "{ modes { id } }").await;
        assert_eq!(
            (number(&headers, "ratelimit-limit"), number(&headers, "ratelimit-remaining")),
            (4, left)
        );
        assert!((0..=60).contains(&number(&headers, "ratelimit-reset")));
    }
    let (headers, refused) = ask(&app, None, "{ modes { id } }").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    assert!(refused["errors"][0]["extensions"]["retryAfterMs"].as_u64().unwrap() > 0);
    assert_eq!(refused["errors"][0]["extensions"]["limit"], 4);
    assert_eq!(number(&headers, "ratelimit-limit"), 4);
    assert_eq!(number(&headers, "ratelimit-remaining"), 0);
    assert!(number(&headers, "retry-after") > 0);
    // Lies about where one comes from do not help.
    let response = reqwest::Client::new()
        .post(format!("http://{}/graphql", app.addr))
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9")
        .header("x-real-ip", "203.0.113.9")
        .json(&json!({"query": "{ modes { id } }"}));
    assert_eq!(response.send().await.unwrap().status(), 429);
}

#[tokio::test]
async fn accounts_and_server_keys_have_windows_of_their_own() {
    let app = TestApp::with(|settings| {
        settings.limits.user_per_minute = 3;
        settings.limits.server_per_minute = 2;
    })
    .await;
    let (ada, server) = (app.player("ada").await, app.game_server().await);
    for (token, limit) in [(ada.token.as_deref(), 3), (server.token.as_deref(), 2)] {
        for _ in 0..limit {
            let (_, answer) = ask(&app, token, "{ modes { id } }").await;
            assert!(answer.get("errors").is_none(), "{answer:#}");
        }
        let (_, refused) = ask(&app, token, "{ modes { id } }").await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    }
}

#[tokio::test]
async fn dear_operations_are_counted_by_what_they_cost_also_in_batches() {
    let app = TestApp::with(|settings| settings.limits.cost_user_per_minute = 880).await;
    let ada = app.player("ada").await;
    let dear = "{ users(first: 50) { nodes { id username country bio } } }";
    let (_, answer) = ask(&app, ada.token.as_deref(), dear).await;
    let cost = answer["extensions"]["cost"].as_u64().unwrap();
    assert!((200..500).contains(&cost), "{cost}");
    let batch = Value::Array(vec![json!({"query": dear}); 5]);
    let answer =
        ada.http.post(ada.url("/graphql")).bearer_auth(ada.token.as_ref().unwrap()).json(&batch);
    let answers: Vec<Value> = answer.send().await.unwrap().json().await.unwrap();
    let refused = |answer: &&Value| answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED";
    let allowed = 1 + answers.len() - answers.iter().filter(refused).count();
    assert_eq!(allowed as u64, 880 / cost, "{answers:#?}");
    // What is light goes on, over a socket too.
    ada.run("{ modes { id } }", json!({})).await;
    let mut socket = ada.socket().await;
    socket.subscribe("dear", dear, json!({})).await;
    let message = socket.message("dear").await;
    assert_eq!(message["payload"][0]["extensions"]["code"], "RATE_LIMITED", "{message:#}");
}

#[tokio::test]
async fn each_operation_of_a_batch_counts() {
    let app = TestApp::with(|settings| settings.limits.user_per_minute = 3).await;
    let ada = app.player("ada").await;
    let batch = Value::Array(vec![json!({"query": "{ modes { id } }"}); 5]);
    let request = ada.http.post(ada.url("/graphql")).bearer_auth(ada.token.as_ref().unwrap());
    let response = request.json(&batch).send().await.unwrap();
    let headers = response.headers().clone();
    let answers: Vec<Value> = response.json().await.unwrap();
    let codes: Vec<_> =
        answers.iter().map(|one| one["errors"][0]["extensions"]["code"].clone()).collect();
    assert_eq!(json!(codes), json!([null, null, null, "RATE_LIMITED", "RATE_LIMITED"]));
    let told = ["ratelimit-limit", "ratelimit-remaining"].map(|name| number(&headers, name));
    assert_eq!(told, [3, 0]);
    assert!(number(&headers, "retry-after") > 0);
}

#[tokio::test]
async fn the_window_that_was_full_is_told_wherever_it_is() {
    let app = TestApp::with(|settings| {
        settings.limits.exempt_loopback = false;
        settings.limits.refresh_per_address_minute = 1;
        settings.limits.cost_anonymous_per_minute = 150;
    })
    .await;
    let refresh = "mutation { refreshSession(input: {refreshToken: \"rhr_x\"}) { accessToken } }";
    let (headers, answer) = ask(&app, None, refresh).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(number(&headers, "ratelimit-limit"), 600);
    assert!(!headers.contains_key("retry-after"));
    let dear = "{ users(first: 50) { nodes { id username } } }";
    ask(&app, None, dear).await;
    for (query, limit) in [(refresh, 1), (dear, 150)] {
        let (headers, answer) = ask(&app, None, query).await;
        let told = &answer["errors"][0]["extensions"];
        assert_eq!((&told["code"], &told["limit"]), (&json!("RATE_LIMITED"), &json!(limit)));
        let seconds = told["retryAfterMs"].as_u64().unwrap().div_ceil(1000).cast_signed();
        assert!(seconds > 0);
        let names = ["retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];
        assert_eq!(names.map(|name| number(&headers, name)), [seconds, limit, 0, seconds]);
    }
}

#[tokio::test]
async fn what_comes_over_a_socket_counts_as_a_request_does() {
    let app = TestApp::with(|settings| {
        settings.limits.exempt_loopback = false;
        settings.limits.anonymous_per_minute = 6;
        settings.limits.server_per_minute = 3;
    })
    .await;
    let server = app.game_server().await;
    let key = server.token.as_deref();
    // The upgrade counts against whoever it brings, and every document, whether it is one or not.
    let mut anonymous = Socket::open(app.addr).await;
    let mut known = Socket::try_open_as(app.addr, key).await.unwrap();
    for (socket, limit) in [(&mut anonymous, 6), (&mut known, 3)] {
        socket.greet(None).await;
        for number in 1..limit {
            let query = if number % 2 == 0 { "{ modes { id } }" } else { "{ nothing }" };
            socket.subscribe("1", query, json!({})).await;
            let answer = socket.message("1").await;
            match number % 2 {
                0 => assert_eq!(socket.message("1").await["type"], "complete"),
                _ => assert_eq!(answer["payload"][0]["extensions"]["code"], "BAD_USER_INPUT"),
            }
        }
        for query in ["{ modes { id } }", "{ nothing }", "subscription { feedItemAdded { id } }"] {
            socket.subscribe("1", query, json!({})).await;
            let refused = socket.message("1").await["payload"][0]["extensions"].clone();
            assert_eq!(refused["code"], "RATE_LIMITED", "{refused:#}");
            assert_eq!(refused["limit"], limit);
        }
    }
    for token in [None, key] {
        let (_, refused) = ask(&app, token, "{ modes { id } }").await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        assert_eq!(Socket::try_open_as(app.addr, token).await.err(), Some(429));
    }
}

#[tokio::test]
async fn guesses_at_tokens_over_sockets_count_against_the_address() {
    let app = TestApp::with(|settings| {
        settings.limits.exempt_loopback = false;
        settings.limits.anonymous_per_minute = 6;
    })
    .await;
    let mut guesses = 0;
    let status = loop {
        assert!(guesses < 10, "so many are not counted");
        let mut socket = match Socket::try_open(app.addr, "graphql-transport-ws").await {
            Ok(socket) => socket,
            Err(status) => break status,
        };
        let payload = json!({"authorization": format!("Bearer rhk_{guesses}")});
        socket.say(json!({"type": "connection_init", "payload": payload})).await;
        assert_eq!(socket.closed().await, 4403);
        guesses += 1;
    };
    assert_eq!(status, 429);
    assert!((3..=4).contains(&guesses), "{guesses}");
    // One in the header of the upgrade does as well.
    assert_eq!(Socket::try_open_as(app.addr, Some("rhk_x")).await.err(), Some(429));
}

#[tokio::test]
async fn a_stream_of_events_counts_once() {
    let app = TestApp::with(|settings| settings.limits.user_per_minute = 3).await;
    let ada = app.player("ada").await;
    for allowed in [true, true, true, false] {
        let request = ada.http.post(ada.url("/graphql")).header("accept", "text/event-stream");
        let request = request.bearer_auth(ada.token.as_ref().unwrap());
        let response = request.json(&json!({"query": "{ modes { id } }"})).send().await.unwrap();
        assert_eq!(response.status().as_u16(), if allowed { 200 } else { 429 });
        let text = response.text().await.unwrap();
        assert_eq!(text.contains("RATE_LIMITED"), !allowed, "{text}");
    }
}

/// The status of a request for which proxies say that.
async fn through(app: &TestApp, headers: &[(&str, &str)]) -> u16 {
    let url = format!("http://{}/graphql", app.addr);
    let mut request = reqwest::Client::new().post(url).json(&json!({"query": "{ modes { id } }"}));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn clients_behind_trusted_proxies_are_told_apart_however_their_address_is_written() {
    let app = TestApp::with(|settings| {
        settings.http.trusted_proxies =
            ["127.0.0.0/8", "10.0.0.0/8"].map(|text| text.parse().unwrap()).into();
        settings.limits.anonymous_per_minute = 2;
    })
    .await;
    let name = "x-forwarded-for";
    // What the client itself says does not count.
    assert_eq!(through(&app, &[(name, "192.0.2.1, 203.0.113.9, 10.1.2.3")]).await, 200);
    assert_eq!(through(&app, &[(name, "192.0.2.2,203.0.113.9:1234 ,10.1.2.3:80")]).await, 200);
    for same in [
        "203.0.113.9",
        "  203.0.113.9:443  ",
        "::ffff:203.0.113.9",
        "[::ffff:203.0.113.9]:443",
        "192.0.2.3, 203.0.113.9",
        "203.0.113.9, ::ffff:10.9.8.7,",
    ] {
        assert_eq!(through(&app, &[(name, same)]).await, 429, "{same}");
    }
    let lines = [(name, "192.0.2.4"), (name, "203.0.113.9, 10.0.0.1"), (name, "10.0.0.2")];
    assert_eq!(through(&app, &lines).await, 429);
    assert_eq!(through(&app, &[(name, "203.0.113.10")]).await, 200);
    // A /64 is one client.
    for (address, status) in [
        ("[2001:db8::1]:443", 200),
        ("2001:db8::2", 200),
        ("[2001:db8::ffff]", 429),
        ("2001:db8:0:1::1", 200),
    ] {
        assert_eq!(through(&app, &[(name, address)]).await, status, "{address}");
    }
}

#[tokio::test]
async fn whoever_a_proxy_on_this_machine_speaks_for_is_not_spared() {
    let app = TestApp::with(|settings| {
        settings.limits.exempt_loopback = true;
        settings.limits.anonymous_per_minute = 2;
    })
    .await;
    for _ in 0..4 {
        assert_eq!(through(&app, &[]).await, 200);
    }
    let names = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];
    let mut statuses = Vec::new();
    for name in names {
        statuses.push(through(&app, &[(name, "203.0.113.9")]).await);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
    assert_eq!(through(&app, &[]).await, 200);
}
