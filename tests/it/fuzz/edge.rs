//! What comes with a request: headers, parameters, extensions, variables.

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
    time::timeout,
};

use super::{coded, jsons, served, texts, tried};
use crate::support::{TestApp, client::PATIENCE, logs};

/// Values of headers: any bytes that may stand there, and those that are nearly right.
fn values() -> impl Strategy<Value = Vec<u8>> {
    let bytes = prop::collection::vec(prop_oneof![Just(b'\t'), 32..=126_u8, 128..=255_u8], 0..200);
    let lists = prop::collection::vec(
        prop::sample::select(vec![
            "application/json",
            "application/graphql-response+json",
            "text/event-stream",
            "*/*",
            "text/*",
            ";q=0",
            ";q=1.5",
            ";q=",
            "q=0.3",
            ";",
            ",",
            ", ",
            "=",
            "=;",
            "\"",
            "\\",
            " ",
            "%00",
            "%",
            "127.0.0.1",
            "::1",
            "[::1]:80",
            "10.0.0.1:99999",
            "for=",
            "unknown",
            "null",
            "https://",
            "http://[",
            ":",
            "00-",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "-00f067aa0ba902b7-01",
            "ff-",
            "-",
            "Bearer",
            "rhk_",
            "eyJ.e30.x",
            "rankedhonor=",
            "__Host-rankedhonor=",
            "cookie",
            "gzip",
            "charset=utf-16",
        ]),
        0..12,
    );
    prop_oneof![bytes, lists.prop_map(|parts| parts.concat().into_bytes())]
}

const HEADERS: [&str; 14] = [
    "x-forwarded-for",
    "forwarded",
    "accept",
    "accept-encoding",
    "cookie",
    "traceparent",
    "tracestate",
    "x-request-id",
    "origin",
    "authorization",
    "x-session-mode",
    "x-csrf-token",
    "user-agent",
    "content-type",
];

/// Sends one request on a connection that is there and reads the answer to its end; its status.
async fn sent(stream: &mut TcpStream, head: &[u8], body: &str) -> u16 {
    let mut request = head.to_vec();
    request.extend(format!("content-length: {}\r\n\r\n{body}", body.len()).into_bytes());
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("the connection ended"));
    }
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let status = text[9..12].parse().unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    if let Some(length) = length {
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
    } else if text.contains("transfer-encoding: chunked") {
        let mut body = Vec::new();
        while !body.ends_with(b"0\r\n\r\n") {
            body.push(stream.read_u8().await.expect("the connection ended"));
        }
    }
    status
}

#[test]
fn made_up_headers_are_no_fault_of_the_server_and_end_no_connection() {
    let (runtime, app) = served(async || {
        TestApp::with(|settings| {
            settings.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
            settings.http.allowed_origins = vec!["https://play.example".into()];
            settings.limits.anonymous_per_minute = 0;
        })
        .await
    });
    let stream = Mutex::new(runtime.block_on(TcpStream::connect(app.addr)).unwrap());
    let some = prop::collection::vec((prop::sample::select(HEADERS.to_vec()), values()), 0..4);
    let case = (some, any::<bool>());
    tried(&runtime, 300, case, async |(headers, post)| {
        let mut stream = stream.lock().await;
        let line = if post { "POST /graphql" } else { "GET /graphql?query=%7Bmodes%7Bid%7D%7D" };
        let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", app.addr).into_bytes();
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            head.extend(b"content-type: application/json\r\n");
        }
        // Some are logged, and what looks like a secret in those is none.
        let secret = |value: &[u8]| logs::secret_in(&String::from_utf8_lossy(value)).is_some();
        let private = |name: &str| ["authorization", "cookie"].contains(&name);
        for (name, value) in headers.iter().filter(|(name, value)| private(name) || !secret(value))
        {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let body = if post { "{\"query\":\"{ modes { id } }\"}" } else { "" };
        let status = timeout(PATIENCE, sent(&mut stream, &head, body)).await.expect("no answer");
        assert!((200..500).contains(&status), "{status}");
    });
    // The very same connection still answers.
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n",
        app.addr
    );
    let body = "{\"query\":\"{ modes { id } }\"}";
    let last =
        runtime.block_on(async { sent(&mut *stream.lock().await, head.as_bytes(), body).await });
    assert_eq!(last, 200);
}

