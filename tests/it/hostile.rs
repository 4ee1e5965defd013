//! Clients that keep no protocol: whatever they say, they hear a code, and everybody else goes on.

use std::{future::Future, pin::Pin};

use proptest::prelude::{Strategy, any};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    fuzz::{served, tried},
    support::{Socket, TestApp, client::PATIENCE, ws::Came},
};

/// Codes that a client may hear, and no others.
const CODES: [u16; 7] = [1000, 4400, 4401, 4403, 4408, 4409, 4429];

fn message(random: &mut impl Rng) -> String {
    let id = ["a", "b", "", "ä\"\\", &"x".repeat(200)].choose(random).unwrap().to_string();
    let query = [
        "subscription { rankChanged { cursor } }",
        "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }",
        "subscription { matchEvents(matchId: \"nonsense\") { cursor } }",
        "subscription { rankChanged(after: \"nonsense\") { cursor } }",
        "subscription { rankChanged(after: \"bG9nOjk5OTk5OTk5OTk5\") { cursor } }",
        "subscription { liveMatches { id } queueStats(mode: \"1v1\") { ticketsSearching } }",
        "subscription { queueStatus { id } }",
        "subscription { ...A } fragment A on Subscription { ...A }",
        "{ modes { id } }",
        "mutation { logout { success } }",
        "",
        "{",
    ]
    .choose(random)
    .unwrap();
    let payload = [
        json!({ "query": query }),
        json!({ "query": query, "variables": 7 }),
        json!({ "query": query, "operationName": ["x"], "extensions": null }),
        json!({ "query": 7 }),
        json!(null),
        json!([query]),
    ]
    .choose(random)
    .unwrap()
    .clone();
    let said = match random.random_range(0..14) {
        0 => json!({ "type": "connection_init" }),
        1 => json!({ "type": "connection_init", "payload": { "authorization": ["Bearer x"] } }),
        2 => json!({ "type": "connection_init", "payload": [] }),
        3..=6 => json!({ "type": "subscribe", "id": id, "payload": payload }),
        7 => json!({ "type": "complete", "id": id }),
        8 => json!({ "type": "ping" }),
        9 => json!({ "type": "ping", "payload": { "authorization": "Bearer x" } }),
        10 => json!({ "type": "pong", "payload": { "x": 1 } }),
        11 => json!({ "type": "next", "id": id, "payload": {} }),
        12 => json!({ "id": id }),
        _ => return "[".repeat(random.random_range(1..5_000)),
    };
    said.to_string()
}

#[test]
fn whatever_a_client_says_it_hears_an_answer_or_a_code() {
    let (runtime, app) = served(async || TestApp::start().await);
    let mut bystander = runtime.block_on(async { app.anonymous().socket().await });
    tried(&runtime, 150, any::<u64>().no_shrink(), async |seed| {
        let mut random = StdRng::seed_from_u64(seed);
        let protocol = if seed % 5 == 0 { "graphql-ws" } else { "graphql-transport-ws" };
        let mut socket = Socket::try_open(app.addr, protocol).await.unwrap();
        if random.random_bool(0.8) {
            socket.greet(None).await;
        }
        let mut script: Vec<String> =
            (0..random.random_range(1..30)).map(|_| message(&mut random)).collect();
        // The last of it always ends the socket.
        script.push("{}".to_owned());
        for text in script {
            if !socket.try_say_text(&text).await {
                break;
            }
        }
        let code = socket.closed().await;
        assert!(CODES.contains(&code), "seed {seed}: {code}");
    });
    // Somebody who behaves has noticed nothing.
    runtime.block_on(async {
        bystander.subscribe("s", "{ modes { id } }", json!({})).await;
        assert!(bystander.next("s").await["modes"][0]["id"].is_string());
    });
}

