//! How answers are framed.

use serde_json::{Value, json};

/// The protocol that a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The WebSocket subprotocol `graphql-transport-ws`.
    TransportWs,
    /// Its predecessor of subscriptions-transport-ws, whose subprotocol is called `graphql-ws`.
    LegacyWs,
    /// Server-sent events, a connection for each operation, as graphql-sse has it.
    Events,
}

impl Dialect {
    /// What stands before an answer of this operation.
    pub fn head(self, id: &str) -> Box<str> {
        let id = Value::from(id);
        match self {
            Self::TransportWs => format!("{{\"id\":{id},\"type\":\"next\",\"payload\":").into(),
            Self::LegacyWs => format!("{{\"id\":{id},\"type\":\"data\",\"payload\":").into(),
            Self::Events => "event: next\ndata: ".into(),
        }
    }

    /// An answer behind its head.
    pub fn next(self, head: &str, payload: &str) -> String {
        let tail = if self == Self::Events { "\n\n" } else { "}" };
        let mut frame = String::with_capacity(head.len() + payload.len() + tail.len());
        frame.push_str(head);
        frame.push_str(payload);
        frame.push_str(tail);
        frame
    }

    /// An operation ended with these errors.
    pub fn error(self, id: &str, errors: &str) -> String {
        let id = Value::from(id);
        match self {
            Self::TransportWs | Self::LegacyWs => {
                format!("{{\"id\":{id},\"type\":\"error\",\"payload\":{errors}}}")
            }
            Self::Events => format!(
                "event: next\ndata: {{\"errors\":{errors}}}\n\n{}",
                Self::Events.complete("")
            ),
        }
    }

    /// An operation has no more answers.
    pub fn complete(self, id: &str) -> String {
        match self {
            Self::TransportWs | Self::LegacyWs => {
                json!({ "id": id, "type": "complete" }).to_string()
            }
            Self::Events => "event: complete\ndata:\n\n".to_owned(),
        }
    }
}
