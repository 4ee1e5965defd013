//! What is served where, and what every request passes.

use std::{any::Any, sync::Arc};

use axum::{
    Router,
    extract::{Query, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
    set_header::SetResponseHeaderLayer,
};
use tracing::Instrument;
use uuid::Uuid;

use super::{App, console, front::outcome::Refusal, graphiql, graphql, rates};
use crate::{error::Error, telemetry};

/// The id of a request, in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub Arc<str>);

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SESSION_MODE: HeaderName = HeaderName::from_static("x-session-mode");
const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything that is served.
pub fn router(app: App) -> Router {
    let mut routes = Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post).connect(graphql::get))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    if app.services.config.settings.http.introspection {
        routes = routes.route("/schema.graphql", get(schema));
    }
    let settings = &app.services.config.settings.http;
    if settings.console && console::is_built() {
        routes = routes.merge(console::routes(settings.graphiql));
    } else if settings.graphiql {
        routes = routes.merge(graphiql::routes());
    }
    if settings.strict_transport {
        routes = routes.layer(fixed(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    }
    routes
        .layer(cors(&app))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(fixed(OPENER_POLICY, "same-origin"))
        .layer(fixed(RESOURCE_POLICY, "same-origin"))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(identify))
        .with_state(app)
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

fn cors(app: &App) -> CorsLayer {
    let origins = &app.services.config.settings.http.allowed_origins;
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            REQUEST_ID,
            SESSION_MODE,
            CSRF_TOKEN,
        ])
        .allow_credentials(true)
        .expose_headers(
            [REQUEST_ID, header::RETRY_AFTER].into_iter().chain(rates::TOLD).collect::<Vec<_>>(),
        )
}

/// Gives every request an id, which goes out with the answer and stands in its log lines. A caller's own is kept when it is
/// short and plain.
async fn identify(mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (8..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let id: Arc<str> =
        given.filter(plain).map_or_else(|| Uuid::now_v7().to_string().into(), Into::into);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id = %id, method = %request.method(), path = request.uri().path());
    if let Some(Ok(parent)) = request.headers().get("traceparent").map(HeaderValue::to_str) {
        telemetry::follows(&span, parent);
    }
    let began = std::time::Instant::now();
    let mut response = async {
        let response = next.run(request).await;
        let ms = began.elapsed().as_millis();
        tracing::debug!(status = response.status().as_u16(), ms, "answered");
        response
    }
    .instrument(span)
    .await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn panicked(cause: Box<dyn Any + Send>) -> Response {
    let cause = cause.downcast_ref::<&str>().map_or_else(
        || cause.downcast_ref::<String>().cloned().unwrap_or_default(),
        |text| (*text).to_owned(),
    );
    tracing::error!(cause, "a handler panicked");
    let refusal = Refusal::from_error(&Error::internal("panic"));
    (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(refusal.body())).into_response()
}

async fn schema(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/graphql; charset=utf-8")], app.sdl.to_string())
}

#[derive(serde::Deserialize)]
struct Needs {
    /// The one part that counts; all, where none is named.
    needs: Option<String>,
}

/// Whether everything that this server stands on answers, part by part. An orchestrator that should keep sending requests
/// while only Redis or MongoDB is away asks `/readyz?needs=sql`.
async fn ready(State(app): State<App>, Query(Needs { needs }): Query<Needs>) -> Response {
    let mut ready = !app.draining.is_cancelled();
    let mut answer = serde_json::Map::new();
    for (name, part) in app.services.ready().await {
        ready &= part.is_ok() || needs.as_deref().is_some_and(|needs| needs != name);
        let state = if part.is_ok() { "ok" } else { "away" };
        answer.insert(name.into(), state.into());
    }
    answer.insert("ready".into(), ready.into());
    if app.draining.is_cancelled() {
        answer.insert("stopping".into(), true.into());
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(answer)).into_response()
}

async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}
