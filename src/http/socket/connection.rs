//! One socket: one task that reads what the peer says and writes what its operations have for it, whichever is possible.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::protocol::{self, Said};
use crate::{
    config::SocketLimits,
    error::Result,
    game::accounts::Viewer,
    http::{
        App, auth,
        front::{operation::from_json, outcome::Refusal},
        graphql::Caller,
        live::{
            connections::Seat,
            deliveries::{Deliveries, Out},
            dialect::Dialect,
            ending::Ending,
            link::{Link, Sent, Timing},
        },
        rates,
    },
    resolvers::{Peer, RequestMeta},
    services::presence::Connected,
};

/// The stretch of time that messages are counted in.
const COUNTED: Duration = Duration::from_secs(20);
/// The longest id of an operation.
const ID_MAX: usize = 128;
/// How long a peer may take to answer a close frame.
const FAREWELL: Duration = Duration::from_secs(2);
/// A token that ends sooner than this is looked at when it does; the others are looked at often enough anyway.
const SOON: Duration = Duration::from_secs(10);

/// What came with the upgrade.
pub struct Upgrade {
    pub dialect: Dialect,
    pub viewer: Result<Viewer>,
    pub meta: RequestMeta,
    pub seat: Seat,
}

/// Runs a socket to its end.
pub async fn run(app: App, socket: WebSocket, upgrade: Box<Upgrade>) {
    let Upgrade { dialect, viewer, meta, mut seat } = *upgrade;
    let limits = &app.services.config.settings.limits.socket;
    let stall = Duration::from_millis(limits.write_timeout_ms);
    let timing = Timing {
        init: Some(Duration::from_millis(limits.init_timeout_ms)),
        ping: Duration::from_millis(limits.ping_ms),
        stall,
        answers: true,
    };
    let link = Link::new(timing, limits.queue_bytes);
    seat.take(&link);
    let mut connection = Connection {
        deliveries: Deliveries::new(app.clone(), link.clone(), dialect),
        unflushed: false,
        socket,
        dialect,
        counted_since: Instant::now(),
        counted: 0,
        header: Some(viewer),
        caller: None,
        meta: Some(meta),
        present: None,
        link,
        app,
        _seat: seat,
    };
    let ending = connection.serve().await;
    // Whoever is told to go is not here any more, however long they take to say that they heard it.
    connection.present = None;
    let said = timeout(stall, Box::pin(connection.farewell(ending))).await;
    if said.is_ok_and(|said| said.is_some()) {
        // What the peer has sent meanwhile is read: left unread, it would break the connection before the peer hears why.
        let rest = async { while let Some(Ok(_)) = connection.socket.next().await {} };
        let _ = timeout(FAREWELL, Box::pin(rest)).await;
    }
}

/// What is next.
enum Step {
    /// The peer has said something, or is gone.
    Heard(Option<std::result::Result<Message, axum::Error>>),
    /// It ends.
    Ends(Option<Ending>),
}

struct Connection {
    app: App,
    socket: WebSocket,
    dialect: Dialect,
    link: Arc<Link>,
    deliveries: Deliveries,
    /// Whether some of what was written may still be here.
    unflushed: bool,
    counted_since: Instant,
    counted: u32,
    /// What the upgrade's header proved, until the greeting.
    header: Option<Result<Viewer>>,
    meta: Option<RequestMeta>,
    /// Who it is; none before the greeting.
    caller: Option<Caller>,
    present: Option<Connected>,
    _seat: Seat,
}

impl Connection {
    fn limits(&self) -> &SocketLimits {
        &self.app.services.config.settings.limits.socket
    }

