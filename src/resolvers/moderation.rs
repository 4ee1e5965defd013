//! What moderators and admins look at, and do to people.

use async_graphql::{ComplexObject, Context, Object};

use super::{
    context::{Result, parse_id, services, signed_in},
    users::user_of,
};
use crate::{
    entities::{audit_log, users},
    error::Error,
    game::{
        accounts::{Role, fold},
        time::Timestamp,
    },
    schema::{
        moderation::{
            AccountFilter, AddNoteInput, AddNotePayload, AuditConnection, AuditFilter,
            LiftSuspensionInput, LiftSuspensionPayload, LockQueueInput, LockQueuePayload, Note,
            ServerKey,
        },
        paging::{Cursor, Line, Name},
        users::{User, UserConnection},
    },
    services::paging::Page,
};

/// The longest part of a name or address that is looked for.
const PART_MAX: usize = 100;

/// See the module.
#[derive(Default)]
pub struct ModerationQuery;

#[Object]
impl ModerationQuery {
    /// Moderators and admins. Accounts by what is known of them, in name order.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        filter: Option<AccountFilter>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<UserConnection> {
        let who = signed_in(ctx)?;
        let filter = filter.unwrap_or_default();
        // Else the answers would tell addresses, bit by bit, to those who may not see them.
        if filter.email.is_some() && who.role < Role::Admin {
            let message = "looking for addresses takes the role ADMIN";
            return Err(Error::Forbidden(message.into()).into());
        }
        let part = |field: &str, part: Option<String>| match part {
            Some(part) if part.len() > PART_MAX => {
                let message = format!("a search has {PART_MAX} characters at most");
                Err(Error::bad_input(field, message))
            }
            part => Ok(part.map(|part| fold(&part))),
        };
        let filter = users::Filter {
            name: part("filter.username", filter.username)?,
            email: part("filter.email", filter.email)?,
            role: filter.role.map(Into::into),
            suspended: filter.suspended,
            region: filter.region,
            since: filter.created_after.map(|at| at.0),
            until: filter.created_before.map(|at| at.0),
        };
        let after = Name::decode("after", after)?.map(|name| name.0);
        let page = Page::new(first, after, None, None)?;
        let slice = services(ctx).admin.accounts(&filter, &page).await?;
        let items = slice.items.into_iter().map(|row| {
            let cursor = Name(row.username_key.clone()).encode();
            (cursor, row.into())
        });
        Ok(UserConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
    }

    /// Admins. What was done with privileges or to accounts, newest first.
    async fn audit_log(
        &self,
        ctx: &Context<'_>,
        filter: Option<AuditFilter>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<AuditConnection> {
        let filter = filter.unwrap_or_default();
        let filter = audit_log::Filter {
            actor: filter.actor,
            object: filter.object,
            action: filter.action,
            since: filter.since.map(|at| at.0),
            until: filter.until.map(|at| at.0),
        };
        let after = Line::decode("after", after)?.map(|line| line.0);
        let page = Page::new(first, after, None, None)?;
        let slice = services(ctx).audit.page(&filter, &page).await?;
        let items = slice.items.into_iter().map(|row| (Line(row.seq).encode(), row.into()));
        Ok(AuditConnection::new(items.collect(), (slice.has_next, slice.has_previous)))
    }

    /// Admins. The credentials of game servers, newest first, without the keys.
    async fn server_keys(&self, ctx: &Context<'_>) -> Result<Vec<ServerKey>> {
        let keys = services(ctx).accounts.server_keys().await?;
        Ok(keys.into_iter().map(Into::into).collect())
    }
}

/// See the module.
#[derive(Default)]
pub struct ModerationMutation;

#[Object]
impl ModerationMutation {
    /// Moderators and admins. Lets a suspended user sign in again.
    async fn lift_suspension(
        &self,
        ctx: &Context<'_>,
        input: LiftSuspensionInput,
    ) -> Result<LiftSuspensionPayload> {
        let by = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let services = services(ctx);
        let lifted = Some(Timestamp(0));
        let user = services.admin.suspend(services, by, user, lifted, &input.reason).await?;
        Ok(LiftSuspensionPayload { user: user.into() })
    }

    /// Moderators and admins. Keeps a user out of the queue until a time.
    async fn lock_queue(
        &self,
        ctx: &Context<'_>,
        input: LockQueueInput,
    ) -> Result<LockQueuePayload> {
        let by = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let services = services(ctx);
        let until = input.until.0;
        let user = services.admin.lock_queue(services, by, user, until, &input.reason).await?;
        Ok(LockQueuePayload { user: user.into() })
    }

    /// Moderators and admins. Notes something about a user, for other moderators.
    async fn add_note(&self, ctx: &Context<'_>, input: AddNoteInput) -> Result<AddNotePayload> {
        let by = signed_in(ctx)?;
        let user = parse_id("input.userId", &input.user_id)?;
        let note = services(ctx).admin.note(by, user, &input.text).await?;
        Ok(AddNotePayload { note: note.into() })
    }
}

#[ComplexObject]
impl Note {
    /// By whom.
    async fn author(&self, ctx: &Context<'_>) -> Result<User> {
        user_of(ctx, self.author_id).await
    }
}
