//! Operations as server-sent events, a connection each: the distinct connections mode of graphql-sse, for places that no
//! WebSocket reaches.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apollo_compiler::executable::OperationType;
use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::Stream;

use super::{
    App,
    answer::{Answer, send},
    auth,
    front::{Operation, outcome::Refusal},
    graphql::Caller,
    live::{
        connections::{Full, Seat},
        deliveries::{Deliveries, Out},
        dialect::Dialect,
        link::{Link, Timing},
    },
    negotiation::Media,
};
use crate::{error::Error, services::presence::Connected};

/// A line that says nothing, so that nobody between takes the connection for dead.
const BEAT: &[u8] = b":\n\n";
/// The one operation of a connection.
const ID: &str = "0";

/// Answers an operation as a stream of events.
pub async fn stream(
    app: App,
    caller: Caller,
    operation: Result<Operation, Refusal>,
    read_only: bool,
) -> Response {
    if app.draining.is_cancelled() {
        return unavailable(Full {
            what: "the server is stopping",
            limit: "draining",
            retry_after_s: 1,
        });
    }
    if read_only && let Some(refusal) = refuse_mutation(&app, &caller, &operation) {
        let refused = Answer::refused(StatusCode::METHOD_NOT_ALLOWED, &refusal);
        let mut response = send(Media::Json, refused);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let mut seat = match app.connections.admit(caller.meta.peer) {
        Ok(seat) => seat,
        Err(full) => return unavailable(full),
    };
    let limits = &app.services.config.settings.limits.socket;
    let present = match caller.viewer.user_id() {
        Some(user) => match app.services.presence.connect(user, limits.per_user) {
            Some(present) => Some(present),
            None => {
                let limit = u32::try_from(limits.per_user).unwrap_or(u32::MAX);
                let error = Error::RateLimited { retry_after_ms: 10_000, limit };
                return send(Media::Json, Refusal::from_error(&error).into());
            }
        },
        None => None,
    };
    let timing = Timing {
        init: None,
        ping: Duration::from_millis(limits.ping_ms),
        stall: Duration::from_millis(limits.write_timeout_ms),
        answers: false,
    };
    let link = Link::new(timing, limits.queue_bytes);
    link.greeted(auth::expires_in(&caller.viewer));
    seat.take(&link);
    app.connections.belongs(&link, &caller.viewer);
    let mut deliveries = Deliveries::new(app.clone(), link.clone(), Dialect::Events);
    deliveries.begin(ID, &caller, operation).await;
    let events = Events { link, deliveries, ended: false, _seat: seat, _present: present };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}

/// Somebody is not let in; in a while they may be.
pub fn unavailable(full: Full) -> Response {
    let error = Error::Busy(full.what);
    let mut response = send(
        Media::Json,
        Answer::refused(StatusCode::SERVICE_UNAVAILABLE, &Refusal::from_error(&error)),
    );
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(full.retry_after_s));
    response
}

fn refuse_mutation(
    app: &App,
    caller: &Caller,
    operation: &Result<Operation, Refusal>,
) -> Option<Refusal> {
    let operation = operation.as_ref().ok()?.clone();
    let admitted = app.front.admit(operation, &caller.viewer).ok()?;
    (admitted.kind == OperationType::Mutation)
        .then(|| super::front::outcome::refuse_input("query", "mutations are sent by POST"))
}

/// The body of such an answer.
struct Events {
    link: Arc<Link>,
    deliveries: Deliveries,
    ended: bool,
    _seat: Seat,
    _present: Option<Connected>,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.link.listen(cx);
        // A client that is cut off without `complete` comes again, with a newer token if it has one.
        if self.ended || self.link.ending().is_some() {
            return Poll::Ready(None);
        }
        if self.link.takes_ping() {
            return Poll::Ready(Some(Ok(Bytes::from_static(BEAT))));
        }
        match self.deliveries.next() {
            Out::Frame(frame) => Poll::Ready(Some(Ok(frame.into()))),
            Out::Lost => Poll::Ready(None),
            Out::Nothing if self.deliveries.len() == 0 => {
                self.ended = true;
                Poll::Ready(None)
            }
            Out::Nothing => Poll::Pending,
        }
    }
}
