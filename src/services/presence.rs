//! Who is here: players with an open socket, on this instance or another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::core::Core;
use crate::{entities::engagements, error::Result, game::ids::UserId};

/// What a player is doing, as others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Not here.
    Offline,
    /// Here.
    Online,
    /// Waiting for a match.
    InQueue,
    /// Playing.
    InMatch,
}

type Sockets = Mutex<HashMap<UserId, usize>>;

/// See the module.
pub struct Presences {
    core: Arc<Core>,
    sockets: Arc<Sockets>,
}

impl Presences {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, sockets: Arc::default() }
    }

    /// Counts a socket of this user until the guard is dropped; none when the user has `limit` of them already.
    pub fn connect(&self, user: UserId, limit: usize) -> Option<Connected> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sockets.entry(user).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        let first = *count == 1;
        drop(sockets);
        if first {
            let core = self.core.clone();
            tokio::spawn(async move { core.presence.here(&[user]).await });
        }
        Some(Connected { user, sockets: self.sockets.clone(), core: self.core.clone() })
    }

    /// Says again who is here.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when other instances cannot be told.
    pub async fn renew(&self) -> Result<()> {
        let here: Vec<_> = {
            let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            sockets.keys().copied().collect()
        };
        self.core.presence.here(&here).await
    }

    /// What these users are doing.
    pub async fn of(&self, users: &[UserId]) -> Result<HashMap<UserId, Presence>> {
        // While the others cannot be asked, this instance says whom it knows.
        let elsewhere = self.core.presence.present(users).await.unwrap_or_default();
        let mut found: HashMap<_, _> = {
            let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
            let presence = |user| {
                let here = elsewhere.contains(user) || sockets.contains_key(user);
                if here { Presence::Online } else { Presence::Offline }
            };
            users.iter().map(|user| (*user, presence(user))).collect()
        };
        for row in engagements::of_users(self.core.sql.read(), users).await? {
            let presence =
                if row.match_id.is_some() { Presence::InMatch } else { Presence::InQueue };
            found.insert(row.user_id, presence);
        }
        Ok(found)
    }
}

/// An open socket of a user.
pub struct Connected {
    user: UserId,
    sockets: Arc<Sockets>,
    core: Arc<Core>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sockets.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                sockets.remove(&self.user);
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    let (core, user) = (self.core.clone(), self.user);
                    runtime.spawn(async move { core.presence.gone(user).await });
                }
            }
        }
    }
}
