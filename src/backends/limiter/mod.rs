//! Bounds how often something may happen, by key, in a sliding window.

pub mod local;
pub mod redis;

use async_trait::async_trait;

use crate::{error::Result, game::time::Timestamp};

/// What a limiter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed {
        /// How many more would be allowed now.
        left: u32,
    },
    /// Not now.
    RetryAfter {
        /// Milliseconds after which the same would be allowed, if nothing else happens.
        ms: u64,
    },
}

/// A sliding window per key.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Takes `amount` from the `limit` that `key` has in each `window_ms` milliseconds. What is refused takes nothing. A
    /// limit of 0 is no limit.
    async fn take(
        &self,
        key: &str,
        amount: u32,
        limit: u32,
        window_ms: i64,
        now: Timestamp,
    ) -> Result<Decision>;
}
