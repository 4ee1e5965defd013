//! `/graphql` over plain HTTP: POST for everything, GET for queries.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use apollo_compiler::executable::OperationType;
use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, FromRequestParts, Query, Request, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use super::{
    App, auth, events,
    front::{
        Operation,
        outcome::{Refusal, polish, refuse_input, status_of},
    },
    negotiation::{self, Media},
    router::RequestId,
    socket,
};
use crate::{
    error::{Code, Error},
    game::accounts::Viewer,
    resolvers::{self, RequestMeta},
    services::network,
};

/// What came with a request besides its operation.
#[derive(Clone)]
pub struct Caller {
    /// Who.
    pub viewer: Viewer,
    /// From where.
    pub meta: RequestMeta,
}

/// An answer to one operation.
pub struct Answer {
    status: StatusCode,
    /// JSON, in the order in which it was asked for.
    body: String,
    /// Seconds after which to come back.
    retry_after: Option<u64>,
    /// Whether a well-formed request was refused for its document or variables, which `application/json` says with 200.
    refused_document: bool,
}

impl Answer {
    /// Refused with that status.
    pub fn refused(status: StatusCode, refusal: &Refusal) -> Self {
        let retry_after = match refusal.code {
            Code::RateLimited => Some(refusal.retry_after_ms.unwrap_or(1000).div_ceil(1000)),
            Code::ServiceUnavailable => Some(1),
            _ => None,
        };
        Self { status, body: refusal.body().to_string(), retry_after, refused_document: false }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let status =
            StatusCode::from_u16(status_of(refusal.code)).unwrap_or(StatusCode::BAD_REQUEST);
        Self::refused(status, &refusal)
    }
}

/// GET: a socket, or a query in the address.
pub async fn get(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    // Over HTTP/2 a socket is asked for by CONNECT.
    let wants_socket = parts.method == Method::CONNECT
        || parts
            .headers
            .get(header::UPGRADE)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if wants_socket {
        return match WebSocketUpgrade::from_request_parts(&mut parts, &app).await {
            Ok(upgrade) => socket::upgrade(app, peer, &mut parts, upgrade).await,
            Err(rejection) => rejection.into_response(),
        };
    }
    let headers = &parts.headers;
    let Some(media) = negotiation::accepted(headers) else { return not_acceptable() };
    let caller = match caller(&app, peer, headers, request_id(&parts.extensions)).await {
        Ok(caller) => caller,
        Err(error) => return send(media, Refusal::from_error(&error).into()),
    };
    let operation = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
        .map_err(|_| refuse_input("query", "the address is not well formed"))
        .and_then(|Query(pairs)| from_pairs(pairs));
    if media == Media::Events {
        return events::stream(app, caller, operation, true).await;
    }
    let operation = match operation {
        Ok(operation) => operation,
        Err(refusal) => return send(media, refusal.into()),
    };
    let answer = answer(&app, &caller, operation, true).await;
    let allow = answer.status == StatusCode::METHOD_NOT_ALLOWED;
    let mut response = send(media, answer);
    if allow {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// POST: an operation, or a few, in JSON.
pub async fn post(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let Some(media) = negotiation::accepted(headers) else { return not_acceptable() };
    // A page of another site can send a form without asking first, but not this type of body.
    if !negotiation::is_json(headers) {
        let refusal =
            refuse_input("content-type", "the body is JSON: content-type application/json");
        return send(media, Answer::refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refusal));
    }
    let caller = match caller(&app, peer, headers, request_id(&parts.extensions)).await {
        Ok(caller) => caller,
        Err(error) => return send(media, Refusal::from_error(&error).into()),
    };
    let body = match read(&app, &caller.viewer, body).await {
        Ok(body) => body,
        Err(answer) => return send(media, answer),
    };
    let Ok(json) = serde_json::from_slice::<Value>(&body) else {
        return send(media, refuse_input("body", "the body is not JSON").into());
    };
    if media == Media::Events {
        return events::stream(app, caller, from_json(json), false).await;
    }
    match json {
        Value::Array(items) => send(media, batch(&app, &caller, items).await),
        single => {
            let answer = match from_json(single) {
                Ok(operation) => answer(&app, &caller, operation, false).await,
                Err(refusal) => refusal.into(),
            };
            send(media, answer)
        }
    }
}

async fn read(app: &App, viewer: &Viewer, body: Body) -> Result<Bytes, Answer> {
    let limits = &app.services.config.settings.limits;
    let most = match viewer {
        Viewer::Server(_) => limits.server_body_bytes,
        Viewer::Anonymous | Viewer::User(_) => limits.body_bytes,
    };
    let patience = Duration::from_millis(limits.request_timeout_ms);
    match tokio::time::timeout(patience, Limited::new(body, most).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let refusal = Refusal::too_complex(format!("the body is larger than {most} bytes"));
            Err(Answer::refused(StatusCode::PAYLOAD_TOO_LARGE, &refusal))
        }
        Ok(Err(_)) => Err(refuse_input("body", "the body ended early").into()),
        Err(_) => {
            let refusal = refuse_input("body", "the body came too slowly");
            Err(Answer::refused(StatusCode::REQUEST_TIMEOUT, &refusal))
        }
    }
}

