//! Who asks, and from where.

use std::{net::SocketAddr, time::Duration};

use axum::http::{HeaderMap, HeaderValue, Uri, header};

use super::forwarded::client_address;
use crate::{
    config::Http,
    error::{Error, Result},
    game::accounts::Viewer,
    resolvers::{Cookie, Peer, cookie_name},
    services::{Services, now},
};

/// The viewer that an `Authorization` header proves. A bad one is an error, never a silent step down to anonymous.
///
/// # Errors
/// UNAUTHENTICATED.
pub async fn viewer(services: &Services, headers: &HeaderMap) -> Result<Viewer> {
    match headers.get(header::AUTHORIZATION) {
        None => Ok(Viewer::Anonymous),
        Some(value) => bearer(services, value.to_str().unwrap_or_default()).await,
    }
}

/// The viewer that `Bearer …` proves.
///
/// # Errors
/// UNAUTHENTICATED.
pub async fn bearer(services: &Services, value: &str) -> Result<Viewer> {
    let token = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => return Err(Error::Unauthenticated("authorization is `Bearer` and a token".into())),
    };
    services.accounts.authenticate(token).await
}

/// What browsers keep for a client that asks them to (`X-Session-Mode: cookie`); no page of another origin can ask, for the
/// header is none that may be sent without asking this server first.
///
/// # Errors
/// FORBIDDEN for a page that may not use the cookies of this server, BAD_USER_INPUT for another mode.
pub fn cookie(
    settings: &Http,
    headers: &HeaderMap,
    uri: &Uri,
    peer: Peer,
) -> Result<Option<Cookie>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match headers.get("x-session-mode").map(HeaderValue::as_bytes) {
        None => return Ok(None),
        Some(b"cookie") => {}
        Some(_) => return Err(Error::bad_input("x-session-mode", "the one mode is `cookie`")),
    }
    if !is_own_origin(headers, uri, settings) {
        return Err(Error::Forbidden("cookies from this origin are not allowed".into()));
    }
    let secure = settings.secure_cookies && !peer.is_local;
    let name = cookie_name(secure);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    let mut kept = pairs.filter(|(known, _)| known.trim() == name).map(|(_, value)| value.trim());
    let refresh = kept.next().filter(|value| !value.is_empty());
    let csrf = text("x-csrf-token");
    Ok(Some(Cookie { refresh: refresh.map(Into::into), csrf: csrf.map(Into::into), secure }))
}

/// Browsers name the page that sends a request or opens a socket; other clients name none.
pub fn is_own_origin(headers: &HeaderMap, uri: &Uri, settings: &Http) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    // Over HTTP/2 the address alone names the server.
    let authority = uri.authority().map(axum::http::uri::Authority::as_str);
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).or(authority);
    let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
    own || settings.allowed_origins.iter().any(|allowed| allowed == origin)
}

/// How long from now a viewer's token is good for; none for ever.
pub fn expires_in(viewer: &Viewer) -> Option<Duration> {
    let ms = viewer.signed_in()?.expires_at.since(now()).max(0).unsigned_abs();
    Some(Duration::from_millis(ms))
}

/// What proxies say of whom they speak for.
const FORWARDING: [&str; 6] =
    ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "via"];

/// Where a request came from.
pub fn peer(services: &Services, socket: SocketAddr, headers: &HeaderMap) -> Peer {
    let trusted = &services.config.settings.http.trusted_proxies;
    let lines = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    let address = client_address(trusted, socket.ip(), lines);
    // Whom a proxy on this machine speaks for is not on this machine, whether it is trusted or not.
    let forwarded = FORWARDING.iter().any(|name| headers.contains_key(*name));
    Peer { address, is_local: address.is_loopback() && !forwarded }
}
