//! Bots that play through the public API of a real server: they sign up, queue, accept, play and queue again.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rand::RngExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::line::{Answer, Caller, Heard, Line};
use crate::error::{Error, Result};

/// How long a bot's match takes, and how long it rests, in milliseconds, from and to.
const PLAYS_MS: (u64, u64) = (1_000, 4_000);
const RESTS_MS: (u64, u64) = (100, 1_500);
/// How often the referee looks whether a match can start, and how long.
const LOOKS: Duration = Duration::from_millis(200);
const LOOKS_MAX: u32 = 300;
/// How often the server is asked again where it has no time for something that must not be lost, and the first pause.
const INSISTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);
/// Bots that sign up at once.
const SIGN_UPS: usize = 8;

const REGISTER: &str =
    "mutation($input: RegisterInput!) { register(input: $input) { accessToken user { id } } }";
const JOIN: &str = "mutation($mode: ModeId!) { joinQueue(input: {mode: $mode}) { ticket { id } } }";
const LEAVE: &str = "mutation { leaveQueue { ticket { id } } }";
const STATUS: &str = "subscription { queueStatus { waitedSeconds match { id status } } }";
const RANKS: &str = "subscription($ids: [ID!]) { rankChanged(userIds: $ids) { match { id } } }";
const ACCEPT: &str = "mutation($id: ID!) { respondToReadyCheck(input: {matchId: $id, accept: true}) { match { status } } }";
const MATCH: &str = "query($id: ID!) { match(id: $id) { status teams { index } } }";
const START: &str = "mutation($id: ID!) { startMatch(input: {matchId: $id}) { match { status } } }";
const REPORT: &str = "mutation($input: ReportMatchResultInput!) { reportMatchResult(input: $input) { match { status } } }";

/// Who plays where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server is, such as `http://127.0.0.1:8080`.
    pub url: String,
    /// With which the results are reported.
    pub server_key: String,
    /// Which mode.
    pub mode: String,
    /// How many bots.
    pub players: u32,
    /// For how long.
    pub time: Duration,
}

/// What has happened so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Bots that have signed up.
    pub players: usize,
    /// Matches whose result was accepted.
    pub matches: usize,
    /// Calls and sockets that failed, by what failed and why.
    pub errors: BTreeMap<String, usize>,
    /// By call, in milliseconds.
    latencies: BTreeMap<&'static str, Vec<f64>>,
    waits_ms: Vec<f64>,
    events_ms: Vec<f64>,
    reported: HashMap<String, Instant>,
}

impl Tally {
    /// The figures, each by its name.
    pub fn figures(&self) -> Value {
        let mut figures = serde_json::Map::new();
        figures.insert("players".into(), self.players.into());
        figures.insert("matches".into(), self.matches.into());
        figures.insert("errors".into(), self.errors.values().sum::<usize>().into());
        let quantiles =
            |figures: &mut serde_json::Map<_, _>, name: &str, values: &[f64], by: f64| {
                let mut values = values.to_vec();
                values.sort_by(f64::total_cmp);
                for (part, of) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
                    let at = (values.len().saturating_sub(1) as f64 * of).round() as usize;
                    let value = values.get(at).map(|value| (value / by * 1000.0).round() / 1000.0);
                    figures.insert(format!("{name}_{part}"), value.into());
                }
            };
        quantiles(&mut figures, "wait_s", &self.waits_ms, 1000.0);
        quantiles(&mut figures, "event_ms", &self.events_ms, 1.0);
        for (call, took) in &self.latencies {
            quantiles(&mut figures, &format!("{call}_ms"), took, 1.0);
        }
        Value::Object(figures)
    }
}

struct World {
    plan: Plan,
    until: Instant,
    tally: Mutex<Tally>,
    found: mpsc::UnboundedSender<String>,
}

