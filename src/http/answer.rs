//! An answer to one operation, or to a few, and how it is sent over plain HTTP.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    front::outcome::{Refusal, Window, status_of},
    negotiation::Media,
    rates,
};
use crate::error::Code;

/// An answer to one operation.
pub struct Answer {
    pub(super) status: StatusCode,
    /// JSON, in the order in which it was asked for.
    pub(super) body: String,
    /// Whether to come back in a while.
    pub(super) unavailable: bool,
    /// The window that was full, of which the headers tell.
    pub(super) window: Option<Window>,
    /// What else the client is told, such as its cookies.
    pub(super) headers: HeaderMap,
    /// Whether a well-formed request was refused for its document or variables, which `application/json` says with 200.
    pub(super) refused_document: bool,
}

impl Answer {
    /// Refused with that status.
    pub fn refused(status: StatusCode, refusal: &Refusal) -> Self {
        Self {
            status,
            body: refusal.body().to_string(),
            unavailable: refusal.code == Code::ServiceUnavailable,
            window: refusal.window,
            headers: HeaderMap::new(),
            refused_document: false,
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let status =
            StatusCode::from_u16(status_of(refusal.code)).unwrap_or(StatusCode::BAD_REQUEST);
        Self::refused(status, &refusal)
    }
}

/// An answer as it is sent.
pub fn send(media: Media, answer: Answer) -> Response {
    let plain = media == Media::Json && answer.refused_document;
    let status = if plain { StatusCode::OK } else { answer.status };
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.extend(answer.headers);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    if answer.unavailable {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
    }
    if let Some(window) = answer.window {
        rates::refuse(&mut response, window);
    }
    response
}
