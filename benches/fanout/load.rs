//! The subscribers: as little work for each as there can be.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use rankedhonor::services::now;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::{Notify, watch},
};

use crate::serve::commands;

/// Sockets from one address: a port is free for each.
const PER_ADDRESS: usize = 2_000;
/// Sockets that connect at once.
const AT_ONCE: usize = 500;

/// What subscribers are told to do.
#[derive(Clone, Debug, PartialEq)]
struct Orders {
    server: SocketAddr,
    topic: String,
    present: bool,
    /// So many of them do not read.
    stalled: usize,
}

struct Shared {
    measuring: AtomicBool,
    heard: AtomicUsize,
    ready: AtomicUsize,
    absent: AtomicUsize,
    gaps: AtomicUsize,
    repeats: AtomicUsize,
    /// By milliseconds.
    latencies: Vec<AtomicU64>,
    changed: Notify,
    connecting: tokio::sync::Semaphore,
}

/// What a subscriber remembers.
#[derive(Default)]
struct Memory {
    cursor: Option<String>,
    last: Option<i64>,
}

fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short as u8),
        Ok(long) => {
            frame.push(0x80 | 126);
            frame.extend(long.to_be_bytes());
        }
        Err(_) => panic!("too long"),
    }
    // A mask of zeros changes nothing.
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

fn between<'a>(text: &'a str, from: &str, to: char) -> Option<&'a str> {
    let rest = &text[text.find(from)? + from.len()..];
    Some(&rest[..rest.find(to)?])
}

async fn connect(number: usize, orders: &Orders) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    let address = Ipv4Addr::new(127, 0, 0, 2 + u8::try_from(number / PER_ADDRESS).unwrap());
    socket.bind((address, 0).into()).unwrap();
    let mut stream = socket.connect(orders.server).await.ok()?;
    stream.set_nodelay(true).unwrap();
    let request = format!(
        "GET /graphql HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n",
        orders.server
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    // Nothing follows before the greeting.
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    head.starts_with(b"HTTP/1.1 101").then_some(stream)
}

