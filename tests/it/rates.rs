//! How often who may ask, and how they are told.

use serde_json::{Value, json};

use crate::support::TestApp;

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
