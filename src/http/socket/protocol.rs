//! The messages of graphql-transport-ws, and how sockets end.

use axum::extract::ws::{CloseFrame, Message};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// The first message, with credentials.
    ConnectionInit {
        /// `authorization`: `Bearer` and a token.
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    /// Are you there?
    Ping {},
    /// I am here.
    Pong {},
    /// Run this.
    Subscribe {
        /// The client's name for it.
        id: String,
        /// The operation.
        payload: Value,
    },
    /// Enough of this.
    Complete {
        /// Of what.
        id: String,
    },
}

/// Why a socket is closed, each with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The server stops; connect elsewhere.
    GoingAway,
    /// The peer fell silent.
    Silent,
    /// A message that is none.
    Invalid(&'static str),
    /// Something was asked for before the greeting was answered.
    Unauthorized,
    /// The access token ran out.
    Expired,
    /// The token is not valid, or its session has ended.
    Forbidden(&'static str),
    /// No greeting came in time.
    InitTimeout,
    /// The client reads too slowly.
    TooSlow,
    /// An operation of that id is running.
    DuplicateId(String),
    /// A second greeting.
    SecondInit,
    /// Too many messages, or sockets.
    TooMany(&'static str),
}

impl Ending {
    /// As a frame. A reason has fewer than 124 bytes.
    pub fn frame(&self) -> Message {
        let (code, reason) = match self {
            Self::GoingAway => (1001, "the server is stopping; connect again".to_owned()),
            Self::Silent => (1001, "nothing was heard from you".to_owned()),
            Self::Invalid(what) => (4400, (*what).to_owned()),
            Self::Unauthorized => (4401, "Unauthorized".to_owned()),
            Self::Expired => (4401, "the access token has expired".to_owned()),
            Self::Forbidden(why) => (4403, (*why).to_owned()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Self::TooSlow => (4408, "too slow: connect again and resume".to_owned()),
            Self::DuplicateId(id) => {
                let id: String = id.chars().take(20).collect();
                (4409, format!("Subscriber for {id} already exists"))
            }
            Self::SecondInit => (4429, "Too many initialisation requests".to_owned()),
            Self::TooMany(what) => (4429, (*what).to_owned()),
        };
        Message::Close(Some(CloseFrame { code, reason: reason.into() }))
    }
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

/// The greeting's answer.
pub fn ack() -> Message {
    text(&json!({ "type": "connection_ack" }))
}

/// I am here.
pub fn pong() -> Message {
    text(&json!({ "type": "pong" }))
}

/// An answer of an operation.
pub fn next(id: &str, payload: &impl serde::Serialize) -> Message {
    text(&json!({ "id": id, "type": "next", "payload": payload }))
}

/// An operation was refused.
pub fn error(id: &str, errors: &impl serde::Serialize) -> Message {
    text(&json!({ "id": id, "type": "error", "payload": errors }))
}

/// An operation has no more answers.
pub fn complete(id: &str) -> Message {
    text(&json!({ "id": id, "type": "complete" }))
}