impl World {
    fn tally<T>(&self, change: impl FnOnce(&mut Tally) -> T) -> T {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    fn failed(&self, what: &str, why: &str) {
        self.tally(|tally| *tally.errors.entry(format!("{what}: {why}")).or_default() += 1);
    }

    /// Calls and takes the time; none when it was refused, which counts as an error unless the server says when to come
    /// back: then it is waited for.
    async fn call(
        &self,
        caller: &Caller,
        call: (&'static str, &str),
        variables: Value,
    ) -> Option<Value> {
        match self.attempt(caller, call, variables).await {
            Ok(data) => Some(data),
            Err(Miss { wait: Some(wait), .. }) => {
                tokio::time::sleep(wait.min(self.until.saturating_duration_since(Instant::now())))
                    .await;
                None
            }
            Err(Miss { why, .. }) => {
                self.failed(call.0, &why);
                None
            }
        }
    }

    /// Calls again while the server cannot be reached or has no time, as game servers have to: what they tell counts once,
    /// however often they do.
    async fn insist(
        &self,
        caller: &Caller,
        call: (&'static str, &str),
        variables: Value,
    ) -> Option<Value> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(caller, call, variables.clone()).await {
                Ok(data) => return Some(data),
                Err(miss) if miss.passes && tries < INSISTS => {
                    tokio::time::sleep(miss.wait.unwrap_or(PAUSE * tries)).await;
                }
                Err(miss) => {
                    self.failed(call.0, &miss.why);
                    return None;
                }
            }
        }
    }

    async fn attempt(
        &self,
        caller: &Caller,
        (name, query): (&'static str, &str),
        variables: Value,
    ) -> Result<Value, Miss> {
        let began = Instant::now();
        match caller.call(query, variables).await {
            Ok(Answer::Data(data)) => {
                let took = began.elapsed().as_secs_f64() * 1000.0;
                self.tally(|tally| tally.latencies.entry(name).or_default().push(took));
                Ok(data)
            }
            Ok(Answer::Refused { code, message, retry_after: wait }) => {
                let passes = wait.is_some() || code == "SERVICE_UNAVAILABLE";
                Err(Miss { why: format!("{code}: {message}"), wait, passes })
            }
            Err(error) => Err(Miss { why: error.to_string(), wait: None, passes: true }),
        }
    }
}

/// Why a call did not do what it should.
struct Miss {
    why: String,
    /// When to come back, where the server says so.
    wait: Option<Duration>,
    /// Whether the same may be done a moment later.
    passes: bool,
}

fn between((from, to): (u64, u64)) -> Duration {
    Duration::from_millis(rand::rng().random_range(from..to))
}

/// Lets bots play; `progress` is shown the tally once a second.
///
/// # Errors
/// When the server cannot be reached at all, or no bot could sign up.
pub async fn run(plan: Plan, progress: impl Fn(&Tally)) -> Result<Tally> {
    let anonymous = Caller::new(&plan.url)?;
    let server = anonymous.with(&plan.server_key);
    // What is wrong with the address, or the mode, is said at once.
    let known = anonymous.call("{ modes { id } }", json!({})).await?;
    let Answer::Data(known) = known else {
        return Err(Error::bad_input("--url", "this is no such server"));
    };
    let is_there = |mode: &Value| mode["id"] == plan.mode.as_str();
    if !known["modes"].as_array().is_some_and(|modes| modes.iter().any(is_there)) {
        return Err(Error::bad_input("--mode", "the server has no such mode"));
    }
    let (found, matches) = mpsc::unbounded_channel();
    let until = Instant::now() + plan.time;
    let world = Arc::new(World { plan, until, tally: Mutex::default(), found });
    let tasks = TaskTracker::new();
    tasks.spawn(referee(world.clone(), server, matches));
    let sign_ups = Arc::new(tokio::sync::Semaphore::new(SIGN_UPS));
    let run: u32 = rand::random_range(0..1_000_000);
    for number in 0..world.plan.players {
        let (world, anonymous, sign_ups) = (world.clone(), anonymous.clone(), sign_ups.clone());
        tasks.spawn(async move {
            let turn = sign_ups.acquire().await;
            let signed_up = sign_up(&world, &anonymous, &format!("bot_{run}_{number}")).await;
            drop(turn);
            if let Some((caller, id)) = signed_up {
                while !world.is_over() {
                    play(&world, &caller, &id).await;
                }
                let _ = caller.call(LEAVE, json!({})).await;
            }
        });
    }
    tasks.close();
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            () = tasks.wait() => break,
            _ = beat.tick() => world.tally(|tally| progress(tally)),
        }
    }
    let tally = world.tally(|tally| tally.clone());
    if tally.players == 0 {
        let why = tally.errors.keys().next().map_or("nobody could sign up", String::as_str);
        return Err(Error::internal(why.to_owned()));
    }
    Ok(tally)
}

async fn sign_up(world: &World, anonymous: &Caller, name: &str) -> Option<(Caller, String)> {
    let password: String =
        (0..20).map(|_| rand::rng().sample(rand::distr::Alphanumeric) as char).collect();
    let input =
        json!({"username": name, "email": format!("{name}@bots.invalid"), "password": password});
    while !world.is_over() {
        let variables = json!({"input": input});
        let Some(data) = world.call(anonymous, ("register", REGISTER), variables).await else {
            tokio::time::sleep(between(RESTS_MS)).await;
            continue;
        };
        let data = &data["register"];
        world.tally(|tally| tally.players += 1);
        let caller = anonymous.with(data["accessToken"].as_str()?);
        return Some((caller, data["user"]["id"].as_str()?.to_owned()));
    }
    None
}

