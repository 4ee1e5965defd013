//! `/graphql` over plain HTTP: POST for everything, GET for queries.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use apollo_compiler::executable::OperationType;
use axum::{
    body::{Body, Bytes},
    extract::{ConnectInfo, FromRequestParts, Query, Request, State, WebSocketUpgrade},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::{
    App,
    answer::{Answer, send},
    auth, events,
    front::{
        Admitted, Operation,
        operation::{from_json, from_pairs},
        outcome::{Refusal, Window, polish, refuse_input},
    },
    negotiation::{self, Media},
    rates,
    router::RequestId,
    socket,
};
use crate::{
    error::Error,
    game::accounts::Viewer,
    resolvers::{self, RequestMeta},
    services::{
        Allowance,
        audit::{Act, acting},
    },
};

/// What came with a request besides its operation.
#[derive(Clone)]
pub struct Caller {
    /// Who.
    pub viewer: Viewer,
    /// From where.
    pub meta: RequestMeta,
}

/// GET: a socket, or a query in the address.
pub async fn get(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let mut allowance = None;
    let mut response = got(app, peer, request, &mut allowance).await;
    rates::tell(&mut response, allowance);
    not_kept(&mut response);
    let depends_on = HeaderValue::from_static("accept, authorization, origin");
    response.headers_mut().append(header::VARY, depends_on);
    response
}

async fn got(
    app: App,
    peer: SocketAddr,
    request: Request,
    allowance: &mut Option<Allowance>,
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
            Ok(upgrade) => socket::upgrade(app, peer, &mut parts, upgrade, allowance).await,
            Err(rejection) => rejection.into_response(),
        };
    }
    let headers = &parts.headers;
    let Some(media) = negotiation::accepted(headers) else { return not_acceptable() };
    if !app.services.config.settings.http.get {
        let refusal = refuse_input("query", "operations are sent by POST");
        return only_post(send(media, Answer::refused(StatusCode::METHOD_NOT_ALLOWED, &refusal)));
    }
    let deadline = deadline(&app);
    let id = request_id(&parts.extensions);
    let caller = match caller(&app, peer, (headers, &parts.uri), id, allowance).await {
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
    let answer = answer(&app, &caller, operation, (true, deadline)).await;
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        return only_post(send(media, answer));
    }
    send(media, answer)
}

fn only_post(mut response: Response) -> Response {
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    response
}

/// POST: an operation, or a few, in JSON.
pub async fn post(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let mut allowance = None;
    let mut response = posted(app, peer, request, &mut allowance).await;
    rates::tell(&mut response, allowance);
    not_kept(&mut response);
    response
}

/// Answers are for who asked, and for now.
fn not_kept(response: &mut Response) {
    let never = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(never);
}

