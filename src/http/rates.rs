//! How often who may ask: a window for each account, server key or address; and for operations that are dear, another of
//! what they may cost together.

use std::net::IpAddr;

use axum::http::{HeaderName, HeaderValue, Response};

use crate::{
    error::{Error, Result},
    game::accounts::Viewer,
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
    address: IpAddr,
) -> Result<Option<Allowance>> {
    let limits = &services.config.settings.limits;
    let (key, limit) = match viewer {
        Some(Viewer::User(who)) => (format!("user:{}", who.user), limits.user_per_minute),
        Some(Viewer::Server(id)) => (format!("server:{id}"), limits.server_per_minute),
        Some(Viewer::Anonymous) | None => {
            if limits.exempt_loopback && address.is_loopback() {
                return Ok(None);
            }
            (format!("address:{}", network(address)), limits.anonymous_per_minute)
        }
    };
    services.take(&key, limit).await
}

/// Takes what an operation may cost.
///
/// # Errors
/// RATE_LIMITED.
pub async fn spend(
    services: &Services,
    viewer: &Viewer,
    address: IpAddr,
    cost: usize,
) -> Result<()> {
    let limits = &services.config.settings.limits;
    if cost <= LIGHT {
        return Ok(());
    }
    let (key, limit) = match viewer {
        Viewer::User(who) => (format!("cost:{}", who.user), limits.cost_user_per_minute),
        Viewer::Server(_) => return Ok(()),
        Viewer::Anonymous if limits.exempt_loopback && address.is_loopback() => return Ok(()),
        Viewer::Anonymous => {
            (format!("cost:{}", network(address)), limits.cost_anonymous_per_minute)
        }
    };
    let cost = u32::try_from(cost).unwrap_or(u32::MAX);
    services.take_some(&key, cost.min(limit), limit).await.map(drop)
}

/// Tells a client what is left to it, in the terms of the draft "RateLimit header fields for HTTP".
pub fn tell<B>(response: &mut Response<B>, allowance: &Result<Option<Allowance>, Error>) {
    let headers = response.headers_mut();
    match allowance {
        Ok(Some(allowance)) => {
            headers.insert(LIMIT, HeaderValue::from(allowance.limit));
            headers.insert(REMAINING, HeaderValue::from(allowance.left));
            headers.insert(RESET, HeaderValue::from(allowance.reset_ms.div_ceil(1000)));
        }
        Err(Error::RateLimited { retry_after_ms }) => {
            headers.insert(REMAINING, HeaderValue::from(0));
            headers.insert(RESET, HeaderValue::from(retry_after_ms.div_ceil(1000)));
        }
        _ => {}
    }
}
