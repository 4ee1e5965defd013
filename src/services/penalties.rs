//! Queue locks of those who decline or leave matches, and who has blocked whom: what keeps people out of matches.

use std::{collections::HashMap, sync::Arc};

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};

use super::{
    core::{Core, now},
    joining::called,
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{blocks, is_unique_violation, penalties, users},
    error::{Error, Result},
    game::{
        event::Fact,
        ids::UserId,
        penalty::{Misdeed, after_misdeed},
        time::Timestamp,
    },
};

/// How many others one can block.
pub const BLOCKS_MAX: u64 = 500;

/// See the module.
pub struct Penalties {
    core: Arc<Core>,
}

impl Penalties {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// What keeps a user out of the queue, where something does now.
    pub async fn lock_of(&self, user: UserId) -> Result<Option<penalties::Model>> {
        let row = penalties::of_users(self.core.sql.read(), &[user]).await?.pop();
        Ok(row.filter(|row| row.locked_until > now()))
    }

    /// Never matches the two again; the other is not told.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown user, BAD_USER_INPUT for oneself or one more than [`BLOCKS_MAX`].
    pub async fn block(&self, user: UserId, other: UserId) -> Result<()> {
        if user == other {
            return Err(Error::bad_input("input.userId", "nobody can block themselves"));
        }
        retrying(|| self.try_block(user, other)).await
    }

    async fn try_block(&self, user: UserId, other: UserId) -> Result<()> {
        let tx = self.core.sql.begin().await?;
        let known = users::lock(&tx, &[user, other]).await?;
        if !known.iter().any(|row| row.id == other) {
            return Err(Error::NotFound("user"));
        }
        let held = blocks::of_users(&tx, &[user]).await?;
        if held.iter().any(|row| row.blocked_id == other) {
            return Ok(());
        }
        if held.len() as u64 >= BLOCKS_MAX {
            let message = format!("one can block {BLOCKS_MAX} others at most");
            return Err(Error::bad_input("input.userId", message));
        }
        let row = blocks::Model { user_id: user, blocked_id: other, created_at: now() };
        match blocks::Entity::insert(row.into_active_model().reset_all())
            .exec_without_returning(&tx)
            .await
        {
            Err(error) if is_unique_violation(&error) => return Ok(()),
            other => other.map(drop)?,
        }
        self.core.commit(tx, &[Fact::BlocksChanged { user }]).await.map(drop)
    }

    /// Takes a block away; false where there was none.
    pub async fn unblock(&self, user: UserId, other: UserId) -> Result<bool> {
        retrying(|| self.try_unblock(user, other)).await
    }

    async fn try_unblock(&self, user: UserId, other: UserId) -> Result<bool> {
        let tx = self.core.sql.begin().await?;
        if !blocks::remove(&tx, user, other).await? {
            return Ok(false);
        }
        self.core.commit(tx, &[Fact::BlocksChanged { user }]).await?;
        Ok(true)
    }

    /// Whom a user has blocked, the latest first.
    pub async fn blocked_by(&self, user: UserId) -> Result<Vec<UserId>> {
        let rows = blocks::latest(self.core.sql.read(), user, BLOCKS_MAX).await?;
        Ok(rows.into_iter().map(|row| row.blocked_id).collect())
    }
}

/// Refuses to queue people of whom one is locked.
pub(super) async fn refuse_locked(
    tx: &Tx,
    viewer: UserId,
    profiles: &[users::Model],
    now: Timestamp,
) -> Result<()> {
    let ids: Vec<_> = profiles.iter().map(|profile| profile.id).collect();
    let rows = penalties::of_users(tx, &ids).await?;
    let Some(longest) = rows.iter().max_by_key(|row| row.locked_until) else { return Ok(()) };
    let left = longest.locked_until.since(now);
    if left <= 0 {
        return Ok(());
    }
    let name = profiles.iter().find(|profile| profile.id == longest.user_id);
    let who = called(longest.user_id, viewer, name.map_or("a member", |row| &row.username));
    Err(Error::Locked { who, retry_after_ms: left.unsigned_abs() })
}

/// Counts misdeeds against those who did them: the facts tell them what it costs. Their accounts must be locked, or nobody else
/// be able to punish them meanwhile.
pub(super) async fn punish(
    tx: &Tx,
    deeds: &[(UserId, Misdeed)],
    now: Timestamp,
) -> Result<Vec<Fact>> {
    if deeds.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = deeds.iter().map(|(user, _)| *user).collect();
    let mut held: HashMap<_, _> =
        penalties::lock(tx, &ids).await?.into_iter().map(|row| (row.user_id, row)).collect();
    let mut facts = Vec::new();
    for (user, reason) in deeds {
        let before = held.get(user).map(penalties::Model::record);
        let (record, locked_until) = after_misdeed(before, now);
        let longest = held.get(user).map_or(locked_until, |row| row.locked_until.max(locked_until));
        let row = penalties::Model {
            user_id: *user,
            steps: i32::try_from(record.steps).unwrap_or(i32::MAX),
            last_at: record.last_at,
            locked_until: longest,
            reason: *reason,
        };
        facts.push(Fact::Penalised {
            user: *user,
            reason: *reason,
            locked_until: longest,
            at: now,
        });
        held.insert(*user, row);
    }
    penalties::put(tx, held.into_values().collect()).await?;
    Ok(facts)
}
