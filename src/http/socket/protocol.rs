//! The messages of graphql-transport-ws, and of its predecessor.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::http::live::dialect::Dialect;

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
    /// Are you there? With `authorization`: go on with this token.
    Ping {
        /// As that of the first message.
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
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
    /// Goodbye.
    #[serde(skip)]
    Terminate,
}

/// What a client of the predecessor says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum SaidBefore {
    ConnectionInit {
        #[serde(default)]
        payload: Option<Map<String, Value>>,
    },
    Start {
        id: String,
        payload: Value,
    },
    Stop {
        id: String,
    },
    ConnectionTerminate {},
}

impl Said {
    /// What this text says; none for one that says nothing.
    pub fn read(dialect: Dialect, text: &str) -> Option<Self> {
        if dialect != Dialect::LegacyWs {
            return serde_json::from_str(text).ok();
        }
        Some(match serde_json::from_str(text).ok()? {
            SaidBefore::ConnectionInit { payload } => Self::ConnectionInit { payload },
            SaidBefore::Start { id, payload } => Self::Subscribe { id, payload },
            SaidBefore::Stop { id } => Self::Complete { id },
            SaidBefore::ConnectionTerminate {} => Self::Terminate,
        })
    }
}

/// The greeting's answer.
pub fn ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// The greeting is refused, which the predecessor has a message for.
pub fn refused(dialect: Dialect, why: &str) -> Option<String> {
    (dialect == Dialect::LegacyWs)
        .then(|| json!({ "type": "connection_error", "payload": { "message": why } }).to_string())
}

/// I am here; with a payload where a token came with the question.
pub fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}
