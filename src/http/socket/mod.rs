//! `/graphql` over a WebSocket: graphql-transport-ws or its predecessor, with deadlines and bounds on everything.

mod connection;
mod protocol;

use std::{net::SocketAddr, sync::Arc};

use async_graphql_axum::GraphQLProtocol;
use axum::{
    extract::{FromRequestParts, WebSocketUpgrade},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use self::connection::Upgrade;
use super::{
    App,
    answer::send,
    auth,
    events::unavailable,
    front::outcome::Refusal,
    live::{connections::Full, dialect::Dialect},
    negotiation::Media,
    rates,
    router::RequestId,
    server::Running,
};
use crate::{resolvers::RequestMeta, services::Allowance};

/// The subprotocols that are spoken, the best first.
const DIALECTS: [(&str, Dialect); 2] =
    [("graphql-transport-ws", Dialect::TransportWs), ("graphql-ws", Dialect::LegacyWs)];
/// Bytes read at once: the default of 128 KiB would be the largest part of what a socket costs.
const READ_BUFFER: usize = 4096;
/// Bytes that are written at once where several answers wait.
const WRITE_BUFFER: usize = 4096;

/// Turns a request into a socket, unless a page of somebody else's sent it.
pub async fn upgrade(
    app: App,
    peer: SocketAddr,
    parts: &mut Parts,
    upgrade: WebSocketUpgrade,
    allowance: &mut Option<Allowance>,
) -> Response {
    // A client that speaks no subprotocol of GraphQL at all is told so.
    if let Err(refused) = GraphQLProtocol::from_request_parts(parts, &app).await {
        return refused.into_response();
    }
    let headers = &parts.headers;
    if !auth::is_own_origin(headers, &parts.uri, &app.services.config.settings.http) {
        return (StatusCode::FORBIDDEN, "sockets from this origin are not allowed").into_response();
    }
    if app.draining.is_cancelled() {
        let what = "the server is stopping";
        return unavailable(Full { what, limit: "draining", retry_after_s: 1 });
    }
    let upgrade = upgrade.protocols(DIALECTS.map(|(name, _)| name));
    let selected = upgrade.selected_protocol().cloned();
    let dialect = DIALECTS.iter().find(|(name, _)| selected.as_ref().is_some_and(|s| s == name));
    let Some((_, dialect)) = dialect else {
        let message = "the subprotocol is graphql-transport-ws";
        return (StatusCode::BAD_REQUEST, message).into_response();
    };
    let peer = auth::peer(&app.services, peer, headers);
    let seat = match app.connections.admit(peer) {
        Ok(seat) => seat,
        Err(full) => return unavailable(full),
    };
    let limits = app.services.config.settings.limits.socket.clone();
    // A token in the header of the upgrade counts unless the greeting brings another; a bad one is told in the protocol's
    // own way, once there is a socket.
    let viewer = auth::viewer(&app.services, headers).await;
    match rates::take(&app.services, viewer.as_ref().ok(), peer).await {
        Ok(left) => *allowance = left,
        Err(error) => return send(Media::Json, Refusal::from_error(&error).into()),
    }
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let meta = RequestMeta {
        request_id: parts
            .extensions
            .get::<RequestId>()
            .map_or_else(|| "-".into(), |id| id.0.clone()),
        peer,
        user_agent: user_agent.map(Into::into),
        cookie: None,
    };
    let running = parts.extensions.remove::<Arc<Running>>();
    let came = Box::new(Upgrade { dialect: *dialect, viewer, meta, seat });
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(limits.message_bytes)
        .max_frame_size(limits.message_bytes)
        .on_upgrade(move |socket| {
            let tracked = app.sockets.clone();
            tracked.track_future(Box::pin(async move {
                let _running = running;
                connection::run(app, socket, came).await;
            }))
        })
}
