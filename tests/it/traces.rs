//! Traces, as a collector gets them.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{Process, client::PATIENCE};

/// A collector that takes everything and understands nothing.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let all = taken.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let all = all.clone();
            tokio::spawn(async move {
                let (mut seen, mut buffer) = (Vec::new(), vec![0; 65_536]);
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    seen.extend_from_slice(&buffer[..read]);
                    let Some(head) = seen.windows(4).position(|part| part == b"\r\n\r\n") else {
                        continue;
                    };
                    let text = String::from_utf8_lossy(&seen[..head]).to_lowercase();
                    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
                    let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
                    if seen.len() >= head + 4 + length {
                        all.lock().unwrap().extend_from_slice(&seen);
                        seen.clear();
                        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                        stream.write_all(answer).await.unwrap();
                    }
                }
            });
        }
    });
    (url, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_followed_into_the_database_and_out_of_the_outbox() {
    let (url, taken) = collector().await;
    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_BSP_SCHEDULE_DELAY", "100".into())];
    let mut process = Process::start_beside("", &environment).await;
    let ada = process.anonymous().register("ada").await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let sent = reqwest::Client::new()
        .post(ada.url("/graphql"))
        .bearer_auth(ada.token.as_ref().unwrap())
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .json(&json!({"query": "mutation { joinQueue(input: {mode: \"1v1\"}) { ticket { id } } }"}))
        .send()
        .await
        .unwrap();
    assert!(sent.text().await.unwrap().contains("ticket_"));
    // Everything is sent before it ends.
    process.terminate();
    assert!(tokio::time::timeout(PATIENCE, process.ended()).await.unwrap().success());
    let bytes = taken.lock().unwrap().clone();
    let id: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    let spans: Vec<usize> =
        bytes.windows(16).enumerate().filter(|(_, part)| *part == id).map(|(at, _)| at).collect();
    // Each span says its trace first and its name a little later.
    let named = |name: &str| {
        spans.iter().any(|at| {
            let near = &bytes[*at..(*at + 90).min(bytes.len())];
            near.windows(name.len()).any(|part| part == name.as_bytes())
        })
    };
    for name in ["request", "sql", "relay"] {
        assert!(named(name), "no span {name} among {} of the trace", spans.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_of_a_server_can_be_asked_without_any_other_program() {
    let mut process = Process::start("").await;
    let began = Instant::now();
    // It may be late once on a busy machine.
    while process.command(&["health"]) != (true, String::new()) {
        assert!(began.elapsed() < PATIENCE, "{:?}", process.command(&["health"]));
    }
    process.kill();
    assert!(!process.command(&["health"]).0);
}
