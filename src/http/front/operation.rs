//! An operation as a client sends it.

use serde::Deserialize;
use serde_json::Value;

use super::outcome::{Refusal, refuse_input};

/// An operation as a client sends it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The document; empty where it is only named.
    #[serde(default)]
    pub query: String,
    /// By which its client names the document: its SHA-256 in hex, or an id of the manifest.
    #[serde(skip)]
    pub hash: Option<String>,
    /// Which of its operations.
    #[serde(default)]
    pub operation_name: Option<String>,
    /// Its variables.
    #[serde(default)]
    pub variables: Option<serde_json::Map<String, serde_json::Value>>,
}

/// An operation in the address.
pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Operation, Refusal> {
    let mut json = serde_json::Map::new();
    for (key, value) in pairs {
        let value = match key.as_str() {
            "query" | "operationName" | "documentId" => Value::String(value),
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => serde_json::from_str(&value)
                .map_err(|_| refuse_input(&key, "this parameter is not JSON"))?,
            _ => continue,
        };
        json.insert(key, value);
    }
    from_json(Value::Object(json))
}

/// Checks the types of an operation's parameters.
pub fn from_json(json: Value) -> Result<Operation, Refusal> {
    let Value::Object(mut json) = json else {
        return Err(refuse_input("body", "an operation is a JSON object"));
    };
    let text = |name: &str, value: Option<Value>| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(refuse_input(name, "this parameter is a string")),
    };
    let object = |name: &str, value: Option<Value>| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(refuse_input(name, "this parameter is an object")),
    };
    let extensions = object("extensions", json.remove("extensions"))?;
    let query = text("query", json.remove("query"))?.filter(|query| !query.trim().is_empty());
    let hash = match text("documentId", json.remove("documentId"))? {
        Some(id) => Some(id.strip_prefix("sha256:").map_or_else(|| id.clone(), Into::into)),
        None => persisted_hash(extensions)?,
    };
    if query.is_none() && hash.is_none() {
        return Err(refuse_input("query", "there is no query"));
    }
    Ok(Operation {
        query: query.unwrap_or_default(),
        hash,
        operation_name: text("operationName", json.remove("operationName"))?,
        variables: object("variables", json.remove("variables"))?,
    })
}

/// The hash of a persisted query, in the extension of that name (automatic persisted queries, version 1).
fn persisted_hash(
    extensions: Option<serde_json::Map<String, Value>>,
) -> Result<Option<String>, Refusal> {
    let Some(persisted) = extensions.and_then(|mut extensions| extensions.remove("persistedQuery"))
    else {
        return Ok(None);
    };
    let hash = persisted.get("sha256Hash").and_then(Value::as_str);
    match (persisted.get("version").and_then(Value::as_i64), hash) {
        (Some(1), Some(hash)) => Ok(Some(hash.to_ascii_lowercase())),
        _ => {
            let message = "a persisted query has version 1 and a sha256Hash";
            Err(refuse_input("extensions.persistedQuery", message))
        }
    }
}
