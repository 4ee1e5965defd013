//! What moderators and admins do to others.

use std::sync::Arc;

use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};

use super::{
    Services,
    core::{Core, now},
    sessions::activity,
};
use crate::{
    backends::sql::retrying,
    entities::{sessions, users},
    error::{Error, Result},
    game::{
        accounts::{Role, SignedIn},
        ids::UserId,
        time::Timestamp,
    },
};

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
        let row = users::lock(&tx, &[user]).await?.pop().ok_or(Error::NotFound("user"))?;
        if row.role >= by.role {
            return Err(Error::Forbidden(
                "only those below one's own role can be suspended".into(),
            ));
        }
        let until = until.unwrap_or(Timestamp::FOREVER);
        let lifted = until <= now();
        let mut row = row.into_active_model();
        row.suspended_until = Set((!lifted).then_some(until));
        row.suspended_reason = Set((!lifted).then(|| reason.to_owned()));
        let row = row.update(&tx).await?;
        let live = if lifted { Vec::new() } else { sessions::live_of(&tx, user).await? };
        let kind = if lifted { "SUSPENSION_LIFTED" } else { "SUSPENDED" };
        let data = serde_json::json!({"until": row.suspended_until, "reason": reason});
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
        let row = users::lock(&tx, &[user]).await?.pop().ok_or(Error::NotFound("user"))?;
        if row.role == role {
            return Ok(row);
        }
        let mut row = row.into_active_model();
        row.role = Set(role);
        let row = row.update(&tx).await?;
        let live = sessions::live_of(&tx, user).await?;
        let data = serde_json::json!({"role": role.as_str()});
        let trail = activity(user, "ROLE_CHANGED", Some(by.user), data);
        services.accounts.end_sessions(tx, &live, trail).await?;
        tracing::info!(by = %by.user, %user, role = role.as_str(), "role changed");
        Ok(row)
    }
}

/// A reason that people will read: 1 to 500 characters.
pub fn checked_reason(field: &str, reason: &str) -> Result<String> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 || reason.chars().any(char::is_control) {
        return Err(Error::bad_input(field, "a reason has 1 to 500 characters"));
    }
    Ok(reason.into())
}
