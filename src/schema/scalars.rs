//! Scalars.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{SecondsFormat, TimeZone, Utc};

use crate::game::{
    mode::{ModeId, RegionId},
    time::Timestamp,
};

/// The largest JSON value, in bytes.
const JSON_MAX: usize = 8 * 1024;
/// Levels of a JSON object that is sent here: far below what its readers and MongoDB (100) can follow.
const JSON_LEVELS: usize = 20;

/// An instant as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

/// An instant, RFC 3339 in UTC with millisecond precision, such as 2026-01-31T18:30:00.000Z.
#[Scalar(
    name = "DateTime",
    specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html"
)]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let parsed = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| {
            InputValueError::custom("expected an instant such as 2026-01-31T18:30:00.000Z")
        })?;
        Ok(Self(Timestamp(parsed.timestamp_millis())))
    }

    fn to_value(&self) -> Value {
        // An instant that no calendar holds is shown as the last one that does.
        let instant = Utc.timestamp_millis_opt(self.0.0).single();
        let instant = instant.unwrap_or(chrono::DateTime::<Utc>::MAX_UTC);
        Value::String(instant.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// JSON as clients see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Any JSON object, at most 8 KiB and 20 levels when it is sent here.
#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        let json = value.into_json().map_err(|error| InputValueError::custom(error.to_string()))?;
        if !json.is_object() {
            return Err(InputValueError::custom("expected a JSON object"));
        }
        if json.to_string().len() > JSON_MAX {
            return Err(InputValueError::custom(format!(
                "a JSON object has {JSON_MAX} bytes at most"
            )));
        }
        if !is_within(&json, JSON_LEVELS) {
            return Err(InputValueError::custom(format!(
                "a JSON object has {JSON_LEVELS} levels at most"
            )));
        }
        Ok(Self(json))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

/// Whether a value has no more levels.
fn is_within(json: &serde_json::Value, levels: usize) -> bool {
    let mut inner: Box<dyn Iterator<Item = &serde_json::Value>> = match json {
        serde_json::Value::Array(items) => Box::new(items.iter()),
        serde_json::Value::Object(fields) => Box::new(fields.values()),
        _ => return true,
    };
    levels > 0 && inner.all(|json| is_within(json, levels - 1))
}

fn slug(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) if (1..=32).contains(&text.len()) => Some(text),
        _ => None,
    }
}

/// The id of a configured game mode, such as 1v1, 2v2 or 4v4.
#[Scalar(name = "ModeId")]
impl ScalarType for ModeId {
    fn parse(value: Value) -> InputValueResult<Self> {
        slug(&value)
            .map(Self::new)
            .ok_or_else(|| InputValueError::custom("expected the id of a mode, such as 1v1"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.as_str().into())
    }
}

/// The id of a configured region, such as eu-west.
#[Scalar(name = "RegionId")]
impl ScalarType for RegionId {
    fn parse(value: Value) -> InputValueResult<Self> {
        slug(&value)
            .map(Self::new)
            .ok_or_else(|| InputValueError::custom("expected the id of a region, such as eu-west"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.as_str().into())
    }
}
