//! Live events to very many sockets: what one delivery costs, how long it takes, and what a socket holds; beside stock
//! `GraphQLSubscription` and a plain axum broadcast of the same bytes. Then: everybody comes back at once, one in a hundred
//! does not read, and results at a steady pace are heard of by a thousand.
//!
//!     cargo bench --bench fanout -- [SUBSCRIBERS | herd | stalled | results ...]
//!
//! Servers and clients are processes of their own, the server on two cores and the clients on the others, where there are
//! four and `taskset`. A process needs a file for each socket: `ulimit -n` bounds the subscribers.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod child;
mod load;
mod serve;
#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use child::Child;

/// Times that each server is measured; the middle one counts.
const ROUNDS: usize = 3;

/// What one server did.
#[derive(Clone, Copy)]
struct Figures {
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    kb: f64,
}

/// A server of that kind that has told of one event, so many subscribers who have heard of it, and what each of them holds
/// there in kilobytes.
fn begun(kind: &str, subscribers: usize) -> (Child, Child, f64) {
    let mut server = Child::server(kind);
    let addr = server.line();
    let topic = server.line();
    server.say("publish");
    server.expect("published");
    let idle = server.resident_kb();
    let mut load = Child::load(&addr, &topic, subscribers);
    load.expect("ready");
    let kb = (server.resident_kb() - idle) / subscribers as f64;
    (server, load, kb)
}

/// Lets so many subscribe, and tells them of some events.
fn measure(kind: &str, subscribers: usize) -> Figures {
    let (mut server, mut load, kb) = begun(kind, subscribers);
    // A pace that no server is behind of, and enough events to see 20 ms of CPU well.
    let pause = Duration::from_micros((subscribers as u64 * 90).max(50_000));
    let events = (300_000 / subscribers).clamp(12, 200);
    load.say("measure");
    load.expect("measuring");
    let before = server.cpu_us();
    for _ in 0..events {
        let began = Instant::now();
        server.say("publish");
        server.expect("published");
        std::thread::sleep(pause.saturating_sub(began.elapsed()));
    }
    load.say(&format!("wait {}", events * subscribers));
    let heard = load.figures();
    let cpu_us = (server.cpu_us() - before) / (events * subscribers) as f64;
    assert_eq!((heard[2], heard[3]), (0.0, 0.0), "gaps and repeats");
    Figures { cpu_us, p50_ms: heard[0], p99_ms: heard[1], kb }
}

fn middle(mut all: Vec<Figures>) -> Figures {
    all.sort_by(|a, b| a.cpu_us.total_cmp(&b.cpu_us));
    all[all.len() / 2]
}

fn fan_out(subscribers: usize) {
    println!("one event of about 250 bytes to {subscribers} sockets");
    println!(
        "  {:22} {:>12} {:>8} {:>8} {:>10}",
        "", "CPU µs each", "p50 ms", "p99 ms", "KB a socket"
    );
    let kinds = [
        ("ours", "RankedHonor"),
        ("raw", "plain axum broadcast"),
        ("stock", "GraphQLSubscription"),
    ];
    let mut all = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((kind, _), figures) in kinds.iter().zip(&mut all) {
            figures.push(measure(kind, subscribers));
        }
    }
    let all = all.map(middle);
    for ((_, name), figures) in kinds.iter().zip(all) {
        let Figures { cpu_us, p50_ms, p99_ms, kb } = figures;
        println!("  {name:22} {cpu_us:>12.1} {p50_ms:>8.0} {p99_ms:>8.0} {kb:>10.1}");
    }
    let [ours, raw, stock] = all.map(|figures| figures.cpu_us);
    println!("  ratio to plain {:.2}, stock to ours {:.1}", ours / raw, stock / ours);
}

