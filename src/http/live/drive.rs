//! Runs the executions that channels tell of.

use std::{net::Ipv4Addr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use async_graphql::{Request, Response, Value};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, interval, sleep_until, timeout};
use uuid::Uuid;

use super::{
    Channels, Live,
    channel::{Channel, End, Fetch, Item},
};
use crate::{
    error::Error,
    game::accounts::Viewer,
    http::front::outcome::{Refusal, polish},
    resolvers::{
        self, Peer, RequestMeta, Schema,
        watching::{Begin, Nature, Note, Progress},
    },
};

/// How long an execution goes on when nobody follows it: long enough for everybody to come back after their connections
/// broke.
const LINGER: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(2);
/// Between two times that everybody is told, at least this for each of them, which is somewhat more than it takes to write
/// to one: what comes meanwhile is written together. The first after a silence is told at once.
const PAUSE_EACH: Duration = Duration::from_micros(20);
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// How long fetching may take.
const FETCH: Duration = Duration::from_secs(10);

/// An execution in nobody's name: it sees what everybody sees.
struct Execution {
    schema: Schema,
    request: Request,
    progress: Arc<Progress>,
    request_id: Arc<str>,
    /// What it may cost, which is the same for all: it stands in the answer that is written once for them.
    cost: usize,
}

impl Execution {
    fn new(
        live: &Live,
        channel: &Channel,
        begin: Option<i64>,
        hear: impl Fn(Note) + Send + Sync + 'static,
    ) -> Self {
        let request_id: Arc<str> = Uuid::now_v7().to_string().into();
        let peer = Peer { address: Ipv4Addr::UNSPECIFIED.into(), is_local: false };
        let meta =
            RequestMeta { request_id: request_id.clone(), peer, user_agent: None, cookie: None };
        let progress = Progress::new(begin, hear);
        let request = channel.operation.request();
        let request = resolvers::prepare(request, &live.services, Viewer::Anonymous, meta);
        let request = request.data(progress.clone());
        let cost = channel.operation.cost;
        Self { schema: live.schema.clone(), request, progress, request_id, cost }
    }

    /// An answer as it is sent; or the errors that end everything.
    fn show(&self, mut answer: Response) -> Result<String, Arc<str>> {
        polish(&mut answer, &self.request_id);
        if answer.is_err() && answer.data == Value::Null {
            return Err(serde_json::to_string(&answer.errors).unwrap_or_default().into());
        }
        let answer = answer.extension("cost", self.cost.into());
        Ok(serde_json::to_string(&answer).unwrap_or_default())
    }
}

/// Begins a channel's execution.
pub fn open(live: &Live, channel: &Arc<Channel>, begin: Begin) {
    let behind = match begin {
        Begin::Now => None,
        Begin::Behind(place) => Some(place),
    };
    let hearing = Arc::downgrade(channel);
    let execution = Execution::new(live, channel, behind, move |note| {
        if let Some(channel) = hearing.upgrade() {
            channel.heard(note);
        }
    });
    let (channel, channels) = (channel.clone(), live.channels.clone());
    let shared = live.shared.clone();
    tokio::spawn(async move {
        let ran = AssertUnwindSafe(follow(execution, &channel, &shared)).catch_unwind().await;
        let end = ran.unwrap_or_else(|_| {
            tracing::error!("a shared execution panicked");
            let refusal = Refusal::from_error(&Error::internal("panic"));
            Some(End::Error(serde_json::to_string(&refusal.errors).unwrap_or_default().into()))
        });
        // Whoever comes now begins anew.
        forget(&channels, &channel);
        if let Some(end) = end {
            channel.end(end).await;
        }
    });
}

fn forget(channels: &Channels, channel: &Arc<Channel>) {
    let mut channels = channels.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if channels.get(&channel.key).is_some_and(|found| Arc::ptr_eq(found, channel)) {
        channels.remove(&channel.key);
    }
}

/// Hands on every answer; how it ended, unless nobody was there any more. Answers that come close together are told of
/// together: each follower is woken once and writes them all.
async fn follow(
    mut execution: Execution,
    channel: &Arc<Channel>,
    shared: &metrics::Counter,
) -> Option<End> {
    let request = std::mem::replace(&mut execution.request, Request::new(""));
    let mut answers = execution.schema.execute_stream(request);
    let mut look = interval(LOOK);
    let (mut told, mut pause) = (Instant::now(), Duration::ZERO);
    let mut untold = false;
    loop {
        let answer = tokio::select! {
            biased;
            () = sleep_until(told + pause), if untold => {
                told = Instant::now();
                channel.wake_all().await;
                untold = false;
                continue;
            }
            answer = answers.next() => answer,
            _ = look.tick() => {
                if channel.end_if_idle(LINGER) {
                    return None;
                }
                continue;
            }
        };
        let Some(answer) = answer else { return Some(End::Complete) };
        match execution.show(answer) {
            Ok(payload) => {
                let followers = channel.push(payload, execution.progress.latest());
                shared.increment(followers as u64);
                pause = PAUSE_EACH.saturating_mul(u32::try_from(followers).unwrap_or(u32::MAX));
                pause = pause.min(PAUSE_MAX);
                untold = true;
            }
            Err(errors) => return Some(End::Error(errors)),
        }
    }
}

/// Fetches what is missing in a channel, for everybody who waits for it.
pub fn fetch(live: &Live, channel: &Arc<Channel>, fetch: Fetch) {
    let (done, finished) = tokio::sync::oneshot::channel();
    let done = std::sync::Mutex::new(Some(done));
    let behind = (channel.nature == Nature::Log).then_some(fetch.behind);
    let execution = Execution::new(live, channel, behind, move |note| {
        if note == Note::CaughtUp
            && let Ok(mut done) = done.lock()
            && let Some(done) = done.take()
        {
            // An error means that all was found before that.
            let _ = done.send(());
        }
    });
    let channel = channel.clone();
    tokio::spawn(async move {
        let found = AssertUnwindSafe(collect(execution, finished, (&channel, fetch)));
        let found = timeout(FETCH, found.catch_unwind()).await;
        channel.fetched(fetch, found.ok().and_then(Result::ok).flatten());
    });
}

/// What an execution tells before it has caught up; of a log what is behind its place and not known yet. None where that
/// fails, or is too much.
async fn collect(
    mut execution: Execution,
    mut finished: tokio::sync::oneshot::Receiver<()>,
    (channel, fetch): (&Channel, Fetch),
) -> Option<Vec<Item>> {
    let request = std::mem::replace(&mut execution.request, Request::new(""));
    let mut answers = execution.schema.execute_stream(request);
    let mut room = channel.room();
    let mut found = Vec::new();
    loop {
        let answer = tokio::select! {
            biased;
            answer = answers.next() => answer,
            caught_up = &mut finished => {
                caught_up.ok()?;
                return Some(found);
            }
        };
        let Some(answer) = answer else { return Some(found) };
        let payload = execution.show(answer).ok()?;
        let latest = execution.progress.latest();
        if channel.nature == Nature::Log && latest.place > fetch.until {
            return Some(found);
        }
        room = room.checked_sub(payload.len() + size_of::<Item>())?;
        found.push(Item { payload: payload.into(), latest });
    }
}