    /// Reads and writes until the socket is to end; none when the peer ended it.
    async fn serve(&mut self) -> Option<Ending> {
        loop {
            let message = match std::future::poll_fn(|cx| self.step(cx)).await {
                Step::Ends(ending) => return ending,
                Step::Heard(None) => return None,
                // A frame that is too large, or none at all, ends the reading.
                Step::Heard(Some(Err(_))) => {
                    return Some(Ending::Invalid("the message is too large or malformed"));
                }
                Step::Heard(Some(Ok(message))) => message,
            };
            self.link.heard();
            let text = match message {
                Message::Text(text) => text,
                Message::Binary(_) => return Some(Ending::Invalid("messages are text")),
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) => {
                    if let Err(ending) = self.count() {
                        return Some(ending);
                    }
                    continue;
                }
            };
            // Kept apart, so that a socket that hears nothing does not hold what hearing takes.
            if let Err(ending) = Box::pin(self.hear(&text)).await {
                return Some(ending);
            }
        }
    }

    /// Writes what is worth writing, and why it ends; a peer that ended it gets its answer by being read to the end.
    async fn farewell(&mut self, ending: Option<Ending>) -> Option<()> {
        let Some(ending) = ending else { return Some(()) };
        if ending.flushes() {
            while let Out::Frame(text) = self.deliveries.next() {
                self.socket.send(Message::Text(text.into())).await.ok()?;
            }
        }
        self.deliveries.stop_all();
        let (code, reason) = ending.close();
        let frame = CloseFrame { code, reason: reason.into() };
        self.socket.send(Message::Close(Some(frame))).await.ok()
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.link.listen(cx);
        if let Some(ending) = self.link.ending() {
            return Poll::Ready(Step::Ends(Some(ending)));
        }
        if let Err(ending) = self.write(cx) {
            return Poll::Ready(Step::Ends(ending));
        }
        // Most wakes are for what is to be written: the peer is read when it has sent something.
        if !self.link.is_readable() {
            return Poll::Pending;
        }
        let waker = Waker::from(self.link.clone());
        let heard = self.socket.poll_next_unpin(&mut Context::from_waker(&waker));
        if heard.is_ready() {
            self.link.reads_again();
        }
        heard.map(Step::Heard)
    }

    /// Writes as much as the peer takes.
    fn write(&mut self, cx: &mut Context<'_>) -> std::result::Result<(), Option<Ending>> {
        loop {
            match self.socket.poll_ready_unpin(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Err(None),
                Poll::Pending => {
                    self.link.flows(false);
                    let lost = self.deliveries.is_lost();
                    return if lost { Err(Some(Ending::TooSlow)) } else { Ok(()) };
                }
            }
            let message = if self.link.takes_ping() {
                Message::Ping(Vec::new().into())
            } else {
                match self.deliveries.next() {
                    Out::Frame(text) => Message::Text(text.into()),
                    Out::Nothing => break,
                    Out::Lost => return Err(Some(Ending::TooSlow)),
                }
            };
            self.socket.start_send_unpin(message).map_err(|_| None)?;
            self.unflushed = true;
        }
        if self.unflushed {
            match self.socket.poll_flush_unpin(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(_)) => return Err(None),
                Poll::Pending => {}
            }
        }
        self.link.flows(!self.unflushed);
        Ok(())
    }

    fn count(&mut self) -> std::result::Result<(), Ending> {
        if self.counted_since.elapsed() > COUNTED {
            self.counted_since = Instant::now();
            self.counted = 0;
        }
        self.counted += 1;
        if self.counted > self.limits().messages_per_20s {
            return Err(Ending::TooMany("too many messages"));
        }
        Ok(())
    }

    /// Does what the peer says; an error ends the socket.
    async fn hear(&mut self, text: &str) -> std::result::Result<(), Ending> {
        self.count()?;
        let said = Said::read(self.dialect, text);
        match said.ok_or(Ending::Invalid("Invalid message received"))? {
            Said::ConnectionInit { payload } => self.greet(payload).await?,
            Said::Ping { payload } => self.ping(payload).await?,
            Said::Pong {} => {}
            Said::Subscribe { id, payload } => self.subscribe(&id, payload).await?,
            Said::Complete { id } => self.deliveries.stop(&id),
            Said::Terminate => return Err(Ending::Done),
        }
        Ok(())
    }

    async fn greet(
        &mut self,
        payload: Option<Map<String, Value>>,
    ) -> std::result::Result<(), Ending> {
        let (Some(header), Some(meta)) = (self.header.take(), self.meta.take()) else {
            return Err(Ending::SecondInit);
        };
        let viewer = match authorization(payload.as_ref()) {
            None => header.map_err(|_| Ending::Forbidden("Forbidden")),
            Some(token) => authenticate(&self.app, token, meta.peer).await,
        };
        let viewer = match viewer {
            Ok(viewer) => viewer,
            Err(ending) => {
                if let Some(refused) = protocol::refused(self.dialect, "Forbidden") {
                    self.link.push(Sent::Control(refused));
                }
                return Err(ending);
            }
        };
        if let Some(user) = viewer.user_id() {
            let present = self.app.services.presence.connect(user, self.limits().per_user);
            self.present =
                Some(present.ok_or(Ending::TooMany("too many sockets of this account"))?);
        }
        self.is_now(&viewer);
        self.caller = Some(Caller { viewer, meta });
        self.say(protocol::ack())
    }

    /// Holds the socket to what a token proves.
    fn is_now(&self, viewer: &Viewer) {
        let expires_in = auth::expires_in(viewer);
        self.link.greeted(expires_in);
        if let Some(soon) = expires_in.filter(|wait| *wait < SOON) {
            self.app.connections.look_in(&self.link, soon);
        }
        self.app.connections.belongs(&self.link, viewer);
    }

    /// Answers a ping; one that brings a token lets the socket live for as long as that.
    async fn ping(
        &mut self,
        payload: Option<Map<String, Value>>,
    ) -> std::result::Result<(), Ending> {
        let Some(token) = authorization(payload.as_ref()) else {
            return self.say(protocol::pong(None));
        };
        let Some(caller) = &self.caller else { return Err(Ending::Unauthorized) };
        let viewer = authenticate(&self.app, token, caller.meta.peer).await?;
        if viewer.user_id() != caller.viewer.user_id() || viewer.user_id().is_none() {
            return Err(Ending::Forbidden(
                "this token is not of the account that the socket is of",
            ));
        }
        self.is_now(&viewer);
        let expires_in_ms = auth::expires_in(&viewer).map(|wait| wait.as_millis());
        if let Some(caller) = &mut self.caller {
            caller.viewer = viewer;
        }
        self.say(protocol::pong(Some(json!({ "expiresInMs": expires_in_ms }))))
    }

    fn say(&self, text: String) -> std::result::Result<(), Ending> {
        if self.link.push(Sent::Control(text)) { Ok(()) } else { Err(Ending::TooSlow) }
    }

    async fn subscribe(&mut self, id: &str, payload: Value) -> std::result::Result<(), Ending> {
        let Some(caller) = self.caller.clone() else { return Err(Ending::Unauthorized) };
        if id.is_empty() || id.len() > ID_MAX {
            return Err(Ending::Invalid("an id has 1 to 128 characters"));
        }
        if self.deliveries.runs(id) {
            return Err(Ending::DuplicateId(id.to_owned()));
        }
        let names = |key: &str| payload.get(key).is_some_and(Value::is_string);
        let persisted = payload.pointer("/extensions/persistedQuery").is_some();
        if !(names("query") || names("documentId") || persisted) {
            return Err(Ending::Invalid("Invalid message received"));
        }
        // Whatever becomes of it, it counts as it would as a request.
        let taken = rates::take(&self.app.services, Some(&caller.viewer), caller.meta.peer).await;
        if let Err(error) = taken {
            self.deliveries.refuse_one_more(id, &Refusal::from_error(&error));
            return Ok(());
        }
        let most = self.limits().operations;
        if self.deliveries.len() >= most {
            let refusal = Refusal::too_complex(format!("a socket runs {most} operations at once"));
            self.deliveries.refuse_one_more(id, &refusal);
            return Ok(());
        }
        self.deliveries.begin(id, &caller, from_json(payload)).await;
        Ok(())
    }
}

/// Who brings that token; a bad one counts against the address, as it does in a request.
async fn authenticate(app: &App, token: &Value, peer: Peer) -> std::result::Result<Viewer, Ending> {
    let viewer = match token {
        Value::String(token) => auth::bearer(&app.services, token).await.ok(),
        _ => None,
    };
    if let Some(viewer) = viewer {
        return Ok(viewer);
    }
    // The socket ends in any case; what is left decides whether the address gets another one.
    let _ = rates::take(&app.services, None, peer).await;
    Err(Ending::Forbidden("Forbidden"))
}

/// The token in a message's payload.
fn authorization(payload: Option<&Map<String, Value>>) -> Option<&Value> {
    let mut entries = payload?.iter();
    let found = entries.find(|(key, _)| key.eq_ignore_ascii_case("authorization"));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}