async fn posted(
    app: App,
    peer: SocketAddr,
    request: Request,
    allowance: &mut Option<Allowance>,
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
    let id = request_id(&parts.extensions);
    let caller = match caller(&app, peer, (headers, &parts.uri), id, allowance).await {
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
    let deadline = deadline(&app);
    match json {
        Value::Array(items) => {
            send(media, batch(&app, &caller, items, (allowance, deadline)).await)
        }
        single => {
            let answer = match from_json(single) {
                Ok(operation) => answer(&app, &caller, operation, (false, deadline)).await,
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

/// Answers a few operations, each of which counts as a request; the first was counted as it came.
async fn batch(
    app: &App,
    caller: &Caller,
    items: Vec<Value>,
    (allowance, deadline): (&mut Option<Allowance>, Instant),
) -> Answer {
    let most = app.services.config.settings.limits.batch;
    if items.is_empty() || items.len() > most {
        return Refusal::too_complex(format!("a batch has 1 to {most} operations")).into();
    }
    let (mut bodies, mut headers, mut window) = (Vec::new(), HeaderMap::new(), None);
    for (index, item) in items.into_iter().enumerate() {
        let taken = match index {
            0 => Ok(*allowance),
            _ => rates::take(&app.services, Some(&caller.viewer), caller.meta.peer).await,
        };
        let operation = match taken {
            Ok(left) => {
                *allowance = left;
                from_json(item)
            }
            Err(error) => Err(Refusal::from_error(&error)),
        };
        let answer = match operation {
            Ok(operation) => answer(app, caller, operation, (false, deadline)).await,
            Err(refusal) => refusal.into(),
        };
        window = window.max(answer.window);
        bodies.push(answer.body);
        for (name, value) in answer.headers.iter() {
            headers.append(name, value.clone());
        }
    }
    Answer {
        status: StatusCode::OK,
        body: format!("[{}]", bodies.join(",")),
        unavailable: false,
        window,
        headers,
        refused_document: false,
    }
}

/// Who asks, from where, and whether they may ask just now.
pub async fn caller(
    app: &App,
    peer: SocketAddr,
    (headers, uri): (&HeaderMap, &Uri),
    request_id: Arc<str>,
    allowance: &mut Option<Allowance>,
) -> Result<Caller, Error> {
    let peer = auth::peer(&app.services, peer, headers);
    let viewer = auth::viewer(&app.services, headers).await;
    *allowance = rates::take(&app.services, viewer.as_ref().ok(), peer).await?;
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let cookie = auth::cookie(&app.services.config.settings.http, headers, uri, peer)?;
    let user_agent = user_agent.map(Into::into);
    let meta = RequestMeta { request_id, peer, user_agent, cookie };
    Ok(Caller { viewer: viewer?, meta })
}

fn request_id(extensions: &axum::http::Extensions) -> Arc<str> {
    extensions.get::<RequestId>().map_or_else(|| "-".into(), |id| id.0.clone())
}

async fn answer(
    app: &App,
    caller: &Caller,
    operation: Operation,
    (read_only, deadline): (bool, Instant),
) -> Answer {
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
    let spent = rates::spend(&app.services, &caller.viewer, caller.meta.peer, admitted.cost);
    if let Err(error) = spent.await {
        return Refusal::from_error(&error).into();
    }
    let response = execute(app, caller, &admitted, deadline).await;
    metrics::histogram!("rankedhonor_request_seconds", "kind" => kind)
        .record(began.elapsed().as_secs_f64());
    let Ok(mut response) = response else {
        let error = Error::Unavailable { what: "server", source: None };
        return Refusal::from_error(&error).into();
    };
    let window = Window::told_in(&response);
    polish(&mut response, &caller.meta.request_id);
    let response = response.extension("cost", admitted.cost.into());
    let body = serde_json::to_string(&response).unwrap_or_default();
    let headers = response.http_headers;
    let status = StatusCode::OK;
    Answer { status, body, unavailable: false, window, headers, refused_document: false }
}

/// Who acts in a request.
fn act_of(caller: &Caller) -> Act {
    let actor = match &caller.viewer {
        Viewer::Anonymous => None,
        Viewer::User(who) => Some(who.user.to_string()),
        Viewer::Server(id) => Some(id.to_string()),
    };
    let meta = &caller.meta;
    Act { actor, address: Some(meta.peer.address), request_id: Some(meta.request_id.clone()) }
}

/// When what begins now is out of time.
pub fn deadline(app: &App) -> Instant {
    Instant::now() + Duration::from_millis(app.services.config.settings.limits.request_timeout_ms)
}

/// Runs an operation within its time. A mutation that is out of time, or that nobody waits for any more, goes on by itself:
/// half of it is never left. Anything else ends there.
pub async fn execute(
    app: &App,
    caller: &Caller,
    admitted: &Admitted,
    deadline: Instant,
) -> Result<async_graphql::Response, Error> {
    // Those before it in a batch may have taken all the time there was.
    if Instant::now() >= deadline {
        return Err(Error::Unavailable { what: "server", source: None });
    }
    let (viewer, meta) = (caller.viewer.clone(), caller.meta.clone());
    let request = resolvers::prepare(admitted.request(), &app.services, viewer, meta);
    let schema = app.schema.clone();
    let span = tracing::Span::current();
    let running = tokio::spawn(tracing::Instrument::instrument(
        acting(act_of(caller), async move { schema.execute(request).await }),
        span,
    ));
    let ended = match admitted.kind {
        OperationType::Mutation => timeout_at(deadline, running).await,
        OperationType::Query | OperationType::Subscription => {
            timeout_at(deadline, AbortOnDropHandle::new(running)).await
        }
    };
    match ended {
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