async fn batch(app: &App, caller: &Caller, items: Vec<Value>) -> Answer {
    let most = app.services.config.settings.limits.batch;
    if items.is_empty() || items.len() > most {
        return Refusal::too_complex(format!("a batch has 1 to {most} operations")).into();
    }
    let mut bodies = Vec::new();
    for item in items {
        let answer = match from_json(item) {
            Ok(operation) => answer(app, caller, operation, false).await,
            Err(refusal) => refusal.into(),
        };
        bodies.push(answer.body);
    }
    Answer {
        status: StatusCode::OK,
        body: format!("[{}]", bodies.join(",")),
        retry_after: None,
        refused_document: false,
    }
}

/// Who asks, from where, and whether they may ask just now.
pub async fn caller(
    app: &App,
    peer: SocketAddr,
    headers: &HeaderMap,
    request_id: Arc<str>,
) -> Result<Caller, Error> {
    let address = auth::address(&app.services, peer, headers);
    let viewer = auth::viewer(&app.services, headers).await;
    let limits = &app.services.config.settings.limits;
    match &viewer {
        Ok(Viewer::User(who)) => {
            app.services.take(&format!("user:{}", who.user), limits.user_per_minute).await?;
        }
        Ok(Viewer::Server(_)) => {}
        // A bad token is counted against the address it came from.
        Ok(Viewer::Anonymous) | Err(_) if limits.exempt_loopback && address.is_loopback() => {}
        Ok(Viewer::Anonymous) | Err(_) => {
            let key = format!("address:{}", network(address));
            app.services.take(&key, limits.anonymous_per_minute).await?;
        }
    }
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let meta = RequestMeta { request_id, address, user_agent: user_agent.map(Into::into) };
    Ok(Caller { viewer: viewer?, meta })
}

fn request_id(extensions: &axum::http::Extensions) -> Arc<str> {
    extensions.get::<RequestId>().map_or_else(|| "-".into(), |id| id.0.clone())
}

fn from_pairs(pairs: Vec<(String, String)>) -> Result<Operation, Refusal> {
    let mut json = serde_json::Map::new();
    for (key, value) in pairs {
        let value = match key.as_str() {
            "query" | "operationName" => Value::String(value),
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
    let query = text("query", json.remove("query"))?;
    if query.is_none()
        && extensions.is_some_and(|extensions| extensions.contains_key("persistedQuery"))
    {
        return Err(Refusal::from_error(&Error::PersistedQueryNotFound));
    }
    let query = query.filter(|query| !query.trim().is_empty());
    Ok(Operation {
        query: query.ok_or_else(|| refuse_input("query", "there is no query"))?,
        operation_name: text("operationName", json.remove("operationName"))?,
        variables: object("variables", json.remove("variables"))?,
    })
}

async fn answer(app: &App, caller: &Caller, operation: Operation, read_only: bool) -> Answer {
    let began = Instant::now();
    let admitted = match app.front.admit(operation, &caller.viewer) {
        Ok(admitted) => admitted,
        Err(refusal) => return Answer { refused_document: true, ..refusal.into() },
    };
    let kind = match admitted.kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    };
    if admitted.kind == OperationType::Subscription {
        return refuse_input(
            "query",
            "subscriptions come over a WebSocket, subprotocol graphql-transport-ws, or with \
             `Accept: text/event-stream`",
        )
        .into();
    }
    if read_only && admitted.kind == OperationType::Mutation {
        let refusal = refuse_input("query", "mutations are sent by POST");
        return Answer::refused(StatusCode::METHOD_NOT_ALLOWED, &refusal);
    }
    let response = execute(app, caller, admitted.request()).await;
    metrics::histogram!("rankedhonor_request_seconds", "kind" => kind)
        .record(began.elapsed().as_secs_f64());
    let Ok(mut response) = response else {
        let error = Error::Unavailable { what: "server", source: None };
        return Refusal::from_error(&error).into();
    };
    polish(&mut response, &caller.meta.request_id);
    let response = response.extension("cost", admitted.cost.into());
    let body = serde_json::to_string(&response).unwrap_or_default();
    Answer { status: StatusCode::OK, body, retry_after: None, refused_document: false }
}

/// Runs an operation within its time. A mutation that is out of time goes on by itself: half of it is never left.
pub async fn execute(
    app: &App,
    caller: &Caller,
    request: async_graphql::Request,
) -> Result<async_graphql::Response, Error> {
    let request =
        resolvers::prepare(request, &app.services, caller.viewer.clone(), caller.meta.clone());
    let schema = app.schema.clone();
    let span = tracing::Span::current();
    let running = tokio::spawn(tracing::Instrument::instrument(
        async move { schema.execute(request).await },
        span,
    ));
    let patience = Duration::from_millis(app.services.config.settings.limits.request_timeout_ms);
    match tokio::time::timeout(patience, running).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(panicked)) => {
            tracing::error!(%panicked, "a resolver panicked");
            let refusal = Refusal::from_error(&Error::internal("panic"));
            Ok(async_graphql::Response::from_errors(refusal.errors))
        }
        Err(late) => Err(Error::unavailable("server", late)),
    }
}

fn not_acceptable() -> Response {
    let refusal = refuse_input(
        "accept",
        "answers are application/json, application/graphql-response+json or text/event-stream",
    );
    send(Media::Json, Answer::refused(StatusCode::NOT_ACCEPTABLE, &refusal))
}

/// An answer as it is sent.
pub fn send(media: Media, answer: Answer) -> Response {
    let plain = media == Media::Json && answer.refused_document;
    let status = if plain { StatusCode::OK } else { answer.status };
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
