//! Who asks, and from where.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::http::{HeaderMap, header};

use crate::{
    error::{Error, Result},
    game::accounts::Viewer,
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

/// How long from now a viewer's token is good for; none for ever.
pub fn expires_in(viewer: &Viewer) -> Option<Duration> {
    let ms = viewer.signed_in()?.expires_at.since(now()).max(0).unsigned_abs();
    Some(Duration::from_millis(ms))
}

/// The client's address: the socket's, or (behind a trusted proxy) the last that the proxies vouch for.
pub fn address(services: &Services, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = &services.config.settings.http.trusted_proxies;
    let mut address = peer.ip().to_canonical();
    let forwarded =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<_> = forwarded.flat_map(|value| value.split(',')).collect();
    for hop in hops.iter().rev() {
        if !trusted.contains(&address) {
            break;
        }
        let Ok(next) = hop.trim().parse::<IpAddr>() else { break };
        address = next.to_canonical();
    }
    address
}