/// All of them are cut off, miss some events, and come back with their cursors.
fn herd(subscribers: usize) {
    let (mut server, mut load, _) = begun("ours", subscribers);
    load.say("leave");
    load.expect("left");
    let missed = 20;
    for _ in 0..missed {
        server.say("publish");
        server.expect("published");
    }
    let (before, began) = (server.resident_kb(), Instant::now());
    let cpu = server.cpu_us();
    load.say("return");
    load.say(&format!("wait {}", missed * subscribers));
    let heard = load.figures();
    println!(
        "{subscribers} come back at once, each {missed} events behind: all served after {:.2} s, {:.1} s of CPU, {:.0} MB more, {:.0} gaps, {:.0} repeats",
        began.elapsed().as_secs_f64(),
        (server.cpu_us() - cpu) / 1e6,
        (server.resident_kb() - before) / 1024.0,
        heard[2],
        heard[3],
    );
    server.kill();
    // The same after a crash: another process on the same data, which remembers nothing.
    let mut server = server.again();
    let addr = server.line();
    let topic = server.line();
    load.say("leave");
    load.expect("left");
    load.say(&format!("move {addr} {topic}"));
    for _ in 0..missed {
        server.say("publish");
        server.expect("published");
    }
    let began = Instant::now();
    load.say("return");
    load.say(&format!("wait {}", missed * subscribers));
    let heard = load.figures();
    println!(
        "the same after kill -9 and a restart: all served after {:.2} s, {:.0} gaps, {:.0} repeats",
        began.elapsed().as_secs_f64(),
        heard[2],
        heard[3],
    );
}

/// One in a hundred stops reading.
fn stalled(subscribers: usize) {
    let mut p99 = Vec::new();
    for stall in [0, subscribers / 100] {
        let (mut server, mut load, _) = begun("ours", subscribers);
        load.say(&format!("stall {stall}"));
        load.expect("stalled");
        load.say("measure");
        load.expect("measuring");
        // Larger events, so that what the stalled do not read fills what there is to fill.
        let events = 60;
        for _ in 0..events {
            let began = Instant::now();
            server.say("large");
            server.expect("published");
            std::thread::sleep(Duration::from_millis(100).saturating_sub(began.elapsed()));
        }
        load.say(&format!("wait {}", events * (subscribers - stall)));
        p99.push(load.figures()[1]);
    }
    println!(
        "{subscribers} sockets, p99 {:.0} ms when all read, {:.0} ms when 1 % do not",
        p99[0], p99[1]
    );
}

/// Results at a steady pace, of which a thousand hear.
fn results() {
    let (subscribers, rate, seconds) = (1_000, 200, 15);
    let mut server = Child::server("ours");
    let addr = server.line();
    let _topic = server.line();
    server.say(&format!("matches {}", rate * seconds));
    server.expect("made");
    let mut load = Child::load(&addr, "ranks", subscribers);
    load.expect("ready");
    load.say("measure");
    load.expect("measuring");
    server.say(&format!("report {rate}"));
    server.expect("reported");
    load.say(&format!("wait {}", rate * seconds * 2 * subscribers));
    let heard = load.figures();
    println!(
        "{rate} results a second to {subscribers} subscribers of `rankChanged`: p50 {:.0} ms, p99 {:.0} ms from its report to its receipt",
        heard[0], heard[1],
    );
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("serve") => return serve::run(&arguments[1], arguments.get(2).map(String::as_str)),
        Some("load") => {
            return load::run(&arguments[1], &arguments[2], arguments[3].parse().unwrap());
        }
        _ => {}
    }
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let most = usize::try_from(files).unwrap().saturating_sub(500);
    let parts: Vec<&str> = if arguments.is_empty() {
        vec!["1000", "10000", "30000", "herd", "stalled", "results"]
    } else {
        arguments.iter().map(String::as_str).collect()
    };
    for part in parts {
        match part {
            "herd" => herd(10_000.min(most)),
            "stalled" => stalled(2_000.min(most)),
            "results" => results(),
            count => {
                let count: usize = count.parse().unwrap();
                if count > most {
                    println!(
                        "{count} sockets: a process may open {files} files here, so {most} instead"
                    );
                }
                fan_out(count.min(most));
            }
        }
    }
}
