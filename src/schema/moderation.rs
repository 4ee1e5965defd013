//! What moderators and admins look at, and note.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    paging::connection,
    scalars::{DateTime, Json},
    users::{Role, User},
};
use crate::{
    entities::{audit_log, notes, server_keys},
    game::{ids::UserId, mode::RegionId},
};

/// Which accounts are wanted; what is left out does not matter.
#[derive(Debug, Default, InputObject)]
pub struct AccountFilter {
    /// A part of the name, in any case.
    pub username: Option<String>,
    /// A part of the address, in any case. Admins.
    pub email: Option<String>,
    /// With that role.
    pub role: Option<Role>,
    /// Suspended now, or not.
    pub suspended: Option<bool>,
    /// At home there.
    pub region: Option<RegionId>,
    /// Made then or later.
    pub created_after: Option<DateTime>,
    /// Made before.
    pub created_before: Option<DateTime>,
}

/// Why somebody may not sign in.
#[derive(Clone, Debug, SimpleObject)]
pub struct Suspension {
    /// Until when; null: until lifted.
    pub until: Option<DateTime>,
    /// Why.
    pub reason: String,
}

/// What a moderator noted about somebody, for the others.
#[derive(Clone, Debug, SimpleObject)]
#[graphql(complex)]
pub struct Note {
    /// Its id.
    pub id: ID,
    /// What they noted.
    pub text: String,
    /// When.
    pub created_at: DateTime,
    /// By whom.
    #[graphql(skip)]
    pub author_id: UserId,
}

impl From<notes::Model> for Note {
    fn from(row: notes::Model) -> Self {
        Self {
            id: row.id.to_string().into(),
            text: row.text,
            created_at: DateTime(row.created_at),
            author_id: row.author_id,
        }
    }
}

/// A game server's credential.
#[derive(Clone, Debug, SimpleObject)]
pub struct ServerKey {
    /// Its id.
    pub id: ID,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was taken back.
    pub revoked_at: Option<DateTime>,
}

impl From<server_keys::Model> for ServerKey {
    fn from(row: server_keys::Model) -> Self {
        Self {
            id: row.id.to_string().into(),
            name: row.name,
            created_at: DateTime(row.created_at),
            revoked_at: row.revoked_at.map(DateTime),
        }
    }
}

/// Which lines of the audit log are wanted; what is left out does not matter.
#[derive(Debug, Default, InputObject)]
pub struct AuditFilter {
    /// Done by: the id of a person or server key, `operator` or `system`.
    pub actor: Option<String>,
    /// Done to: an id.
    pub object: Option<String>,
    /// Such as `ROLE_CHANGED`.
    pub action: Option<String>,
    /// Done then or later.
    pub since: Option<DateTime>,
    /// Done before.
    pub until: Option<DateTime>,
}

/// One act, as the audit log has it.
#[derive(Clone, Debug, SimpleObject)]
pub struct AuditEntry {
    /// Its number; they have no holes.
    pub seq: i32,
    /// When.
    pub at: DateTime,
    /// Who: the id of a person or server key, `operator` (at the command line), `anonymous` or `system`.
    pub actor: String,
    /// Such as `ROLE_CHANGED`.
    pub action: String,
    /// To what: an id.
    pub object: String,
    /// From where.
    pub address: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What was there before.
    pub before: Option<Json>,
    /// What was there after.
    pub after: Option<Json>,
    /// Why.
    pub reason: Option<String>,
    /// Whatever else is known.
    pub data: Option<Json>,
    /// Whether what names people was erased, because somebody in it had their account deleted.
    pub erased: bool,
    /// The hash that covers this line and all before.
    pub hash: String,
}

impl From<audit_log::Model> for AuditEntry {
    fn from(row: audit_log::Model) -> Self {
        let details = row.details.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let erased = details.is_none() || row.whence.is_none() && !row.whence_digest.is_empty();
        let mut details: serde_json::Map<String, serde_json::Value> = details.unwrap_or_default();
        let mut text = |name: &str| match details.remove(name) {
            Some(serde_json::Value::String(text)) => Some(text),
            _ => None,
        };
        let reason = text("reason");
        let (before, after) = (details.remove("before"), details.remove("after"));
        Self {
            seq: i32::try_from(row.seq).unwrap_or(i32::MAX),
            at: DateTime(row.at),
            actor: row.actor,
            action: row.action,
            object: row.object,
            address: row.whence,
            request_id: row.request_id,
            before: before.map(Json),
            after: after.map(Json),
            reason,
            data: (!details.is_empty()).then(|| Json(details.into())),
            erased,
            hash: row.hash,
        }
    }
}

connection!(AuditConnection, AuditEdge, AuditEntry);

/// A suspension to lift.
#[derive(Debug, InputObject)]
pub struct LiftSuspensionInput {
    /// Whose.
    pub user_id: ID,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

/// Who may sign in again.
#[derive(Debug, SimpleObject)]
pub struct LiftSuspensionPayload {
    /// The user.
    pub user: User,
}

/// Somebody to be kept out of the queue.
#[derive(Debug, InputObject)]
pub struct LockQueueInput {
    /// Who.
    pub user_id: ID,
    /// Until when.
    pub until: DateTime,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

/// Who is kept out.
#[derive(Debug, SimpleObject)]
pub struct LockQueuePayload {
    /// The user.
    pub user: User,
}

/// Something to note.
#[derive(Debug, InputObject)]
pub struct AddNoteInput {
    /// About whom.
    pub user_id: ID,
    /// What: 1 to 1,000 characters.
    pub text: String,
}

/// What was noted.
#[derive(Debug, SimpleObject)]
pub struct AddNotePayload {
    /// The note.
    pub note: Note,
}
