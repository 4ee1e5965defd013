//! Who is here: players with an open socket, on this instance or another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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

/// What is known of a user here.
#[derive(Default)]
struct Known {
    /// Open sockets.
    sockets: usize,
    /// Whether others are being told: one at a time, or a word that is late would stand.
    telling: bool,
}

struct Here {
    core: Arc<Core>,
    users: Mutex<HashMap<UserId, Known>>,
}

/// See the module.
pub struct Presences(Arc<Here>);

impl Presences {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self(Arc::new(Here { core, users: Mutex::default() }))
    }

    /// Counts a socket of this user until the guard is dropped; none when the user has `limit` of them already.
    pub fn connect(&self, user: UserId, limit: usize) -> Option<Connected> {
        let mut users = self.0.users();
        if users.get(&user).map_or(0, |known| known.sockets) >= limit {
            return None;
        }
        let known = users.entry(user).or_default();
        known.sockets += 1;
        if known.sockets == 1 {
            self.0.tell(user, known);
        }
        drop(users);
        Some(Connected { user, here: self.0.clone() })
    }

    /// Says again who is here.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when other instances cannot be told.
    pub async fn renew(&self) -> Result<()> {
        let mut here = Vec::new();
        for (user, known) in &mut *self.0.users() {
            if known.sockets > 0 && !known.telling {
                known.telling = true;
                here.push(*user);
            }
        }
        let told = self.0.core.presence.here(&here).await;
        let mut users = self.0.users();
        for user in here {
            if let Some(known) = users.get_mut(&user) {
                known.telling = false;
                if known.sockets == 0 {
                    self.0.tell(user, known);
                }
            }
        }
        told
    }

    /// What these users are doing.
    pub async fn of(&self, users: &[UserId]) -> Result<HashMap<UserId, Presence>> {
        // While the others cannot be asked, this instance says whom it knows.
        let elsewhere = self.0.core.presence.present(users).await.unwrap_or_default();
        let mut found: HashMap<_, _> = {
            let known = self.0.users();
            let presence = |user| {
                let here = known.get(user).is_some_and(|known| known.sockets > 0);
                let here = here || elsewhere.contains(user);
                if here { Presence::Online } else { Presence::Offline }
            };
            users.iter().map(|user| (*user, presence(user))).collect()
        };
        for row in engagements::of_users(self.0.core.sql.read(), users).await? {
            let presence =
                if row.match_id.is_some() { Presence::InMatch } else { Presence::InQueue };
            found.insert(row.user_id, presence);
        }
        Ok(found)
    }
}

impl Here {
    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Known>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the others how it stands with that user, until they know; nothing where that is being done.
    fn tell(self: &Arc<Self>, user: UserId, known: &mut Known) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if std::mem::replace(&mut known.telling, true) {
            return;
        }
        let here = self.clone();
        runtime.spawn(async move {
            loop {
                let is = here.users().get(&user).is_some_and(|known| known.sockets > 0);
                // An error: the others find out by what is said again, or no more.
                let _ = match is {
                    true => here.core.presence.here(&[user]).await,
                    false => here.core.presence.gone(user).await,
                };
                let mut users = here.users();
                let Some(known) = users.get_mut(&user) else { return };
                if (known.sockets > 0) == is {
                    known.telling = false;
                    if !is {
                        users.remove(&user);
                    }
                    return;
                }
            }
        });
    }
}

/// An open socket of a user.
pub struct Connected {
    user: UserId,
    here: Arc<Here>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut users = self.here.users();
        if let Some(known) = users.get_mut(&self.user) {
            known.sockets -= 1;
            if known.sockets == 0 {
                self.here.tell(self.user, known);
            }
        }
    }
}