/// Plays on one socket until it breaks or time is up.
async fn play(world: &World, caller: &Caller, id: &str) {
    let line = match caller.line().await {
        Ok(line) => line,
        Err(error) => {
            world.failed("socket", &error.to_string());
            return tokio::time::sleep(between(RESTS_MS)).await;
        }
    };
    let mut ranks = line.listen(RANKS, &json!({"ids": [id]}));
    while !world.is_over() {
        if world.call(caller, ("join", JOIN), json!({"mode": world.plan.mode})).await.is_some() {
            let Some(found) = matched(world, caller, &line).await else { return };
            let _ = world.found.send(found.clone());
            if !finished(world, &mut ranks, &found).await {
                return;
            }
        }
        tokio::time::sleep(between(RESTS_MS)).await;
    }
}

/// Waits for a match, and accepts it; none when the socket broke or time is up.
async fn matched(world: &World, caller: &Caller, line: &Line) -> Option<String> {
    let mut status = line.listen(STATUS, &json!({}));
    let (began, mut accepted) = (Instant::now(), String::new());
    loop {
        let told = tokio::time::timeout(
            world.until.saturating_duration_since(Instant::now()),
            status.next(),
        );
        let Ok(told) = told.await else { return None };
        let Some(told) = told else {
            world.failed("socket", "closed while queued");
            return None;
        };
        let found = &told["queueStatus"]["match"];
        let Some(id) = found["id"].as_str() else { continue };
        match found["status"].as_str() {
            Some("READY_CHECK") if accepted != id => {
                accepted = id.to_owned();
                world.insist(caller, ("accept", ACCEPT), json!({"id": id})).await;
            }
            Some("PENDING" | "IN_PROGRESS" | "COMPLETED") => {
                let waited = began.elapsed().as_secs_f64() * 1000.0;
                world.tally(|tally| tally.waits_ms.push(waited));
                return Some(id.to_owned());
            }
            _ => {}
        }
    }
}

/// Waits until the match has changed the bot's rank; false when the socket broke or time is up.
async fn finished(world: &World, ranks: &mut Heard, found: &str) -> bool {
    // A match that began before time was up is played to its end.
    let patience = Duration::from_millis(PLAYS_MS.1) + LOOKS * LOOKS_MAX;
    let own = async {
        while let Some(told) = ranks.next().await {
            if told["rankChanged"]["match"]["id"] == found {
                return true;
            }
        }
        false
    };
    let Ok(told) = tokio::time::timeout(patience, own).await else {
        world.failed("rankChanged", "did not come");
        return false;
    };
    if told {
        world.tally(|tally| {
            if let Some(sent) = tally.reported.get(found) {
                tally.events_ms.push(sent.elapsed().as_secs_f64() * 1000.0);
            }
        });
    } else {
        world.failed("socket", "closed during a match");
    }
    told
}

/// Starts each match and reports who won it.
async fn referee(world: Arc<World>, server: Caller, mut matches: mpsc::UnboundedReceiver<String>) {
    let (mut seen, running) = (HashSet::new(), TaskTracker::new());
    let last = world.until + LOOKS * 10;
    while let Ok(Some(id)) = tokio::time::timeout_at(last.into(), matches.recv()).await {
        if seen.insert(id.clone()) {
            let (world, server) = (world.clone(), server.clone());
            running.spawn(async move { judge(&world, &server, id).await });
        }
    }
    running.close();
    running.wait().await;
}

async fn judge(world: &World, server: &Caller, id: String) {
    let mut teams = 0;
    for _ in 0..LOOKS_MAX {
        let Ok(Answer::Data(found)) = server.call(MATCH, json!({"id": id})).await else {
            tokio::time::sleep(LOOKS).await;
            continue;
        };
        match found["match"]["status"].as_str() {
            Some("PENDING") => {
                teams = found["match"]["teams"].as_array().map_or(0, Vec::len);
                break;
            }
            Some("READY_CHECK") => tokio::time::sleep(LOOKS).await,
            _ => return,
        }
    }
    if world.insist(server, ("start", START), json!({"id": id})).await.is_none() {
        return;
    }
    tokio::time::sleep(between(PLAYS_MS)).await;
    let winner = rand::rng().random_range(0..teams.max(1));
    let team =
        |index: usize| json!({"index": index, "placement": if index == winner { 1 } else { 2 }});
    let input = json!({"matchId": id, "teams": (0..teams).map(team).collect::<Vec<_>>()});
    world.tally(|tally| tally.reported.insert(id, Instant::now()));
    if world.insist(server, ("report", REPORT), json!({"input": input})).await.is_some() {
        world.tally(|tally| tally.matches += 1);
    }
}
