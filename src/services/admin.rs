//! What moderators and admins do to others.

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, ModelTrait, Set};
use uuid::Uuid;

use super::{
    Services,
    core::{Core, now},
    paging::{Page, Slice},
    sessions::activity,
};
use crate::{
    backends::sql::{Tx, retrying},
    entities::{notes, penalties, sessions, users},
    error::{Error, Result},
    game::{
        accounts::{Role, SignedIn},
        event::Fact,
        ids::{NoteId, UserId},
        penalty::Misdeed,
        time::Timestamp,
    },
};

/// Characters of a note.
const NOTE_MAX: usize = 1_000;
/// Notes that are shown.
const NOTES: u64 = 100;

/// See the module.
pub struct Admin {
    core: Arc<Core>,
}

impl Admin {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Keeps a user out until a time (none: until lifted; a past one lifts it), ends their sessions and takes them out
    /// of the queue.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown user, FORBIDDEN for one of the viewer's own rank or above, BAD_USER_INPUT for a bad reason.
    pub async fn suspend(
        &self,
        services: &Services,
        by: &SignedIn,
        user: UserId,
        until: Option<Timestamp>,
        reason: &str,
    ) -> Result<users::Model> {
        let reason = checked_reason("input.reason", reason)?;
        retrying(|| self.try_suspend(services, by, user, until, &reason)).await
    }

    async fn try_suspend(
        &self,
        services: &Services,
        by: &SignedIn,
        user: UserId,
        until: Option<Timestamp>,
        reason: &str,
    ) -> Result<users::Model> {
        let tx = self.core.sql.begin().await?;
        let row = below(&tx, by, user).await?;
        let until = until.unwrap_or(Timestamp::FOREVER);
        let lifted = until <= now();
        let before = serde_json::json!({
            "until": row.suspended_until, "reason": row.suspended_reason,
        });
        let mut row = row.into_active_model();
        row.suspended_until = Set((!lifted).then_some(until));
        row.suspended_reason = Set((!lifted).then(|| reason.to_owned()));
        let row = row.update(&tx).await?;
        let live = if lifted { Vec::new() } else { sessions::live_of(&tx, user).await? };
        let kind = if lifted { "SUSPENSION_LIFTED" } else { "SUSPENDED" };
        let data = serde_json::json!({
            "before": before, "after": {"until": row.suspended_until}, "reason": reason,
        });
        let trail = activity(user, kind, Some(by.user), data);
        services.accounts.end_sessions(tx, &live, trail).await?;
        if !lifted {
            services.queue.leave(user).await?;
        }
        tracing::info!(by = %by.user, %user, until = until.0, %reason, lifted, "suspension");
        Ok(row)
    }

    /// Gives a user another role, which ends their sessions.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown user, FORBIDDEN for the viewer themselves.
    pub async fn set_role(
        &self,
        services: &Services,
        by: &SignedIn,
        user: UserId,
        role: Role,
    ) -> Result<users::Model> {
        if by.user == user {
            return Err(Error::Forbidden("nobody can change their own role".into()));
        }
        retrying(|| self.try_set_role(services, by, user, role)).await
    }

    async fn try_set_role(
        &self,
        services: &Services,
        by: &SignedIn,
        user: UserId,
        role: Role,
    ) -> Result<users::Model> {
        let tx = self.core.sql.begin().await?;
        let row = with_role(&tx, by, user).await?;
        if row.role == role {
            return Ok(row);
        }
        let (before, planned) = (row.role, row.deletes_at);
        // Whoever holds a role is not deleted.
        let kept = planned.filter(|_| role == Role::Player);
        let mut row = row.into_active_model();
        row.role = Set(role);
        row.deletes_at = Set(kept);
        let row = row.update(&tx).await?;
        let live = sessions::live_of(&tx, user).await?;
        let mut data = serde_json::json!({
            "before": {"role": before.as_str()}, "after": {"role": role.as_str()},
        });
        if planned.is_some() {
            data["before"]["deletesAt"] = serde_json::json!(planned);
            data["after"]["deletesAt"] = serde_json::json!(kept);
        }
        let trail = activity(user, "ROLE_CHANGED", Some(by.user), data);
        services.accounts.end_sessions(tx, &live, trail).await?;
        tracing::info!(by = %by.user, %user, role = role.as_str(), "role changed");
        Ok(row)
    }

    /// Keeps a user out of the queue until a time, and takes them out of it.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown user, FORBIDDEN for one of the viewer's own rank or above, BAD_USER_INPUT for a time that is
    /// not to come, or a bad reason.
    pub async fn lock_queue(
        &self,
        services: &Services,
        by: &SignedIn,
        user: UserId,
        until: Timestamp,
        reason: &str,
    ) -> Result<users::Model> {
        let reason = checked_reason("input.reason", reason)?;
        if until <= now() {
            return Err(Error::bad_input("input.until", "a lock ends in the future"));
        }
        let user = retrying(|| self.try_lock(by, user, until, &reason)).await?;
        services.queue.leave(user.id).await?;
        Ok(user)
    }

