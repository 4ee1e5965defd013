//! What a client sends and what it takes, by the draft "GraphQL over HTTP".

use axum::http::{HeaderMap, header};

/// The body's type in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    Json,
    /// `application/graphql-response+json`
    GraphqlResponse,
    /// `text/event-stream`, which only those get who name it.
    Events,
}

impl Media {
    /// As a header's value.
    pub const fn content_type(self) -> &'static str {
        match self {
            // What is refused before there is a stream is said in JSON.
            Self::Json | Self::Events => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// What the client takes best; none when it takes neither.
pub fn accepted(headers: &HeaderMap) -> Option<Media> {
    let mut ranges = headers.get_all(header::ACCEPT).iter().peekable();
    if ranges.peek().is_none() {
        return Some(Media::Json);
    }
    let mut best: Option<(f32, Media)> = None;
    for range in ranges.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let media = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "application/graphql-response+json" => Media::GraphqlResponse,
            "text/event-stream" => Media::Events,
            "application/json" | "application/*" | "*/*" => Media::Json,
            _ => continue,
        };
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok());
        let quality: f32 = quality.unwrap_or(1.0);
        if quality > 0.0 && best.is_none_or(|(found, _)| quality > found) {
            best = Some((quality, media));
        }
    }
    best.map(|(_, media)| media)
}

/// Whether the body is JSON in UTF-8.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    parts.next().as_deref() == Some("application/json")
        && parts.all(|part| match part.strip_prefix("charset=") {
            Some(charset) => charset.trim_matches('"') == "utf-8",
            None => true,
        })
}
