//! Leases in Redis, by its own time.

use std::time::Duration;

use async_trait::async_trait;
use redis::{AsyncCommands, Script};

use super::Leases;
use crate::{backends::redis::Redis, error::Result};

const HOLD: &str = r"
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
";

const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
";

/// See the module.
pub struct RedisLeases {
    redis: Redis,
    hold: Script,
    release: Script,
}

impl RedisLeases {
    /// Leases in that Redis.
    pub fn new(redis: Redis) -> Self {
        Self { redis, hold: Script::new(HOLD), release: Script::new(RELEASE) }
    }

    fn key(&self, name: &str) -> String {
        self.redis.key(&format!("lease:{name}"))
    }
}

#[async_trait]
impl Leases for RedisLeases {
    async fn hold(&self, name: &str, holder: &str, life: Duration) -> Result<bool> {
        let mut call = self.hold.key(self.key(name));
        call.arg(holder).arg(u64::try_from(life.as_millis()).unwrap_or(u64::MAX));
        let ask = |mut connection| async move { call.invoke_async::<bool>(&mut connection).await };
        self.redis.ask("lease", ask).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<()> {
        let mut call = self.release.key(self.key(name));
        call.arg(holder);
        let ask = |mut connection| async move { call.invoke_async::<bool>(&mut connection).await };
        self.redis.ask("lease", ask).await.map(drop)
    }

    async fn holder(&self, name: &str) -> Result<Option<String>> {
        let key = self.key(name);
        let ask = |mut connection: crate::backends::redis::Connection| async move {
            connection.get::<_, Option<String>>(key).await
        };
        self.redis.ask("lease", ask).await
    }
}