/// One subscriber, until it is told to leave or cut off.
async fn follow(number: usize, orders: &Orders, memory: &mut Memory, all: &Shared) -> Option<()> {
    let permit = all.connecting.acquire().await.unwrap();
    let mut stream = connect(number, orders).await?;
    stream.write_all(&masked("{\"type\":\"connection_init\"}")).await.ok()?;
    let payload = if orders.topic == "ranks" {
        serde_json::json!({
            "query": "subscription { rankChanged { cursor at match { id } } }",
        })
    } else {
        serde_json::json!({
            "query": "subscription($id: ID!, $after: String) { matchEvents(matchId: $id, after: $after) { cursor kind atMs data recordedAt } }",
            "variables": { "id": orders.topic, "after": memory.cursor },
        })
    };
    let subscribe = serde_json::json!({ "type": "subscribe", "id": "1", "payload": payload });
    let mut ready = false;
    let mut permit = Some(permit);
    let (mut buffer, mut filled) = (vec![0; 1024], 0);
    loop {
        let mut at = 0;
        while filled - at >= 2 {
            let (code, short) = (buffer[at] & 15, usize::from(buffer[at + 1] & 127));
            let (head, length) = match short {
                126 if filled - at < 4 => break,
                126 => (4, usize::from(u16::from_be_bytes([buffer[at + 2], buffer[at + 3]]))),
                127 => panic!("too long"),
                short => (2, short),
            };
            if filled - at < head + length {
                if buffer.len() < head + length {
                    buffer.resize(head + length, 0);
                }
                break;
            }
            let text = &buffer[at + head..at + head + length];
            match code {
                1 => {
                    let text = std::str::from_utf8(text).unwrap();
                    if text.contains("connection_ack") {
                        stream.write_all(&masked(&subscribe.to_string())).await.ok()?;
                        permit = None;
                        if orders.topic == "ranks" || memory.cursor.is_some() {
                            ready = true;
                            all.ready.fetch_add(1, Relaxed);
                            all.changed.notify_one();
                        }
                    } else {
                        heard(text, memory, all);
                        if !ready {
                            ready = true;
                            all.ready.fetch_add(1, Relaxed);
                            all.changed.notify_one();
                        }
                    }
                }
                8 => return None,
                9 => stream.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await.ok()?,
                _ => {}
            }
            at += head + length;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
        if number < orders.stalled && ready {
            std::future::pending::<()>().await;
        }
        let read = stream.read(&mut buffer[filled..]).await.ok()?;
        if read == 0 {
            return None;
        }
        filled += read;
        let _ = &permit;
    }
}

fn heard(text: &str, memory: &mut Memory, all: &Shared) {
    let Some(at) = between(text, "edAt\":\"", '"').or_else(|| between(text, "\"at\":\"", '"'))
    else {
        println!("{text}");
        return;
    };
    if let Some(sequence) = between(text, "\"atMs\":", ',') {
        let sequence: i64 = sequence.parse().unwrap();
        match memory.last {
            Some(last) if sequence <= last => drop(all.repeats.fetch_add(1, Relaxed)),
            Some(last) if sequence > last + 1 => drop(all.gaps.fetch_add(1, Relaxed)),
            _ => {}
        }
        memory.last = Some(sequence);
    }
    memory.cursor = between(text, "\"cursor\":\"", '"').map(Into::into);
    if all.measuring.load(Relaxed) {
        let at = chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis();
        let ms = usize::try_from(now().0 - at).unwrap_or(0).min(all.latencies.len() - 1);
        all.latencies[ms].fetch_add(1, Relaxed);
    }
    if all.heard.fetch_add(1, Relaxed) % 64 == 63 {
        all.changed.notify_one();
    }
}

async fn subscriber(number: usize, mut orders: watch::Receiver<Orders>, all: Arc<Shared>) {
    let mut memory = Memory::default();
    loop {
        let current = orders.borrow_and_update().clone();
        if !current.present {
            all.absent.fetch_add(1, Relaxed);
            all.changed.notify_one();
            orders.changed().await.unwrap();
            continue;
        }
        tokio::select! {
            _ = follow(number, &current, &mut memory, &all) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            changed = left(&mut orders) => changed,
        }
    }
}

/// Waits for orders other than to stall, which are told as they come.
async fn left(orders: &mut watch::Receiver<Orders>) {
    loop {
        orders.changed().await.unwrap();
        if !orders.borrow_and_update().present {
            return;
        }
    }
}

fn percentile(latencies: &[AtomicU64], part: f64) -> usize {
    let total: u64 = latencies.iter().map(|count| count.load(Relaxed)).sum();
    let mut seen = 0;
    latencies
        .iter()
        .position(|count| {
            seen += count.load(Relaxed);
            seen as f64 >= total as f64 * part
        })
        .unwrap_or(0)
}

pub fn run(server: &str, topic: &str, count: usize) {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(obey(server.parse().unwrap(), topic, count));
}

async fn obey(server: SocketAddr, topic: &str, count: usize) {
    let all = Arc::new(Shared {
        measuring: AtomicBool::new(false),
        heard: AtomicUsize::new(0),
        ready: AtomicUsize::new(0),
        absent: AtomicUsize::new(0),
        gaps: AtomicUsize::new(0),
        repeats: AtomicUsize::new(0),
        latencies: (0..20_000).map(|_| AtomicU64::new(0)).collect(),
        changed: Notify::new(),
        connecting: tokio::sync::Semaphore::new(AT_ONCE),
    });
    let first = Orders { server, topic: topic.to_owned(), present: true, stalled: 0 };
    let (tell, orders) = watch::channel(first);
    for number in 0..count {
        tokio::spawn(subscriber(number, orders.clone(), all.clone()));
    }
    let wait = async |done: &(dyn Fn() -> bool + Send + Sync)| {
        while !done() {
            let _ = tokio::time::timeout(Duration::from_millis(20), all.changed.notified()).await;
        }
    };
    wait(&|| all.ready.load(Relaxed) >= count).await;
    println!("ready");
    let mut commands = commands();
    while let Some(line) = commands.recv().await {
        let mut words = line.split(' ');
        match words.next().unwrap() {
            "measure" => {
                all.measuring.store(true, Relaxed);
                all.heard.store(0, Relaxed);
                println!("measuring");
            }
            "wait" => {
                let total: usize = words.next().unwrap().parse().unwrap();
                wait(&|| all.heard.load(Relaxed) >= total).await;
                let part = |part| percentile(&all.latencies, part);
                let (gaps, repeats) = (all.gaps.load(Relaxed), all.repeats.load(Relaxed));
                println!("{} {} {gaps} {repeats}", part(0.5), part(0.99));
            }
            "leave" => {
                all.absent.store(0, Relaxed);
                tell.send_modify(|orders| orders.present = false);
                wait(&|| all.absent.load(Relaxed) >= count).await;
                all.heard.store(0, Relaxed);
                println!("left");
            }
            "move" => {
                let server = words.next().unwrap().parse().unwrap();
                let topic = words.next().unwrap().to_owned();
                tell.send_modify(|orders| {
                    orders.server = server;
                    orders.topic = topic;
                });
            }
            "return" => {
                tell.send_modify(|orders| orders.present = true);
            }
            "stall" => {
                let stalled: usize = words.next().unwrap().parse().unwrap();
                all.ready.store(0, Relaxed);
                all.absent.store(0, Relaxed);
                tell.send_modify(|orders| orders.present = false);
                wait(&|| all.absent.load(Relaxed) >= count).await;
                tell.send_modify(|orders| {
                    orders.stalled = stalled;
                    orders.present = true;
                });
                wait(&|| all.ready.load(Relaxed) >= count).await;
                println!("stalled");
            }
            other => panic!("{other}"),
        }
    }
}
