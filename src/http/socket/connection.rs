//! One socket: a reader that keeps the protocol, an operation each in a task of its own, and a writer behind a bounded queue.

use std::{collections::HashMap, time::Duration};

use apollo_compiler::executable::OperationType;
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::{
    sync::{broadcast::error::RecvError, mpsc, oneshot},
    task::AbortHandle,
    time::{Instant, timeout},
};

use super::{
    protocol::{self, Ending, Said},
    writer::Writer,
};
use crate::{
    config::SocketLimits,
    error::{Error, Result},
    game::{accounts::Viewer, ids::SessionId},
    http::{
        App, auth,
        front::outcome::{Refusal, polish},
        graphql::{Caller, execute, from_json},
    },
    resolvers::{self, RequestMeta},
    services::{now, presence::Connected},
};

/// The stretch of time that messages are counted in.
const COUNTED: Duration = Duration::from_secs(20);
/// The longest id of an operation.
const ID_MAX: usize = 128;

/// Runs a socket to its end.
pub async fn run(app: App, socket: WebSocket, viewer: Result<Viewer>, meta: RequestMeta) {
    metrics::gauge!("rankedhonor_sockets").increment(1.0);
    let limits = app.services.config.settings.limits.socket.clone();
    let (sink, stream) = socket.split();
    let (out, queue) = mpsc::channel(limits.queue);
    let (fail, failed) = mpsc::channel(1);
    let (ended, endings) = mpsc::channel(limits.operations.max(1));
    let (end, last) = oneshot::channel();
    let patience = Duration::from_millis(limits.write_timeout_ms);
    let writer = tokio::spawn(Writer::new(sink, patience).run(queue, last));
    let mut connection = Connection {
        opened: Instant::now(),
        heard: Instant::now(),
        counted_since: Instant::now(),
        counted: 0,
        viewer: None,
        present: None,
        running: HashMap::new(),
        begun: 0,
        out,
        fail,
        ended,
        app,
        meta,
        limits,
        header: Some(viewer),
    };
    let ending = connection.serve(stream, failed, endings).await;
    for (_, (_, operation)) in connection.running.drain() {
        operation.abort();
    }
    match ending {
        // An error means that the writer is gone, and the peer with it.
        Some(ending) => drop(end.send(ending)),
        None => drop(end),
    }
    drop(connection);
    let abort = writer.abort_handle();
    if timeout(patience, writer).await.is_err() {
        abort.abort();
    }
    metrics::gauge!("rankedhonor_sockets").decrement(1.0);
}

struct Connection {
    app: App,
    meta: RequestMeta,
    limits: SocketLimits,
    opened: Instant,
    /// When the peer last said anything.
    heard: Instant,
    counted_since: Instant,
    counted: u32,
    /// What the upgrade's header proved, until the greeting.
    header: Option<Result<Viewer>>,
    /// Who it is; none before the greeting.
    viewer: Option<Viewer>,
    present: Option<Connected>,
    /// What runs, each with the number that tells it from an earlier operation of the same id.
    running: HashMap<String, (u64, AbortHandle)>,
    begun: u64,
    out: mpsc::Sender<Message>,
    /// Tells that an operation could not keep up.
    fail: mpsc::Sender<()>,
    /// Tells which operations are over.
    ended: mpsc::Sender<(String, u64)>,
}

