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
        amount: u32,
        limit: u32,
        window_ms: i64,
        now: Timestamp,
    ) -> Result<Decision> {
        if limit == 0 {
            return Ok(Decision::Allowed { left: u32::MAX });
        }
        let entry = self.windows.get_with_by_ref(key, Arc::default);
        let mut window = entry.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(window.take(amount, limit, window_ms, now.0))
    }
}

impl Window {
    fn take(&mut self, amount: u32, limit: u32, window_ms: i64, now: i64) -> Decision {
        let index = now.div_euclid(window_ms);
        if index != self.index {
            self.last = if index == self.index + 1 { self.current } else { 0 };
            self.current = 0;
            self.index = index;
        }
        let left_ms = window_ms - now.rem_euclid(window_ms);
        let [last, current] = [self.last, self.current].map(i64::from);
        let wanted = shows(last, left_ms, window_ms) + current + i64::from(amount);
        if wanted <= i64::from(limit) {
            self.current = self.current.saturating_add(amount);
            let left = i64::from(limit) - wanted;
            return Decision::Allowed { left: u32::try_from(left).unwrap_or(0) };
        }
        // Room comes when enough of the last window has gone by, or enough of this one when it is the last.
        let room = i64::from(limit) - i64::from(amount);
        let ms = if last > 0 && current <= room {
            left_ms - (room - current) * window_ms / last
        } else {
            left_ms + window_ms - room.max(0) * window_ms / current.max(room).max(1)
        };
        Decision::RetryAfter { ms: ms.unsigned_abs() }
    }
}

/// How much of the last window's count still shows; a part of one counts as one, so that nobody gets more than the limit by
/// coming as one window ends and the next begins.
fn shows(last: i64, left_ms: i64, window_ms: i64) -> i64 {
    (last * left_ms + window_ms - 1) / window_ms
}
