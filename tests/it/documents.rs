//! Documents that are named instead of sent, and those that alone may run.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::TestApp;

const QUERY: &str = "{ modes { id } }";

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn named(hash: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": hash}})
}

async fn post(app: &TestApp, body: Value) -> Value {
    let url = format!("http://{}/graphql", app.addr);
    reqwest::Client::new().post(url).json(&body).send().await.unwrap().json().await.unwrap()
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn a_document_is_sent_once_and_named_from_then_on() {
    let app = TestApp::start().await;
    let id = hash(QUERY);
    let only = json!({"extensions": named(&id)});
    assert_eq!(code(&post(&app, only.clone()).await), "PERSISTED_QUERY_NOT_FOUND");
    let both = json!({"query": QUERY, "extensions": named(&id)});
    assert_eq!(post(&app, both).await["data"]["modes"][0]["id"], "1v1");
    assert_eq!(post(&app, only).await["data"]["modes"][0]["id"], "1v1");
    let extensions = named(&id).to_string();
    let address = format!("http://{}/graphql", app.addr);
    let get = reqwest::Client::new().get(address).query(&[("extensions", extensions)]);
    let got: Value = get.send().await.unwrap().json().await.unwrap();
    assert_eq!(got["data"]["modes"][0]["id"], "1v1");
    // Nobody puts another document under a hash, and what is not valid is not kept.
    let lie = json!({"query": "{ regions { id } }", "extensions": named(&id)});
    assert_eq!(code(&post(&app, lie).await), "BAD_USER_INPUT");
    let bad = "{ nothing }";
    post(&app, json!({"query": bad, "extensions": named(&hash(bad))})).await;
    let answer = post(&app, json!({"extensions": named(&hash(bad))})).await;
    assert_eq!(code(&answer), "PERSISTED_QUERY_NOT_FOUND");
    for extension in [json!({"version": 2, "sha256Hash": id}), json!({"version": 1}), json!(7)] {
        let answer = post(&app, json!({"extensions": {"persistedQuery": extension}})).await;
        assert_eq!(code(&answer), "BAD_USER_INPUT");
    }
    let off = TestApp::with(|settings| settings.http.persisted_queries = false).await;
    let both = json!({"query": QUERY, "extensions": named(&id)});
    assert!(post(&off, both).await["data"].is_object());
    let only = json!({"extensions": named(&id)});
    assert_eq!(code(&post(&off, only).await), "PERSISTED_QUERY_NOT_FOUND");
}

#[tokio::test]
async fn where_there_is_a_manifest_nothing_else_runs() {
    let dir = tempfile::tempdir().unwrap();
    let apollo = json!({"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        {"id": "modes-1", "name": "Modes", "type": "query", "body": QUERY}]});
    let by_hash = json!({hash(QUERY): QUERY});
    for (name, manifest, id) in
        [("a.json", apollo, "modes-1".to_owned()), ("b.json", by_hash, hash(QUERY))]
    {
        let path = dir.path().join(name);
        fs::write(&path, manifest.to_string()).unwrap();
        let app = TestApp::with(|settings| settings.http.trusted_documents = path).await;
        assert!(post(&app, json!({"extensions": named(&id)})).await["data"].is_object());
        assert!(post(&app, json!({"documentId": id})).await["data"].is_object());
        assert!(post(&app, json!({"query": QUERY})).await["data"].is_object());
        let other = "{ regions { id } }";
        assert_eq!(code(&post(&app, json!({"query": other})).await), "FORBIDDEN");
        let own = json!({"query": other, "extensions": named(&hash(other))});
        assert_eq!(code(&post(&app, own).await), "FORBIDDEN");
        let answer = post(&app, json!({"extensions": named(&hash(other))})).await;
        assert_eq!(code(&answer), "PERSISTED_QUERY_NOT_FOUND");
        let mut socket = app.anonymous().socket().await;
        socket.subscribe("x", "subscription { liveMatches { id } }", json!({})).await;
        assert_eq!(socket.message("x").await["payload"][0]["extensions"]["code"], "FORBIDDEN");
    }
}

#[tokio::test]
async fn whoever_may_not_look_at_the_schema_is_not_told_what_it_has() {
    let app = TestApp::with(|settings| settings.http.introspection = false).await;
    for query in [
        "{ mode { id } }",
        "{ modes { idd } }",
        "{ __type(name: \"User\") { fieldz { name } } }",
        "{ __schema { typez { name } } }",
    ] {
        let answer = post(&app, json!({"query": query})).await;
        let text = answer.to_string();
        assert!(answer.get("data").is_none_or(Value::is_null), "{answer:#}");
        assert!(!text.to_lowercase().contains("did you mean"), "{text}");
    }
    let schema = reqwest::get(format!("http://{}/schema.graphql", app.addr)).await.unwrap();
    assert_eq!(schema.status(), 404);
    let closed = TestApp::with(|settings| {
        settings.http.graphiql = false;
        settings.http.console = false;
    })
    .await;
    for path in ["/", "/graphiql", "/graphiql/app.js", "/explore"] {
        let page = reqwest::get(format!("http://{}{path}", closed.addr)).await.unwrap();
        assert_eq!(page.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn variables_are_bounded_in_depth_and_hold_no_nul() {
    let app = TestApp::start().await;
    let query = "query($id: ID!) { node(id: $id) { id } }";
    let mut deep = json!("x");
    for _ in 0..60 {
        deep = json!([deep]);
    }
    for value in [deep, json!("a\u{0}b"), json!({"a\u{0}": 1})] {
        let answer = post(&app, json!({"query": query, "variables": {"id": value}})).await;
        assert_eq!(
            answer["errors"][0]["extensions"],
            json!({"code": "BAD_USER_INPUT", "field": "variables.id"})
        );
    }
    let answer =
        post(&app, json!({"query": "{ user(by: {username: \"a\\u0000\"}) { id } }"})).await;
    assert_eq!(code(&answer), "BAD_USER_INPUT");
}
