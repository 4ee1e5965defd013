//! Limits that all instances share: the counters of the embedded limiter, moved by one script. While Redis is away each
//! instance counts for itself.

use async_trait::async_trait;
use redis::Script;

use super::{Decision, Limiter, local::LocalLimiter};
use crate::{backends::redis::Redis, error::Result, game::time::Timestamp};

/// Answers 0 where it took one, else the milliseconds to wait. An instance whose clock is behind counts in the window that
/// another one has begun.
const TAKE: &str = r"
local limit, window, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local index, left = math.floor(now / window), window - now % window
local seen = redis.call('HMGET', KEYS[1], 'index', 'last', 'current')
local at, last, current = tonumber(seen[1]), tonumber(seen[2]) or 0, tonumber(seen[3]) or 0
if at and at > index then
  index, left = at, window
elseif at ~= index then
  last = (at == index - 1) and current or 0
  current = 0
end
local weighed = math.floor(last * left / window) + current
if weighed < limit then
  redis.call('HSET', KEYS[1], 'index', index, 'last', last, 'current', current + 1)
  redis.call('PEXPIRE', KEYS[1], 2 * window)
  return 0
end
if last > 0 and current < limit then
  return math.max(1, math.min(left, math.floor((weighed - limit + 1) * window / last)))
end
return left
";

/// See the module.
pub struct RedisLimiter {
    redis: Redis,
    take: Script,
    alone: LocalLimiter,
}

impl RedisLimiter {
    /// Limits in that Redis.
    pub fn new(redis: Redis) -> Self {
        Self { redis, take: Script::new(TAKE), alone: LocalLimiter::default() }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
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
        let mut call = self.take.key(self.redis.key(&format!("limit:{key}")));
        call.arg(limit).arg(window_ms).arg(now.0);
        let answer = self
            .redis
            .ask("limit", |mut connection| async move {
                call.invoke_async::<u64>(&mut connection).await
            })
            .await;
        match answer {
            Ok(0) => Ok(Decision::Allowed),
            Ok(ms) => Ok(Decision::RetryAfter { ms }),
            Err(_) => self.alone.take(key, limit, window_ms, now).await,
        }
    }
}