#[test]
fn made_up_parameters_and_extensions_are_refused_with_a_code() {
    let (runtime, app) = served(async || TestApp::start().await);
    let client = app.anonymous();
    let name = prop::sample::select(vec!["query", "variables", "extensions", "operationName", "x"]);
    let text = prop_oneof![
        texts(),
        jsons().prop_map(|json| json.to_string()),
        Just("{ modes { id } }".into())
    ];
    tried(&runtime, 150, prop::collection::vec((name, text), 0..5), async |pairs| {
        let request = client.http.get(client.url("/graphql")).query(&pairs);
        let answer = request.send().await.unwrap();
        assert!(answer.status().as_u16() < 500, "{}", answer.status());
        coded(&answer.json().await.unwrap());
    });
    tried(&runtime, 80, "[ -~]{0,120}", async |raw| {
        let mut url = reqwest::Url::parse(&client.url("/graphql")).unwrap();
        url.set_query(Some(&raw));
        let answer = client.http.get(url).send().await.unwrap();
        assert!(answer.status().as_u16() < 500, "{}", answer.status());
        coded(&answer.json().await.unwrap());
    });
    let hash = prop_oneof![jsons(), "[0-9a-fA-F]{60,66}".prop_map(Value::String)];
    let persisted = (jsons(), hash).prop_map(
        |(version, hash)| json!({"persistedQuery": {"version": version, "sha256Hash": hash}}),
    );
    let query = prop_oneof![Just(json!("{ modes { id } }")), Just(Value::Null), jsons()];
    let body = (query, prop_oneof![persisted, jsons()], jsons(), jsons()).prop_map(
        |(query, extensions, id, variables)| {
            json!({"query": query, "extensions": extensions, "documentId": id, "variables": variables})
        },
    );
    tried(&runtime, 150, body, async |body| {
        let answer = client.http.post(client.url("/graphql")).json(&body).send().await.unwrap();
        assert!(answer.status().as_u16() < 500, "{}", answer.status());
        coded(&answer.json().await.unwrap());
    });
}

#[test]
fn made_up_scalars_are_refused_with_a_code() {
    let (runtime, app) = served(async || TestApp::start().await);
    let root = runtime.block_on(app.staff("root", rankedhonor::game::accounts::Role::Admin));
    let times = "[0-9]{0,5}-?[0-9]{1,2}-?[0-9]{1,2}[T ]?[0-9:.]{0,14}(Z|[+-][0-9:]{2,6})?"
        .prop_map(Value::String);
    let input = prop_oneof![jsons(), times, "[a-z0-9-]{0,24}".prop_map(Value::String)];
    tried(&runtime, 150, input, async |input| {
        for query in [
            "query($x: DateTime!) { auditLog(first: 1, filter: {since: $x}) { nodes { seq } } }",
            "query($x: ModeId!) { leaderboard(mode: $x, first: 1) { totalCount } }",
            "query($x: RegionId!) { matches(first: 1, filter: {region: $x}) { nodes { id } } }",
            "mutation($x: JSON!) { recordMatchEvents(input: {matchId: \"match_01h455vb4pex5vsknk084sn02q\", events: [{sequence: 1, kind: \"KILL\", atMs: 1, data: $x}]}) { recorded } }",
            "query($x: ID!) { nodes(ids: [$x]) { id } }",
            "query($x: Int!) { users(first: $x) { nodes { id } } }",
        ] {
            coded(&root.send(query, json!({"x": input})).await);
        }
    });
}
