//! Presence that all instances share: a hash a user, a field an instance, until when it holds.

use std::{collections::HashSet, time::SystemTime};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use redis::{AsyncCommands, Script};
use uuid::Uuid;

use super::{LIFE, Presence};
use crate::{
    backends::redis::{Connection, Redis},
    error::Result,
    game::ids::UserId,
};

/// Questions under way at once.
const WIDTH: usize = 64;

const HERE: &str = r"
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
";

/// See the module.
pub struct RedisPresence {
    redis: Redis,
    here: Script,
    instance: String,
}

impl RedisPresence {
    /// What that instance says in that Redis.
    pub fn new(redis: Redis, instance: Uuid) -> Self {
        Self { redis, here: Script::new(HERE), instance: instance.to_string() }
    }

    fn key(&self, user: UserId) -> String {
        self.redis.key(&format!("presence:{user}"))
    }

    async fn announce(&self, user: UserId) -> Result<()> {
        let mut call = self.here.key(self.key(user));
        let life = u64::try_from(LIFE.as_millis()).unwrap_or(u64::MAX);
        call.arg(&self.instance).arg(now_ms() + life).arg(life);
        let ask = |mut connection| async move { call.invoke_async::<bool>(&mut connection).await };
        self.redis.ask("presence", ask).await.map(drop)
    }

    async fn ask_for(&self, user: UserId) -> Result<(UserId, bool)> {
        let key = self.key(user);
        let ask =
            |mut connection: Connection| async move { connection.hvals::<_, Vec<u64>>(key).await };
        let until = self.redis.ask("presence", ask).await?;
        Ok((user, until.into_iter().any(|until| until > now_ms())))
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl Presence for RedisPresence {
    async fn here(&self, users: &[UserId]) -> Result<()> {
        let told = stream::iter(users.to_vec()).map(|user| self.announce(user));
        told.buffer_unordered(WIDTH).try_collect().await
    }

    async fn gone(&self, user: UserId) -> Result<()> {
        let (key, field) = (self.key(user), self.instance.clone());
        let ask = |mut connection: Connection| async move {
            connection.hdel::<_, _, i64>(key, field).await
        };
        self.redis.ask("presence", ask).await.map(drop)
    }

    async fn present(&self, users: &[UserId]) -> Result<HashSet<UserId>> {
        let asked = stream::iter(users.to_vec()).map(|user| self.ask_for(user));
        let known: Vec<_> = asked.buffer_unordered(WIDTH).try_collect().await?;
        Ok(known.into_iter().filter_map(|(user, present)| present.then_some(user)).collect())
    }
}
