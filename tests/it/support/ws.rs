//! A graphql-transport-ws client that can also misbehave.

use std::{collections::VecDeque, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::client::PATIENCE;

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<Value>,
}

/// What came.
#[derive(Debug)]
pub enum Came {
    Message(Value),
    Closed(u16, String),
}

impl Socket {
    pub async fn open(addr: SocketAddr) -> Self {
        Self::try_open(addr, "graphql-transport-ws").await.unwrap()
    }

    /// A socket of that subprotocol, or the status with which it was refused.
    pub async fn try_open(addr: SocketAddr, protocol: &str) -> Result<Self, u16> {
        Self::upgrade(addr, protocol, None).await
    }

    async fn upgrade(addr: SocketAddr, protocol: &str, token: Option<&str>) -> Result<Self, u16> {
        let mut request = format!("ws://{addr}/graphql").into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((stream, _)) => Ok(Self { stream, waiting: VecDeque::new() }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// A socket whose upgrade brings that token, or the status with which it was refused.
    pub async fn try_open_as(addr: SocketAddr, token: Option<&str>) -> Result<Self, u16> {
        Self::upgrade(addr, "graphql-transport-ws", token).await
    }

    pub async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    pub async fn say_text(&mut self, text: &str) {
        self.stream.send(Message::Text(text.into())).await.unwrap();
    }

    /// False when the socket is closed already.
    pub async fn try_say_text(&mut self, text: &str) -> bool {
        self.stream.send(Message::Text(text.into())).await.is_ok()
    }

    pub async fn say_bytes(&mut self, bytes: &[u8]) {
        self.stream.send(Message::Binary(bytes.to_vec().into())).await.unwrap();
    }

    /// Says goodbye, as a client that is done.
    pub async fn say_goodbye(&mut self) {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "".into() };
        self.stream.send(Message::Close(Some(frame))).await.unwrap();
    }

    pub async fn greet(&mut self, authorization: Option<&str>) {
        let payload = authorization.map_or(json!({}), |value| json!({"authorization": value}));
        self.say(json!({"type": "connection_init", "payload": payload})).await;
        match self.hear().await {
            Came::Message(message) => assert_eq!(message["type"], "connection_ack"),
            closed @ Came::Closed(..) => panic!("{closed:?}"),
        }
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({"query": query, "variables": variables});
        self.say(json!({"id": id, "type": "subscribe", "payload": payload})).await;
    }

    /// The payload of the next answer of one operation as it was sent, and nothing before it.
    pub async fn payload(&mut self, id: &str) -> String {
        let head = format!("{{\"id\":\"{id}\",\"type\":\"next\",\"payload\":");
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("nothing came");
            let Some(Ok(Message::Text(text))) = message else { continue };
            let payload = text.strip_prefix(&head).and_then(|rest| rest.strip_suffix('}'));
            return payload.unwrap_or_else(|| panic!("{text}")).to_owned();
        }
    }

    /// The next thing that comes.
    pub async fn hear(&mut self) -> Came {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("nothing came");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Came::Message(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Came::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return Came::Closed(1006, format!("{other:?}")),
            }
        }
    }

    /// The code with which the socket is closed, whatever comes before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Came::Closed(code, reason) = self.hear().await {
                assert!(reason.len() < 124);
                return code;
            }
        }
    }

    /// The next message of one operation.
    pub async fn message(&mut self, id: &str) -> Value {
        if let Some(at) = self.waiting.iter().position(|message| message["id"] == id) {
            return self.waiting.remove(at).unwrap();
        }
        loop {
            match self.hear().await {
                Came::Message(message) if message["id"] == id => return message,
                Came::Message(message) => self.waiting.push_back(message),
                closed @ Came::Closed(..) => panic!("{closed:?}"),
            }
        }
    }

    /// The data of the next answer of one operation.
    pub async fn next(&mut self, id: &str) -> Value {
        let message = self.message(id).await;
        assert_eq!(message["type"], "next", "{message:#}");
        assert!(message["payload"].get("errors").is_none(), "{message:#}");
        message["payload"]["data"].clone()
    }
}
