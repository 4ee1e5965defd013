//! Operations over server-sent events, and over HTTP/2.

use std::{net::SocketAddr, time::Instant};

use futures_util::{StreamExt, stream::BoxStream};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    bounds::{is_closed, one_request_of_http2},
    support::{Client, Socket, TestApp, client::PATIENCE},
};

/// A stream of events, as it comes.
struct Events {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    text: String,
}

async fn ask(
    client: &Client,
    http: &reqwest::Client,
    query: &str,
    variables: Value,
) -> reqwest::Response {
    let mut request = http
        .post(client.url("/graphql"))
        .header("accept", "text/event-stream")
        .json(&json!({"query": query, "variables": variables}));
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

impl Events {
    async fn open(client: &Client, query: &str, variables: Value) -> Self {
        let answer = ask(client, &client.http, query, variables).await;
        assert_eq!(answer.status(), 200);
        Self::of(answer)
    }

    fn of(answer: reqwest::Response) -> Self {
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream; charset=utf-8");
        let answer = futures_util::stream::unfold(answer, |mut answer| async {
            let chunk = answer.chunk().await.transpose()?;
            Some((chunk.map(|bytes| bytes.to_vec()), answer))
        });
        Self { bytes: answer.boxed(), text: String::new() }
    }

    /// The next event and its data; none at the end.
    async fn next(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut lines = event.lines();
                let first = lines.next().unwrap().to_owned();
                let data = lines.next().map_or("", |line| line.strip_prefix("data:").unwrap());
                let data = data.trim().to_owned();
                self.text = rest.to_owned();
                if first.starts_with(':') {
                    continue;
                }
                return Some((first.strip_prefix("event: ").unwrap().to_owned(), data));
            }
            match timeout(PATIENCE, self.bytes.next()).await.expect("nothing came") {
                Some(Ok(bytes)) => self.text += &String::from_utf8(bytes).unwrap(),
                Some(Err(_)) | None => return None,
            }
        }
    }

    async fn answer(&mut self) -> Value {
        let (event, data) = self.next().await.unwrap();
        assert_eq!(event, "next");
        serde_json::from_str(&data).unwrap()
    }

    async fn complete(&mut self) {
        assert_eq!(self.next().await, Some(("complete".to_owned(), String::new())));
        assert_eq!(self.next().await, None);
    }
}

const TIMELINE: &str = "subscription($id: ID!, $after: String) { matchEvents(matchId: $id, after: $after) { cursor kind } }";

#[tokio::test]
async fn a_timeline_comes_as_events_and_completes() {
    let app = TestApp::start().await;
    let (server, ada, _bob) = app.started().await;
    let id = ada.matched().await;
    let mut events = Events::open(&app.anonymous(), TIMELINE, json!({"id": id})).await;
    let first = events.answer().await["data"]["matchEvents"].clone();
    assert_eq!(first["kind"], "MATCH_STARTED");
    server.report(&id, 0).await;
    assert_eq!(events.answer().await["data"]["matchEvents"]["kind"], "MATCH_COMPLETED");
    events.complete().await;
    let after = json!({"id": id, "after": first["cursor"]});
    let mut again = Events::open(&app.anonymous(), TIMELINE, after).await;
    assert_eq!(again.answer().await["data"]["matchEvents"]["kind"], "MATCH_COMPLETED");
    again.complete().await;
}

