//! Limits within one process: a counter for this window and one for the last, weighed by how much of the last still
//! shows (the sliding window counter; its error against a true log is within what one window's unevenness allows).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use moka::sync::Cache;

use super::{Decision, Limiter};
use crate::{error::Result, game::time::Timestamp};

/// Keys remembered at once; the least used are forgotten first.
const KEYS: u64 = 100_000;

#[derive(Default)]
struct Window {
    index: i64,
    last: u32,
    current: u32,
}

/// See the module.
pub struct LocalLimiter {
    windows: Cache<String, Arc<Mutex<Window>>>,
}

impl Default for LocalLimiter {
    fn default() -> Self {
        let windows =
            Cache::builder().max_capacity(KEYS).time_to_idle(Duration::from_secs(600)).build();
        Self { windows }
    }
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn take(
        &self,
        key: &str,
        limit: u32,
        window_ms: i64,
        now: Timestamp,
    ) -> Result<Decision> {
        if limit == 0 {
            return Ok(Decision::Allowed);
        }
        let entry = self.windows.get_with_by_ref(key, Arc::default);
        let mut window = entry.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(window.take(limit, window_ms, now.0))
    }
}

impl Window {
    fn take(&mut self, limit: u32, window_ms: i64, now: i64) -> Decision {
        let index = now.div_euclid(window_ms);
        if index != self.index {
            self.last = if index == self.index + 1 { self.current } else { 0 };
            self.current = 0;
            self.index = index;
        }
        let left_ms = window_ms - now.rem_euclid(window_ms);
        let weighed = i64::from(self.last) * left_ms / window_ms + i64::from(self.current);
        if weighed < i64::from(limit) {
            self.current += 1;
            return Decision::Allowed;
        }
        // Room comes when enough of the last window has gone by, or when this one becomes the last.
        let excess = weighed - i64::from(limit) + 1;
        let ms = if self.last > 0 && i64::from(self.current) < i64::from(limit) {
            (excess * window_ms / i64::from(self.last)).clamp(1, left_ms)
        } else {
            left_ms
        };
        Decision::RetryAfter { ms: ms.unsigned_abs() }
    }
}