    async fn try_lock(
        &self,
        by: &SignedIn,
        user: UserId,
        until: Timestamp,
        reason: &str,
    ) -> Result<users::Model> {
        let tx = self.core.sql.begin().await?;
        let row = below(&tx, by, user).await?;
        let now = now();
        let held = penalties::lock(&tx, &[user]).await?.pop();
        let before = held.as_ref().map(|held| held.locked_until);
        let lock = penalties::Model {
            user_id: user,
            steps: held.as_ref().map_or(0, |held| held.steps),
            last_at: held.map_or(now, |held| held.last_at),
            locked_until: until,
            reason: Misdeed::Conduct,
        };
        penalties::put(&tx, vec![lock]).await?;
        let told = Fact::Penalised { user, reason: Misdeed::Conduct, locked_until: until, at: now };
        let data = serde_json::json!({
            "before": {"lockedUntil": before}, "after": {"lockedUntil": until}, "reason": reason,
        });
        let trail = activity(user, "QUEUE_LOCKED", Some(by.user), data);
        self.core.commit(tx, &[told, trail]).await?;
        Ok(row)
    }

    /// Notes something about a user, for moderators.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown user, FORBIDDEN for one of the viewer's own rank or above, BAD_USER_INPUT for a note that is
    /// empty or longer than 1,000 characters.
    pub async fn note(&self, by: &SignedIn, user: UserId, text: &str) -> Result<notes::Model> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > NOTE_MAX {
            let message = format!("a note has 1 to {NOTE_MAX} characters");
            return Err(Error::bad_input("input.text", message));
        }
        let note = notes::Model {
            id: NoteId::from_uuid(Uuid::now_v7()),
            user_id: user,
            author_id: by.user,
            text: text.into(),
            created_at: now(),
        };
        let tx = self.core.sql.begin().await?;
        below(&tx, by, user).await?;
        let row = note.clone().into_active_model().reset_all();
        notes::Entity::insert(row).exec_without_returning(&tx).await?;
        let data = serde_json::json!({"note": note.id});
        self.core.commit(tx, &[activity(user, "NOTE_ADDED", Some(by.user), data)]).await?;
        Ok(note)
    }

    /// Lets a user queue again, and forgives what they did; false where there was nothing.
    ///
    /// # Errors
    /// NOT_FOUND for an unknown user, FORBIDDEN for one of the viewer's own rank or above, BAD_USER_INPUT for a bad reason.
    pub async fn lift_queue_lock(
        &self,
        by: &SignedIn,
        user: UserId,
        reason: Option<&str>,
    ) -> Result<bool> {
        let reason = reason.map(|reason| checked_reason("input.reason", reason)).transpose()?;
        retrying(|| self.try_lift(by, user, reason.as_deref())).await
    }

    async fn try_lift(&self, by: &SignedIn, user: UserId, reason: Option<&str>) -> Result<bool> {
        let tx = self.core.sql.begin().await?;
        below(&tx, by, user).await?;
        let Some(row) = penalties::lock(&tx, &[user]).await?.pop() else { return Ok(false) };
        let before = serde_json::json!({"steps": row.steps, "lockedUntil": row.locked_until});
        row.delete(&tx).await?;
        let data = serde_json::json!({"before": before, "after": null, "reason": reason});
        let trail = activity(user, "QUEUE_LOCK_LIFTED", Some(by.user), data);
        self.core.commit(tx, &[trail]).await?;
        Ok(true)
    }

    /// What was noted about a user, newest first.
    pub async fn notes(&self, user: UserId) -> Result<Vec<notes::Model>> {
        notes::about(self.core.sql.read(), user, NOTES).await
    }

    /// Accounts by what is known of them, in name order; the cursor is the folded name.
    pub async fn accounts(
        &self,
        filter: &users::Filter,
        page: &Page<String>,
    ) -> Result<Slice<users::Model>> {
        let after = page.after.as_deref();
        let rows =
            users::by_filter(self.core.sql.read(), filter, now(), after, page.fetch()).await?;
        Ok(page.cut(rows))
    }
}

/// Somebody to whom something is done, locked together with whoever does it, whose role may have been taken meanwhile.
async fn with_role(tx: &Tx, by: &SignedIn, user: UserId) -> Result<users::Model> {
    let mut rows = users::lock(tx, &[by.user, user]).await?;
    let acting = rows.iter().find(|row| row.id == by.user);
    if acting.is_none_or(|acting| acting.role < by.role || acting.is_suspended(now())) {
        return Err(Error::Forbidden("your role was taken just now".into()));
    }
    rows.retain(|row| row.id == user);
    rows.pop().ok_or(Error::NotFound("user"))
}

/// The same, where only those below one's own role can be reached.
async fn below(tx: &Tx, by: &SignedIn, user: UserId) -> Result<users::Model> {
    let row = with_role(tx, by, user).await?;
    if row.role >= by.role {
        let message = "this can be done only to those below one's own role";
        return Err(Error::Forbidden(message.into()));
    }
    Ok(row)
}

/// A reason that people will read: 1 to 500 characters.
pub fn checked_reason(field: &str, reason: &str) -> Result<String> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 || reason.chars().any(char::is_control) {
        return Err(Error::bad_input(field, "a reason has 1 to 500 characters"));
    }
    Ok(reason.into())
}
