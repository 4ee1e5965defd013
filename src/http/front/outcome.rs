//! How an operation ends: with an answer, or refused before it ran. Every error carries a code, and none more than its
//! client may know.

use apollo_compiler::validation::DiagnosticList;
use async_graphql::{ErrorExtensionValues, PathSegment, Response, ServerError};

use crate::{
    config::Limits,
    error::{Code, Error},
};

/// Errors in one answer.
const ERRORS_MAX: usize = 10;
/// Characters of one message.
const MESSAGE_MAX: usize = 300;

/// A window of requests, or of something else, that was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Milliseconds after which the same would pass.
    pub retry_after_ms: u64,
    /// How much it allows.
    pub limit: u32,
}

impl Window {
    /// That of which an executed answer tells; of several the one that is full for longest.
    pub fn told_in(response: &Response) -> Option<Self> {
        let number = |extensions: &ErrorExtensionValues, name: &str| match extensions.get(name) {
            Some(async_graphql::Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let told = response.errors.iter().filter_map(|error| {
            let extensions = error.extensions.as_ref()?;
            let code = async_graphql::Value::from(Code::RateLimited.as_str());
            extensions.get("code").filter(|found| **found == code)?;
            let limit = number(extensions, "limit").and_then(|limit| u32::try_from(limit).ok())?;
            Some(Self { retry_after_ms: number(extensions, "retryAfterMs")?, limit })
        });
        told.max()
    }
}

/// Why an operation did not run. It has errors and no data.
#[derive(Debug)]
pub struct Refusal {
    /// The errors, coded.
    pub errors: Vec<ServerError>,
    /// What the first of them says.
    pub code: Code,
    /// The window that was full.
    pub window: Option<Window>,
}

/// The client's argument is wrong.
pub fn refuse_input(field: &str, message: &str) -> Refusal {
    Refusal::from_error(&Error::bad_input(field, message))
}

impl Refusal {
    /// Over a bound.
    pub fn too_complex(message: String) -> Self {
        Self::from_error(&Error::TooComplex(message))
    }

    /// For a failure of ours.
    pub fn from_error(error: &Error) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code().as_str());
        match error {
            Error::BadInput { field, .. } => extensions.set("field", field.as_str()),
            Error::RateLimited { retry_after_ms, limit } => {
                extensions.set("retryAfterMs", *retry_after_ms);
                extensions.set("limit", *limit);
            }
            _ => {}
        }
        let mut shown = ServerError::new(shorten(error.to_string()), None);
        shown.extensions = Some(extensions);
        let window = match *error {
            Error::RateLimited { retry_after_ms, limit } => Some(Window { retry_after_ms, limit }),
            _ => None,
        };
        Self { errors: vec![shown], code: error.code(), window }
    }

    /// For a document that the schema does not allow, or that is no document.
    /// `open`: whether its client may look at the schema; else it is not told what it could have meant.
    pub fn invalid(diagnostics: &DiagnosticList, limits: &Limits, open: bool) -> Self {
        let found: Vec<_> =
            diagnostics.iter().map(|diagnostic| diagnostic.unstable_to_json_compat()).collect();
        if let Some(bound) = found.iter().find_map(|error| over_bound(&error.message, limits)) {
            return Self::too_complex(bound);
        }
        let errors = found
            .into_iter()
            .take(ERRORS_MAX)
            .map(|error| {
                let mut message = error.message;
                if !open && let Some(at) = message.find(" Did you mean") {
                    message.truncate(at);
                }
                if !open
                    && message.contains("\" is required")
                    && let Some(at) = message.find(" argument \"")
                {
                    message.truncate(at);
                    message.push_str(" lacks an argument that is required");
                }
                let mut shown = ServerError::new(shorten(message), None);
                let place = |at: apollo_compiler::parser::LineColumn| async_graphql::Pos {
                    line: at.line,
                    column: at.column,
                };
                shown.locations = error.locations.into_iter().map(place).collect();
                let mut extensions = ErrorExtensionValues::default();
                extensions.set("code", Code::BadUserInput.as_str());
                extensions.set("field", "query");
                shown.extensions = Some(extensions);
                shown
            })
            .collect();
        Self { errors, code: Code::BadUserInput, window: None }
    }

    /// As the body of an answer: errors, and no entry for data.
    pub fn body(&self) -> serde_json::Value {
        serde_json::json!({ "errors": self.errors })
    }
}

fn over_bound(message: &str, limits: &Limits) -> Option<String> {
    if message.contains("token limit") {
        return Some(format!("this document has more than {} tokens", limits.tokens));
    }
    message.contains("recursion limit").then(|| "this document is nested too deeply".to_owned())
}

/// Makes an executed answer fit to be seen: a code on every error, few errors, short messages, nothing of a fault of ours
/// but the id by which it is found in the logs.
pub fn polish(response: &mut Response, request_id: &str) {
    response.errors.truncate(ERRORS_MAX);
    for error in &mut response.errors {
        let code = error.extensions.as_ref().and_then(|extensions| match extensions.get("code") {
            Some(async_graphql::Value::String(code)) => Some(code.clone()),
            _ => None,
        });
        let extensions = error.extensions.get_or_insert_default();
        match code.as_deref() {
            None => {
                // Without a code it is the library's own word about an argument that does not parse.
                extensions.set("code", Code::BadUserInput.as_str());
                extensions.set("field", field_of(&error.path));
            }
            Some("INTERNAL") => extensions.set("requestId", request_id),
            Some(_) => {}
        }
        error.message = shorten(std::mem::take(&mut error.message));
        error.source = None;
    }
}

fn field_of(path: &[PathSegment]) -> String {
    let names = path.iter().filter_map(|segment| match segment {
        PathSegment::Field(name) => Some(name.as_str()),
        PathSegment::Index(_) => None,
    });
    names.collect::<Vec<_>>().join(".")
}

fn shorten(message: String) -> String {
    if message.chars().count() <= MESSAGE_MAX {
        return message;
    }
    message.chars().take(MESSAGE_MAX - 1).chain(['…']).collect()
}

/// The status of an answer that is errors only.
pub const fn status_of(code: Code) -> u16 {
    match code {
        Code::Unauthenticated => 401,
        Code::Forbidden => 403,
        Code::NotFound => 404,
        Code::Conflict => 409,
        Code::RateLimited => 429,
        Code::BadUserInput | Code::QueryTooComplex | Code::PersistedQueryNotFound => 400,
        Code::ServiceUnavailable => 503,
        Code::Internal => 500,
    }
}
