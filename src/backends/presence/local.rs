//! Presence within one process, which forgets nobody by itself: it knows.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use super::Presence;
use crate::{error::Result, game::ids::UserId};

/// See the module.
#[derive(Default)]
pub struct LocalPresence {
    users: Mutex<HashSet<UserId>>,
}

#[async_trait]
impl Presence for LocalPresence {
    async fn here(&self, users: &[UserId]) -> Result<()> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).extend(users);
        Ok(())
    }

    async fn gone(&self, user: UserId) -> Result<()> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).remove(&user);
        Ok(())
    }

    async fn present(&self, users: &[UserId]) -> Result<HashSet<UserId>> {
        let here = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(users.iter().filter(|user| here.contains(user)).copied().collect())
    }
}
