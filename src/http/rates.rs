//! How often who may ask: a window for each account, server key or address; and for operations that are dear, another of
//! what they may cost together.

use axum::http::{HeaderName, HeaderValue, Response, header};

use super::front::outcome::Window;
use crate::{
    error::Result,
    game::accounts::Viewer,
    resolvers::Peer,
    services::{Allowance, Services, network},
};

/// What an operation may cost and not be counted but as one.
const LIGHT: usize = 100;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Headers that are told to pages of other origins.
pub const TOLD: [HeaderName; 3] = [LIMIT, REMAINING, RESET];

/// Takes a request; none where there is no limit. A bad token is counted against the address that it came from.
///
/// # Errors
/// RATE_LIMITED.
pub async fn take(
    services: &Services,
    viewer: Option<&Viewer>,
    peer: Peer,
) -> Result<Option<Allowance>> {
    let limits = &services.config.settings.limits;
    let (key, limit) = match viewer {
        Some(Viewer::User(who)) => (format!("user:{}", who.user), limits.user_per_minute),
        Some(Viewer::Server(id)) => (format!("server:{id}"), limits.server_per_minute),
        Some(Viewer::Anonymous) | None => {
            if peer.is_spared(services) {
                return Ok(None);
            }
            (format!("address:{}", network(peer.address)), limits.anonymous_per_minute)
        }
    };
    services.take(&key, limit).await
}

/// Takes what an operation may cost.
///
/// # Errors
/// RATE_LIMITED.
pub async fn spend(services: &Services, viewer: &Viewer, peer: Peer, cost: usize) -> Result<()> {
    let limits = &services.config.settings.limits;
    if cost <= LIGHT {
        return Ok(());
    }
    let (key, limit) = match viewer {
        Viewer::User(who) => (format!("cost:{}", who.user), limits.cost_user_per_minute),
        Viewer::Server(_) => return Ok(()),
        Viewer::Anonymous if peer.is_spared(services) => return Ok(()),
        Viewer::Anonymous => {
            (format!("cost:{}", network(peer.address)), limits.cost_anonymous_per_minute)
        }
    };
    let cost = u32::try_from(cost).unwrap_or(u32::MAX);
    services.take_some(&key, cost.min(limit), limit).await.map(drop)
}

/// Tells a client what is left to it, in the terms of the draft "RateLimit header fields for HTTP"; nothing where it was
/// told of another window that was full.
pub fn tell<B>(response: &mut Response<B>, allowance: Option<Allowance>) {
    let headers = response.headers_mut();
    if let Some(Allowance { limit, left, reset_ms }) = allowance
        && !headers.contains_key(LIMIT)
    {
        headers.insert(LIMIT, HeaderValue::from(limit));
        headers.insert(REMAINING, HeaderValue::from(left));
        headers.insert(RESET, HeaderValue::from(reset_ms.div_ceil(1000)));
    }
}

/// Tells a client which window was full, and when to come back.
pub fn refuse<B>(response: &mut Response<B>, window: Window) {
    let headers = response.headers_mut();
    let seconds = HeaderValue::from(window.retry_after_ms.div_ceil(1000));
    headers.insert(header::RETRY_AFTER, seconds.clone());
    headers.insert(LIMIT, HeaderValue::from(window.limit));
    headers.insert(REMAINING, HeaderValue::from(0));
    headers.insert(RESET, seconds);
}