#[tokio::test]
async fn queries_mutations_and_refusals_come_as_events_too() {
    let app = TestApp::start().await;
    let ada = app.player("ada").await;
    let mut events = Events::open(&ada, "{ me { username } }", json!({})).await;
    assert_eq!(events.answer().await["data"]["me"]["username"], "ada");
    events.complete().await;
    let bio = "mutation { updateProfile(input: {bio: \"hi\"}) { user { bio } } }";
    let mut events = Events::open(&ada, bio, json!({})).await;
    assert_eq!(events.answer().await["data"]["updateProfile"]["user"]["bio"], "hi");
    events.complete().await;
    for query in
        ["{ nothing }", "{", "subscription { notificationReceived { id } partyUpdated { id } }"]
    {
        let mut events = Events::open(&ada, query, json!({})).await;
        let refused = events.answer().await;
        assert!(refused.get("data").is_none());
        assert!(refused["errors"][0]["extensions"]["code"].is_string(), "{refused}");
        events.complete().await;
    }
    // By GET come queries and subscriptions, and nothing that changes anything.
    let get = |query: &'static str| {
        let request = ada.http.get(ada.url("/graphql")).query(&[("query", query)]);
        request.header("accept", "text/event-stream").send()
    };
    let stats = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    let mut events = Events::of(get(stats).await.unwrap());
    assert_eq!(events.answer().await["data"]["queueStats"]["ticketsSearching"], 0);
    let refused = get("mutation { logout { success } }").await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"POST".parse().unwrap())
    );
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_session_and_its_token() {
    let app = TestApp::with(|settings| settings.accounts.access_token_seconds = 5).await;
    let (ada, bob) = app.pair().await;
    let notifications = "subscription { notificationReceived { id } }";
    let mut of_ada = Events::open(&ada, notifications, json!({})).await;
    let mut of_bob = Events::open(&bob, notifications, json!({})).await;
    ada.run("mutation { logout { success } }", json!({})).await;
    assert_eq!(of_ada.next().await, None);
    // Without `complete`: a client comes again, with a token that holds.
    assert_eq!(of_bob.next().await, None);
    // Tokens count whole seconds, and the stream ends within the last of them.
    while ask(&bob, &bob.http, notifications, json!({})).await.status() != 401 {}
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams_of_events() {
    let app = TestApp::start().await;
    let query = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    let mut events = Events::open(&app.anonymous(), query, json!({})).await;
    events.answer().await;
    app.stop();
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn many_streams_come_over_one_connection_of_http2() {
    let app = TestApp::with(|settings| {
        settings.limits.header_timeout_ms = 2_000;
        settings.limits.unread_timeout_ms = 2_000;
    })
    .await;
    let (server, ada, _bob) = app.started().await;
    let id = ada.matched().await;
    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let mut streams = Vec::new();
    for _ in 0..20 {
        let answer = ask(&app.anonymous(), &http, TIMELINE, json!({"id": id})).await;
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        streams.push(Events::of(answer));
    }
    // One that asks nothing more is closed meanwhile; theirs is not, nor is it told to go.
    assert!(is_closed(&app, &one_request_of_http2()).await);
    let answer = ask(&app.anonymous(), &http, TIMELINE, json!({"id": id})).await;
    streams.push(Events::of(answer));
    server.report(&id, 0).await;
    for events in &mut streams {
        assert_eq!(events.answer().await["data"]["matchEvents"]["kind"], "MATCH_STARTED");
        assert_eq!(events.answer().await["data"]["matchEvents"]["kind"], "MATCH_COMPLETED");
        events.complete().await;
    }
}

#[tokio::test]
async fn a_server_key_that_is_revoked_ends_its_streams() {
    let app = TestApp::start().await;
    let (id, key) = app.services.accounts.create_server_key("eu-1").await.unwrap();
    let server = Client::new(app.addr, Some(key));
    let stats = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    let mut stream = Events::open(&server, stats, json!({})).await;
    stream.answer().await;
    app.services.accounts.revoke_server_key(id).await.unwrap();
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn what_is_over_a_bound_is_told_when_to_come_again() {
    let app = TestApp::with(|settings| {
        settings.limits.socket.total = 3;
        settings.limits.exempt_loopback = false;
        settings.limits.socket.per_address = 2;
    })
    .await;
    let stats = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    let client = app.anonymous();
    let mut first = Events::open(&client, stats, json!({})).await;
    first.answer().await;
    let _second = client.socket().await;
    let refused = ask(&client, &client.http, stats, json!({})).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    let said: Value = refused.json().await.unwrap();
    assert_eq!(said["errors"][0]["extensions"]["code"], "SERVICE_UNAVAILABLE");
    assert_eq!(Socket::try_open(app.addr, "graphql-transport-ws").await.err(), Some(503));
    drop(first);
    // Its place is free as soon as the server has seen that it is gone.
    let address: SocketAddr = app.addr;
    timeout(PATIENCE, async {
        while Socket::try_open(address, "graphql-transport-ws").await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn too_many_at_once_and_too_little_memory_are_told_so() {
    let app = TestApp::with(|settings| settings.limits.socket.handshakes_per_second = 1).await;
    let (mut opened, began) = (Vec::new(), Instant::now());
    // So many a second, and twice as many at once.
    let refused = loop {
        match Socket::try_open(app.addr, "graphql-transport-ws").await {
            Ok(socket) => opened.push(socket),
            Err(status) => break status,
        }
    };
    assert_eq!(refused, 503);
    let most = 3 + began.elapsed().as_secs();
    assert!((2..=most).contains(&(opened.len() as u64)), "{} of {most}", opened.len());
    let app = TestApp::with(|settings| settings.limits.memory_mb = 1).await;
    timeout(PATIENCE, async {
        while Socket::try_open(app.addr, "graphql-transport-ws").await.is_ok() {}
    })
    .await
    .unwrap();
    // What needs no connection of its own goes on.
    app.anonymous().run("{ modes { id } }", json!({})).await;
}
