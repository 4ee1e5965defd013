//! A client of the public API, as a game or a frontend has one: calls over HTTP, streams over one WebSocket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use uuid::Uuid;

use crate::error::{Error, Result};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

type Streams = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<Value>>>>;

/// Calls with the credentials of one user or game server.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// What a call was answered with.
pub enum Answer {
    /// Its data.
    Data(Value),
    /// The first error's code, what the message says, and when to come back.
    Refused { code: String, message: String, retry_after: Option<Duration> },
}

impl Caller {
    /// Without credentials.
    pub fn new(url: &str) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().map_err(Error::internal)?;
        Ok(Self { http, url: format!("{}/graphql", url.trim_end_matches('/')), token: None })
    }

    /// With these credentials.
    pub fn with(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Sends an operation.
    ///
    /// # Errors
    /// When no answer comes, or none that is GraphQL.
    pub async fn call(&self, query: &str, variables: Value) -> Result<Answer> {
        let body = json!({"query": query, "variables": variables});
        let mut request = self.http.post(&self.url).json(&body);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let unreachable = |error| Error::unavailable("server", error);
        let answer = request.send().await.map_err(unreachable)?;
        let mut answer: Value = answer.json().await.map_err(unreachable)?;
        let Some(error) = answer["errors"].get(0) else {
            return Ok(Answer::Data(answer["data"].take()));
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let retry = error["extensions"]["retryAfterMs"].as_u64().map(Duration::from_millis);
        Ok(Answer::Refused {
            code: text(&error["extensions"]["code"]),
            message: text(&error["message"]),
            retry_after: retry,
        })
    }

    /// Opens a socket with the same credentials.
    ///
    /// # Errors
    /// When the server cannot be reached or does not greet.
    pub async fn line(&self) -> Result<Line> {
        let unreachable = |error| Error::unavailable("server", error);
        let url = self.url.replacen("http", "ws", 1);
        let mut request = url.into_client_request().map_err(unreachable)?;
        let protocol = "graphql-transport-ws".parse().map_err(Error::internal)?;
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (socket, _) = tokio_tungstenite::connect_async(request).await.map_err(unreachable)?;
        let (mut write, mut read) = socket.split();
        let credentials = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let greeting =
            json!({"type": "connection_init", "payload": {"authorization": credentials}});
        write.send(Message::text(greeting.to_string())).await.map_err(unreachable)?;
        let (out, mut queue) = mpsc::unbounded_channel::<Message>();
        let streams = Streams::default();
        let (listening, pong) = (streams.clone(), out.clone());
        tokio::spawn(async move {
            while let Some(message) = queue.recv().await {
                if write.send(message).await.is_err() {
                    break;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(Ok(message)) = read.next().await {
                match message {
                    Message::Text(text) => hear(&listening, &text),
                    Message::Ping(payload) => drop(pong.send(Message::Pong(payload))),
                    Message::Close(_) => break,
                    _ => {}
                }
            }
            // The streams end with the socket.
            listening.lock().unwrap_or_else(PoisonError::into_inner).clear();
        });
        Ok(Line { out, streams })
    }
}

fn hear(streams: &Streams, text: &str) {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return };
    let Some(id) = message["id"].as_str().map(str::to_owned) else { return };
    let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
    if message["type"] != "next" {
        streams.remove(&id);
    } else if let Some(stream) = streams.get(&id) {
        // An error means that nobody listens any more.
        let _ = stream.send(message["payload"]["data"].take());
    }
}

/// One socket.
pub struct Line {
    out: mpsc::UnboundedSender<Message>,
    streams: Streams,
}

impl Line {
    /// Listens to a subscription, until what this returns is dropped or the socket ends.
    pub fn listen(&self, query: &str, variables: &Value) -> Heard {
        let (tell, told) = mpsc::unbounded_channel();
        let id = Uuid::now_v7().to_string();
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), tell);
        let payload = json!({"query": query, "variables": variables});
        let message = json!({"id": id, "type": "subscribe", "payload": payload});
        // An error means that the socket is gone, which ends the stream.
        let _ = self.out.send(Message::text(message.to_string()));
        Heard { id, told, out: self.out.clone(), streams: self.streams.clone() }
    }
}

/// What a subscription tells.
pub struct Heard {
    id: String,
    told: mpsc::UnboundedReceiver<Value>,
    out: mpsc::UnboundedSender<Message>,
    streams: Streams,
}

impl Heard {
    /// The data of the next answer; none: the socket has ended.
    pub async fn next(&mut self) -> Option<Value> {
        self.told.recv().await
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        let message = json!({"id": self.id, "type": "complete"});
        // An error means that the socket is gone.
        let _ = self.out.send(Message::text(message.to_string()));
    }
}