/// A handshake without a client behind it.
async fn upgraded(app: &TestApp) -> TcpStream {
    let mut stream = TcpStream::connect(app.addr).await.unwrap();
    let request = format!(
        "GET /graphql HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n",
        app.addr
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    stream
}

/// Reads to the end; the code of the close frame, which comes last.
async fn code(mut stream: TcpStream) -> Option<u16> {
    let mut bytes = Vec::new();
    // An error is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("nothing came");
    let at = bytes.iter().rposition(|byte| *byte == 0x88)?;
    Some(u16::from_be_bytes([*bytes.get(at + 2)?, *bytes.get(at + 3)?]))
}

#[tokio::test]
async fn frames_that_are_none_and_peers_that_stop_half_way_are_let_go() {
    let patient = TestApp::start().await;
    let app = TestApp::with(|settings| {
        let socket = &mut settings.limits.socket;
        (socket.init_timeout_ms, socket.ping_ms) = (600, 300);
    })
    .await;
    type Prank = fn(TcpStream) -> Pin<Box<dyn Future<Output = Option<u16>> + Send>>;
    let pranks: [(Prank, &[Option<u16>]); 5] = [
        // Not masked, as a client's frames have to be.
        (
            |mut s| {
                Box::pin(async {
                    s.write_all(&[0x81, 2, b'{', b'}']).await.unwrap();
                    code(s).await
                })
            },
            &[Some(4400), Some(1002)],
        ),
        // Of a kind that does not exist.
        (
            |mut s| {
                Box::pin(async {
                    s.write_all(&[0x83, 0x80, 0, 0, 0, 0]).await.unwrap();
                    code(s).await
                })
            },
            &[Some(4400), Some(1002)],
        ),
        // Said to be longer than anything may be.
        (
            |mut s| {
                Box::pin(async {
                    s.write_all(&[0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])
                        .await
                        .unwrap();
                    code(s).await
                })
            },
            &[Some(4400), Some(1002), Some(1009)],
        ),
        // Half a frame, and then nothing.
        (
            |mut s| {
                Box::pin(async {
                    s.write_all(&[0x81, 0xfe, 1]).await.unwrap();
                    code(s).await
                })
            },
            &[Some(4408)],
        ),
        // Nothing at all.
        (|s| Box::pin(code(s)), &[Some(4408)]),
    ];
    for (number, (prank, expected)) in pranks.into_iter().enumerate() {
        // Those who say something wrong have the time to say it.
        let heard = prank(upgraded(if number < 3 { &patient } else { &app }).await).await;
        assert!(expected.contains(&heard), "{number}: {heard:?}");
    }
    // Greeted, and silent from then on: not even a pong.
    let app = TestApp::with(|settings| settings.limits.socket.ping_ms = 300).await;
    let mut silent = upgraded(&app).await;
    let greeting = b"{\"type\":\"connection_init\"}";
    let mut frame = vec![0x81, 0x80 | greeting.len() as u8, 0, 0, 0, 0];
    frame.extend(greeting);
    silent.write_all(&frame).await.unwrap();
    assert_eq!(code(silent).await, Some(1001));
}

#[tokio::test]
async fn an_older_answer_is_not_told_under_a_new_name() {
    let app = TestApp::start().await;
    let mut socket = app.anonymous().socket().await;
    let stats = "subscription { queueStats(mode: \"1v1\") { ticketsSearching } }";
    for _ in 0..30 {
        socket.subscribe("x", stats, json!({})).await;
        socket.say(json!({"type": "complete", "id": "x"})).await;
        socket.subscribe("x", "{ modes { id } }", json!({})).await;
        // What is left of the first may still come, and then only the second.
        let mut answer = Value::Null;
        while answer.get("modes").is_none() {
            let Came::Message(message) = socket.hear().await else { panic!("closed") };
            assert_eq!((&message["id"], &message["type"]), (&json!("x"), &json!("next")));
            answer = message["payload"]["data"].clone();
        }
        assert_eq!(socket.message("x").await["type"], "complete");
    }
}
