//! The leaderboards of the current season as sorted sets in Redis, for other programs to read: `leaderboard:{mode}` holds
//! each placed player's id with their rating as score. The server itself asks its own index, which also orders equals.
//!
//! One instance writes, in the name of a token that grows with every change of hands: what one writes that was paused and
//! does not know that another has taken over is refused.

use std::sync::atomic::{AtomicBool, Ordering};

use redis::{AsyncCommands, Script};

use crate::{
    backends::redis::{Connection, Redis},
    error::Result,
    game::{event::PlayerMove, mode::ModeId, standing::Place},
};

/// Players written in one command.
const CHUNK: usize = 1_000;

/// Moves players: the token, how many are placed, each rating and id, then the ids of those who are placed no more.
const PUT: &str = r"
if tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
local placed = tonumber(ARGV[2])
for i = 1, placed do redis.call('ZADD', KEYS[1], ARGV[1 + 2 * i], ARGV[2 + 2 * i]) end
for i = 3 + 2 * placed, #ARGV do redis.call('ZREM', KEYS[1], ARGV[i]) end
return 1
";

/// Puts a draft in the board's place; a draft of nobody is not there at all.
const REPLACE: &str = r"
if tonumber(redis.call('GET', KEYS[2]) or 0) > tonumber(ARGV[1]) then
  redis.call('DEL', KEYS[3])
  return 0
end
redis.call('SET', KEYS[2], ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[1]) else redis.call('DEL', KEYS[1]) end
return 1
";

/// See the module.
pub struct Mirror {
    redis: Redis,
    put: Script,
    replace: Script,
    /// Whether something could not be written, so that all has to be written again.
    stale: AtomicBool,
}

impl Mirror {
    /// A mirror in that Redis.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            put: Script::new(PUT),
            replace: Script::new(REPLACE),
            stale: AtomicBool::new(false),
        }
    }

    /// Where a mode's board is.
    pub fn key(&self, mode: &ModeId) -> String {
        self.redis.key(&format!("leaderboard:{}", self.redis.together(mode.as_str())))
    }

    /// Whether it has to be made again.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// It has to be made again.
    pub fn spoil(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// It is being made again.
    pub fn mend(&self) {
        self.stale.store(false, Ordering::Relaxed);
    }

    /// Moves players, unless a greater token wrote before.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when Redis is away.
    pub async fn put(&self, token: i64, mode: &ModeId, moves: &[PlayerMove]) -> Result<()> {
        let key = self.key(mode);
        let mut call = self.put.key(&key);
        call.key(format!("{key}:token")).arg(token);
        let placed: Vec<_> = moves.iter().filter_map(|m| m.after.as_ref()).map(entry).collect();
        call.arg(placed.len());
        for (rating, user) in placed {
            call.arg(rating).arg(user);
        }
        for left in moves.iter().filter(|m| m.after.is_none()) {
            call.arg(left.user.to_string());
        }
        let ask = |mut connection| async move { call.invoke_async::<bool>(&mut connection).await };
        self.redis.ask("mirror", ask).await.map(drop)
    }

    /// Makes a board anew, beside the old one, which it replaces at once, unless a greater token wrote before.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when Redis is away.
    pub async fn replace(&self, token: i64, mode: &ModeId, places: &[Place]) -> Result<()> {
        let key = self.key(mode);
        let draft = format!("{key}:next:{token}");
        self.delete(&draft).await?;
        for chunk in places.chunks(CHUNK) {
            let (draft, entries): (_, Vec<_>) = (&draft, chunk.iter().map(entry).collect());
            let ask = |mut connection: Connection| async move {
                connection.zadd_multiple::<_, _, _, ()>(draft, &entries).await
            };
            self.redis.ask("mirror", ask).await?;
        }
        let mut call = self.replace.key(&key);
        call.key(format!("{key}:token")).key(&draft).arg(token);
        let ask = |mut connection| async move { call.invoke_async::<bool>(&mut connection).await };
        self.redis.ask("mirror", ask).await.map(drop)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let ask = |mut connection: Connection| async move { connection.del::<_, ()>(key).await };
        self.redis.ask("mirror", ask).await
    }

    /// The players of a mode, best first, with their ratings.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when Redis is away.
    pub async fn read(&self, mode: &ModeId) -> Result<Vec<(String, f64)>> {
        let key = self.key(mode);
        let ask = |mut connection: Connection| async move {
            connection.zrevrange_withscores::<_, Vec<(String, f64)>>(key, 0, -1).await
        };
        self.redis.ask("mirror", ask).await
    }
}

fn entry(place: &Place) -> (f64, String) {
    (place.rating, place.user.to_string())
}
