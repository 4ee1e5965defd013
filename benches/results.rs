//! Results a second, durable: those that come together in one transaction, beside one transaction each.
//!
//!     cargo bench --bench results -- [RESULTS] [REPORTERS] [DATABASE_URL]
//!
//! Without a database it is SQLite in a new directory, synced to the disk. Each result is of a match of two, reported through
//! the use case that the API calls, with the relay at work; a report is answered when its facts are everywhere. A database that
//! is named is filled and left so: give it one of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "support/mod.rs"]
mod support;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use metrics_exporter_prometheus::PrometheusBuilder;
use rankedhonor::{
    app::Server,
    config::{Config, Settings},
    game::ids::MatchId,
    services::Services,
};
use tokio::net::TcpListener;

use support::{matches_in_progress, result};

struct Way {
    name: &'static str,
    together: usize,
    lanes: usize,
}

async fn server(dir: &Path, url: Option<&str>, way: &Way) -> Server {
    let env = |name: &str| match name {
        "RANKEDHONOR_DATA_DIR" => Some(dir.to_str().unwrap().to_owned()),
        "DATABASE_URL" => url.map(str::to_owned),
        _ => None,
    };
    let mut settings = Settings::default();
    settings.sql.results_together = way.together;
    settings.sql.results_lanes = way.lanes;
    settings.sql.connections = 30;
    settings.sql.statement_timeout_ms = 30_000;
    let config = Config { settings, ..Config::load(env).unwrap() };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    Server::start(config, metrics).await.unwrap()
}

struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Reports all of them, so many at a time.
async fn report(services: &Arc<Services>, ids: Vec<MatchId>, reporters: usize) -> Figures {
    let (ids, next) = (Arc::new(ids), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let tasks: Vec<_> = (0..reporters)
        .map(|_| {
            let (services, ids, next) = (services.clone(), ids.clone(), next.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while let Some(id) = ids.get(next.fetch_add(1, Relaxed)) {
                    let asked = Instant::now();
                    services.matches.report(*id, result(), None).await.unwrap();
                    took.push(asked.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let per_second = ids.len() as f64 / began.elapsed().as_secs_f64();
    took.sort();
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    Figures { per_second, p50: at(0.5), p99: at(0.99) }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let count = arguments.first().map_or(5_000, |count| count.parse().unwrap());
    let reporters = arguments.get(1).map_or(256, |count| count.parse().unwrap());
    let url = arguments.get(2).map(String::as_str);
    let ways = [
        Way { name: "one by one", together: 1, lanes: 16 },
        Way { name: "together", together: 128, lanes: 4 },
    ];
    println!("{count} results, {reporters} at a time, {}", url.unwrap_or("SQLite"));
    let mut rates = Vec::new();
    for way in &ways {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path(), url, way).await;
        let services = server.services().clone();
        let embedded = format!("sqlite://{}", dir.path().join("rankedhonor.db").display());
        let db = sea_orm::Database::connect(url.map_or(embedded, str::to_owned)).await.unwrap();
        let ids = matches_in_progress(&db, &services, count + 200).await;
        db.close().await.unwrap();
        let (alone, many) = ids.split_at(200);
        let quiet = report(&services, alone.to_vec(), 1).await;
        let busy = report(&services, many.to_vec(), reporters).await;
        println!(
            "  {:12} {:>7.0} results/s, p50 {:>6.1} ms, p99 {:>6.1} ms; alone p50 {:>5.2} ms, p99 {:>5.2} ms",
            way.name,
            busy.per_second,
            busy.p50.as_secs_f64() * 1e3,
            busy.p99.as_secs_f64() * 1e3,
            quiet.p50.as_secs_f64() * 1e3,
            quiet.p99.as_secs_f64() * 1e3,
        );
        rates.push(busy.per_second);
        // Whoever comes next leads.
        server.stop_token().cancel();
        server.run(TcpListener::bind("127.0.0.1:0").await.unwrap()).await.unwrap();
    }
    println!("  ratio {:.1}", rates[1] / rates[0]);
}
