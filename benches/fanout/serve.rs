//! The servers: ours, stock async-graphql, and a plain broadcast.

use std::{
    io::{BufRead, stdin},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_graphql::{EmptyMutation, Object, SimpleObject, Subscription};
use axum::{
    Router,
    extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    response::Response,
    routing::get,
};
use futures_util::Stream;
use metrics_exporter_prometheus::PrometheusBuilder;
use rankedhonor::{
    app::Server,
    config::{Config, Settings},
    entities::matches,
    game::ids::MatchId,
    services::{now, timelines::NewEvent},
};
use sea_orm::EntityTrait;
use tokio::{
    net::TcpListener,
    sync::{broadcast, mpsc},
};

use crate::support;

/// What an event tells besides its place and its time.
const FILLER: usize = 120;
const LARGE: usize = 7_000;

/// Commands as they come.
pub fn commands() -> mpsc::UnboundedReceiver<String> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            if tell.send(line.unwrap()).is_err() {
                return;
            }
        }
        std::process::exit(0);
    });
    told
}

fn event(sequence: i32, filler: usize) -> NewEvent {
    let data = serde_json::json!({ "filler": "x".repeat(filler) });
    let kind = "OBJECTIVE".into();
    NewEvent { sequence, kind, at_ms: sequence, actor: None, target: None, data: Some(data) }
}

pub fn run(kind: &str, dir: Option<&str>) {
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    match kind {
        "ours" => runtime.block_on(ours(Path::new(dir.unwrap()))),
        "stock" => runtime.block_on(stock()),
        _ => runtime.block_on(raw()),
    }
}

async fn ours(dir: &Path) {
    let env = |name: &str| match name {
        "RANKEDHONOR_DATA_DIR" => Some(dir.to_str().unwrap().to_owned()),
        _ => None,
    };
    let mut settings = Settings::default();
    // Whoever comes back comes back at once.
    settings.limits.socket.handshakes_per_second = 1_000_000;
    let config = Config { settings, ..Config::load(env).unwrap() };
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _ = metrics::set_global_recorder(recorder);
    let server = Server::start(config, metrics).await.unwrap();
    let services = server.services().clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    tokio::spawn(server.run(listener));
    let url = format!("sqlite://{}", dir.join("rankedhonor.db").display());
    let db = sea_orm::Database::connect(url).await.unwrap();
    let known = matches::Entity::find().one(&db).await.unwrap();
    let id = match known {
        Some(row) => row.id,
        None => support::matches_in_progress(&db, &services, 1).await[0],
    };
    println!("{id}");
    let told = rankedhonor::entities::match_events::last_position(&db, id).await.unwrap();
    let mut sequence = i32::try_from(told).unwrap();
    let mut waiting: Vec<MatchId> = Vec::new();
    let mut commands = commands();
    while let Some(command) = commands.recv().await {
        match command.split_once(' ').unwrap_or((&command, "")) {
            (what @ ("publish" | "large"), _) => {
                let filler = if what == "large" { LARGE } else { FILLER };
                services.matches.record(id, vec![event(sequence, filler)]).await.unwrap();
                sequence += 1;
                println!("published");
            }
            ("matches", count) => {
                let count = count.parse().unwrap();
                waiting = support::matches_in_progress(&db, &services, count).await;
                println!("made");
            }
            ("report", rate) => {
                let pause = Duration::from_secs(1) / rate.parse::<u32>().unwrap();
                let mut beat = tokio::time::interval(pause);
                let mut running = Vec::new();
                for id in waiting.drain(..) {
                    beat.tick().await;
                    let services = services.clone();
                    running.push(tokio::spawn(async move {
                        services.matches.report(id, support::result(), None).await.unwrap();
                    }));
                }
                for one in running {
                    one.await.unwrap();
                }
                println!("reported");
            }
            _ => panic!("{command}"),
        }
    }
}