impl Connection {
    /// Reads until the socket is to end; none when the peer ended it.
    async fn serve(
        &mut self,
        mut stream: futures_util::stream::SplitStream<WebSocket>,
        mut failed: mpsc::Receiver<()>,
        mut endings: mpsc::Receiver<(String, u64)>,
    ) -> Option<Ending> {
        let mut sessions = self.app.services.accounts.ended_sessions();
        let draining = self.app.draining.clone();
        let mut beat = tokio::time::interval(Duration::from_millis(self.limits.ping_ms));
        beat.tick().await;
        loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => return Some(Ending::GoingAway),
                _ = failed.recv() => return Some(Ending::TooSlow),
                session = sessions.recv() => {
                    if self.is_over(&session) {
                        return Some(Ending::Forbidden("the session has ended"));
                    }
                }
                () = tokio::time::sleep_until(self.deadline()) => {
                    return Some(if self.viewer.is_none() { Ending::InitTimeout } else { Ending::Expired });
                }
                Some((id, number)) = endings.recv() => {
                    if self.running.get(&id).is_some_and(|(running, _)| *running == number) {
                        self.running.remove(&id);
                    }
                }
                _ = beat.tick() => {
                    if self.heard.elapsed() > Duration::from_millis(self.limits.ping_ms * 2) {
                        return Some(Ending::Silent);
                    }
                    if self.out.try_send(Message::Ping(Vec::new().into())).is_err() {
                        return Some(Ending::TooSlow);
                    }
                }
                message = stream.next() => {
                    // A frame that is too large, or none at all, ends the reading.
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(_)) => return Some(Ending::Invalid("the message is too large or malformed")),
                        None => return None,
                    };
                    self.heard = Instant::now();
                    let text = match message {
                        Message::Text(text) => text,
                        Message::Binary(_) => return Some(Ending::Invalid("messages are text")),
                        Message::Close(_) => return None,
                        Message::Ping(_) | Message::Pong(_) => continue,
                    };
                    if let Err(ending) = self.hear(&text).await {
                        return Some(ending);
                    }
                }
            }
        }
    }

    /// When something is to happen by itself: the greeting is overdue, or the access token runs out.
    fn deadline(&self) -> Instant {
        match &self.viewer {
            None => self.opened + Duration::from_millis(self.limits.init_timeout_ms),
            Some(Viewer::User(who)) => {
                let ms = who.expires_at.since(now()).max(0).unsigned_abs();
                Instant::now() + Duration::from_millis(ms)
            }
            Some(Viewer::Anonymous | Viewer::Server(_)) => {
                Instant::now() + Duration::from_secs(3600)
            }
        }
    }

    fn is_over(&self, heard: &std::result::Result<SessionId, RecvError>) -> bool {
        let Some(who) = self.viewer.as_ref().and_then(Viewer::signed_in) else { return false };
        match heard {
            Ok(session) => *session == who.session,
            Err(_) => self.app.services.accounts.has_ended(who.session),
        }
    }

    async fn hear(&mut self, text: &str) -> std::result::Result<(), Ending> {
        if self.counted_since.elapsed() > COUNTED {
            self.counted_since = Instant::now();
            self.counted = 0;
        }
        self.counted += 1;
        if self.counted > self.limits.messages_per_20s {
            return Err(Ending::TooMany("too many messages"));
        }
        let said: Said =
            serde_json::from_str(text).map_err(|_| Ending::Invalid("Invalid message received"))?;
        match said {
            Said::ConnectionInit { payload } => self.greet(payload).await,
            Said::Ping {} => self.send(protocol::pong()),
            Said::Pong {} => Ok(()),
            Said::Subscribe { id, payload } => self.subscribe(id, payload),
            Said::Complete { id } => {
                if let Some((_, operation)) = self.running.remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
        }
    }

    async fn greet(
        &mut self,
        payload: Option<serde_json::Map<String, Value>>,
    ) -> std::result::Result<(), Ending> {
        let Some(header) = self.header.take() else { return Err(Ending::SecondInit) };
        let token = payload.as_ref().and_then(|payload| {
            payload
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case("authorization"))
                .map(|(_, value)| value)
        });
        let viewer = match token {
            None | Some(Value::Null) => header,
            Some(Value::String(token)) => auth::bearer(&self.app.services, token).await,
            Some(_) => return Err(Ending::Forbidden("Forbidden")),
        };
        let viewer = viewer.map_err(|_| Ending::Forbidden("Forbidden"))?;
        if let Some(user) = viewer.user_id() {
            let present = self.app.services.presence.connect(user, self.limits.per_user);
            self.present =
                Some(present.ok_or(Ending::TooMany("too many sockets of this account"))?);
        }
        self.viewer = Some(viewer);
        // The session may have ended between the check and the listening.
        if self.is_over(&Err(RecvError::Lagged(0))) {
            return Err(Ending::Forbidden("the session has ended"));
        }
        self.send(protocol::ack())
    }

    fn send(&self, message: Message) -> std::result::Result<(), Ending> {
        self.out.try_send(message).map_err(|_| Ending::TooSlow)
    }

    fn subscribe(&mut self, id: String, payload: Value) -> std::result::Result<(), Ending> {
        let Some(viewer) = self.viewer.clone() else { return Err(Ending::Unauthorized) };
        if id.is_empty() || id.len() > ID_MAX {
            return Err(Ending::Invalid("an id has 1 to 128 characters"));
        }
        if self.running.contains_key(&id) {
            return Err(Ending::DuplicateId(id));
        }
        if !payload.get("query").is_some_and(Value::is_string) {
            return Err(Ending::Invalid("Invalid message received"));
        }
        if self.running.len() >= self.limits.operations {
            let most = self.limits.operations;
            let refusal = Refusal::too_complex(format!("a socket runs {most} operations at once"));
            return self.send(protocol::error(&id, &refusal.errors));
        }
        let operation = Operation {
            caller: Caller { viewer, meta: self.meta.clone() },
            app: self.app.clone(),
            out: self.out.clone(),
            id: id.clone(),
        };
        self.begun += 1;
        let (number, fail, ended) = (self.begun, self.fail.clone(), self.ended.clone());
        let key = id.clone();
        let task = tokio::spawn(async move {
            let last = operation.run(payload).await;
            // The id is free before the client hears that it is.
            let _ = ended.send((operation.id.clone(), number)).await;
            if last.and_then(|last| operation.send(last)).is_err() {
                let _ = fail.try_send(());
            }
        });
        self.running.insert(key, (number, task.abort_handle()));
        Ok(())
    }
}

