//! Who has an open socket, on whichever instance. It is forgotten by itself: an instance that died is not heard of again.

pub mod local;
pub mod redis;

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;

use crate::{error::Result, game::ids::UserId};

/// How long what an instance said holds.
pub const LIFE: Duration = Duration::from_secs(15);

/// Who is here.
#[async_trait]
pub trait Presence: Send + Sync {
    /// These users have a socket on this instance; to be said again before [`LIFE`] is over.
    async fn here(&self, users: &[UserId]) -> Result<()>;

    /// This user has no socket on this instance any more.
    async fn gone(&self, user: UserId) -> Result<()>;

    /// Those of these users who have a socket on any instance.
    async fn present(&self, users: &[UserId]) -> Result<HashSet<UserId>>;
}