#[derive(Clone, SimpleObject)]
#[graphql(rename_fields = "camelCase")]
struct MatchEvent {
    cursor: String,
    kind: String,
    at_ms: i32,
    data: async_graphql::Json<serde_json::Value>,
    recorded_at: String,
}

impl MatchEvent {
    fn new(sequence: i32) -> Self {
        let now = chrono::DateTime::from_timestamp_millis(now().0).unwrap();
        Self {
            cursor: "bGluZToxMjM0NTY3".into(),
            kind: "OBJECTIVE".into(),
            at_ms: sequence,
            data: async_graphql::Json(serde_json::json!({ "filler": "x".repeat(FILLER) })),
            recorded_at: now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        }
    }
}

/// Whoever asks, and what is told.
#[derive(Clone)]
struct Told<T>(broadcast::Sender<T>, Arc<std::sync::Mutex<T>>);

struct Query;

#[Object]
impl Query {
    async fn nothing(&self) -> i32 {
        0
    }
}

struct Events(Told<MatchEvent>);

#[Subscription]
impl Events {
    async fn match_events(
        &self,
        #[graphql(name = "matchId")] _match_id: async_graphql::ID,
        #[graphql(name = "after")] _after: Option<String>,
    ) -> impl Stream<Item = MatchEvent> {
        let mut told = self.0.0.subscribe();
        let first = self.0.1.lock().unwrap().clone();
        async_stream::stream! {
            yield first;
            while let Ok(event) = told.recv().await {
                yield event;
            }
        }
    }
}

async fn publish<T: Clone>(told: Told<T>, make: impl Fn(i32) -> T) {
    let sequence = AtomicI32::new(0);
    let mut commands = commands();
    while commands.recv().await.is_some() {
        let event = make(sequence.fetch_add(1, Relaxed));
        *told.1.lock().unwrap() = event.clone();
        let _ = told.0.send(event);
        println!("published");
    }
}

async fn serve(router: Router) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}\nstock", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
}

async fn stock() {
    let told = Told(broadcast::channel(1024).0, Arc::new(MatchEvent::new(0).into()));
    let schema = async_graphql::Schema::build(Query, EmptyMutation, Events(told.clone())).finish();
    let service = async_graphql_axum::GraphQLSubscription::new(schema);
    serve(Router::new().route_service("/graphql", service)).await;
    publish(told, MatchEvent::new).await;
}

fn frame(sequence: i32) -> Utf8Bytes {
    let event = MatchEvent::new(sequence);
    let payload = serde_json::json!({
        "cursor": event.cursor, "kind": event.kind, "atMs": event.at_ms,
        "data": event.data.0, "recordedAt": event.recorded_at,
    });
    format!(
        "{{\"id\":\"1\",\"type\":\"next\",\"payload\":{{\"data\":{{\"matchEvents\":{payload}}}}}}}"
    )
    .into()
}

async fn raw() {
    let told = Told(broadcast::channel(1024).0, Arc::new(frame(0).into()));
    let handed = told.clone();
    let handler = move |upgrade: WebSocketUpgrade| async move {
        let upgrade = upgrade.protocols(["graphql-transport-ws"]);
        let upgrade = upgrade.read_buffer_size(4096).write_buffer_size(0);
        let response: Response = upgrade.on_upgrade(move |socket| forward(socket, handed));
        response
    };
    serve(Router::new().route("/graphql", get(handler))).await;
    publish(told, frame).await;
}

async fn forward(mut socket: WebSocket, told: Told<Utf8Bytes>) {
    // The greeting, and what is asked for.
    let _ = socket.recv().await;
    let _ = socket.send(Message::Text("{\"type\":\"connection_ack\"}".into())).await;
    let _ = socket.recv().await;
    let mut events = told.0.subscribe();
    let first = told.1.lock().unwrap().clone();
    let _ = socket.send(Message::Text(first)).await;
    while let Ok(text) = events.recv().await {
        if socket.send(Message::Text(text)).await.is_err() {
            return;
        }
    }
}
