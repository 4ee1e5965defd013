//! Limits that all instances share: the counters of the embedded limiter, moved by one script. While Redis is away each
//! instance counts for itself.

use async_trait::async_trait;
use redis::Script;

use super::{Decision, Limiter, local::LocalLimiter};
use crate::{backends::redis::Redis, error::Result, game::time::Timestamp};

/// Answers how many are left where it took what was wanted, else the milliseconds to wait, negative. An instance whose
/// clock is behind counts in the window that another one has begun.
const TAKE: &str = r"
local limit, window, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local amount = tonumber(ARGV[4])
local index, left = math.floor(now / window), window - now % window
local seen = redis.call('HMGET', KEYS[1], 'index', 'last', 'current')
local at, last, current = tonumber(seen[1]), tonumber(seen[2]) or 0, tonumber(seen[3]) or 0
if at and at > index then
  index, left = at, window
elseif at ~= index then
  last = (at == index - 1) and current or 0
  current = 0
end
local weighed = math.ceil(last * left / window) + current
if weighed + amount <= limit then
  redis.call('HSET', KEYS[1], 'index', index, 'last', last, 'current', current + amount)
  redis.call('PEXPIRE', KEYS[1], 2 * window)
  return limit - weighed - amount
end
local room = limit - amount
if last > 0 and current <= room then
  return -(left - math.floor((room - current) * window / last))
end
return -(left + window - math.floor(math.max(room, 0) * window / math.max(current, room, 1)))
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
        amount: u32,
        limit: u32,
        window_ms: i64,
        now: Timestamp,
    ) -> Result<Decision> {
        if limit == 0 {
            return Ok(Decision::Allowed { left: u32::MAX });
        }
        let mut call = self.take.key(self.redis.key(&format!("limit:{key}")));
        call.arg(limit).arg(window_ms).arg(now.0).arg(amount);
        let answer = self
            .redis
            .ask("limit", |mut connection| async move {
                call.invoke_async::<i64>(&mut connection).await
            })
            .await;
        match answer {
            Ok(ms) if ms < 0 => Ok(Decision::RetryAfter { ms: ms.unsigned_abs() }),
            Ok(left) => Ok(Decision::Allowed { left: u32::try_from(left).unwrap_or(u32::MAX) }),
            Err(_) => self.alone.take(key, amount, limit, window_ms, now).await,
        }
    }
}