/// The peer reads more slowly than it is told.
struct TooSlow;

/// One operation on a socket.
struct Operation {
    app: App,
    caller: Caller,
    out: mpsc::Sender<Message>,
    id: String,
}

impl Operation {
    /// Runs to the last message, which is not sent yet.
    async fn run(&self, payload: Value) -> std::result::Result<Message, TooSlow> {
        let admitted = from_json(payload)
            .and_then(|operation| self.app.front.admit(operation, &self.caller.viewer));
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return Ok(protocol::error(&self.id, &refusal.errors)),
        };
        if let Err(error) = self.take().await {
            return Ok(protocol::error(&self.id, &Refusal::from_error(&error).errors));
        }
        if admitted.kind == OperationType::Subscription {
            return self.stream(admitted.request).await;
        }
        match execute(&self.app, &self.caller, admitted.request).await {
            Ok(mut answer) => {
                polish(&mut answer, &self.caller.meta.request_id);
                self.send(protocol::next(&self.id, &answer))?;
                Ok(protocol::complete(&self.id))
            }
            Err(error) => Ok(protocol::error(&self.id, &Refusal::from_error(&error).errors)),
        }
    }

    async fn stream(
        &self,
        request: async_graphql::Request,
    ) -> std::result::Result<Message, TooSlow> {
        let _counted = Counted::new();
        let (viewer, meta) = (self.caller.viewer.clone(), self.caller.meta.clone());
        let request = resolvers::prepare(request, &self.app.services, viewer, meta);
        let mut answers = self.app.schema.execute_stream(request);
        while let Some(mut answer) = answers.next().await {
            polish(&mut answer, &self.caller.meta.request_id);
            // A stream that cannot begin, or go on, says so with errors alone.
            if answer.is_err() && answer.data == async_graphql::Value::Null {
                return Ok(protocol::error(&self.id, &answer.errors));
            }
            self.send(protocol::next(&self.id, &answer))?;
        }
        Ok(protocol::complete(&self.id))
    }

    /// Operations count against the account, however they come.
    async fn take(&self) -> Result<(), Error> {
        let limits = &self.app.services.config.settings.limits;
        match self.caller.viewer.user_id() {
            Some(user) => {
                self.app.services.take(&format!("user:{user}"), limits.user_per_minute).await
            }
            None => Ok(()),
        }
    }

    fn send(&self, message: Message) -> std::result::Result<(), TooSlow> {
        self.out.try_send(message).map_err(|_| TooSlow)
    }
}

/// Counts a running subscription.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("rankedhonor_subscriptions").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("rankedhonor_subscriptions").decrement(1.0);
    }
}
