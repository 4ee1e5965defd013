//! Signing up, in and out.

use async_graphql::{ID, InputObject, SimpleObject};

use super::{
    scalars::{DateTime, Json},
    users::User,
};
use crate::{
    entities::sessions,
    game::{ids::SessionId, mode::RegionId},
};

/// A new account.
#[derive(Debug, InputObject)]
pub struct RegisterInput {
    /// 3 to 20 of letters, digits, _ and -; unique without regard to case.
    pub username: String,
    /// Unique without regard to case; only its owner and admins see it.
    pub email: String,
    /// 8 to 128 characters; common and breached passwords are refused.
    pub password: String,
    /// Where they play by default.
    pub region: Option<RegionId>,
}

/// A sign-in.
#[derive(Debug, InputObject)]
pub struct LoginInput {
    /// Username or email.
    pub login: String,
    /// The password.
    pub password: String,
}

/// A refresh.
#[derive(Debug, InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token, which is used once; empty where the browser keeps it in a cookie.
    pub refresh_token: String,
}

/// A new password.
#[derive(Debug, InputObject)]
pub struct ChangePasswordInput {
    /// The password until now; empty where there is none yet, which takes a sign-in of the last 15 minutes.
    pub current_password: String,
    /// The password from now on: 8 to 128 characters.
    pub new_password: String,
}

/// A signed-in session: the access token lives 15 minutes, the refresh token 7 days.
#[derive(Debug, SimpleObject)]
pub struct AuthPayload {
    /// Who signed in.
    pub user: User,
    /// Proves the session: `Authorization: Bearer …`.
    pub access_token: String,
    /// Until then.
    pub access_token_expires_at: DateTime,
    /// Renews the session, once; empty where the browser keeps it in a cookie (`X-Session-Mode: cookie`).
    pub refresh_token: String,
    /// Until then.
    pub refresh_token_expires_at: DateTime,
    /// Where the browser keeps the refresh token: what a page sends as `X-CSRF-Token` to use it. Null elsewhere.
    pub csrf_token: Option<String>,
}

/// The session is over.
#[derive(Debug, SimpleObject)]
pub struct LogoutPayload {
    /// Always true.
    pub success: bool,
}

/// A signed-in device.
#[derive(Clone, Debug, SimpleObject)]
pub struct Session {
    /// Its id.
    pub id: ID,
    /// Whether it is the one that asks.
    pub current: bool,
    /// What the client called itself when it signed in.
    pub device: Option<String>,
    /// Where it was last renewed from.
    pub address: String,
    /// When it signed in.
    pub created_at: DateTime,
    /// When it was last renewed: at least once in the life of an access token, while it is used.
    pub last_used_at: DateTime,
    /// When it ends unless it is renewed.
    pub expires_at: DateTime,
}

impl Session {
    /// A session as its owner sees it from another, or from itself.
    pub fn seen(row: sessions::Model, from: SessionId) -> Self {
        Self {
            id: row.id.to_string().into(),
            current: row.id == from,
            device: row.user_agent,
            address: row.address,
            created_at: DateTime(row.created_at),
            last_used_at: DateTime(row.last_used_at),
            expires_at: DateTime(row.expires_at),
        }
    }
}

/// A session to end.
#[derive(Debug, InputObject)]
pub struct EndSessionInput {
    /// Which of one's own.
    pub session_id: ID,
}

/// What ending did.
#[derive(Debug, SimpleObject)]
pub struct EndSessionPayload {
    /// False where it had ended already.
    pub ended: bool,
}

/// A token that was mailed.
#[derive(Debug, InputObject)]
pub struct VerifyEmailInput {
    /// From the mail.
    pub token: String,
}

/// Whose address is proven.
#[derive(Debug, SimpleObject)]
pub struct VerifyEmailPayload {
    /// Always true.
    pub verified: bool,
}

/// A mail is on its way.
#[derive(Debug, SimpleObject)]
pub struct RequestEmailVerificationPayload {
    /// Always true, also where the address is proven already: then none is sent.
    pub accepted: bool,
}

/// Another address.
#[derive(Debug, InputObject)]
pub struct ChangeEmailInput {
    /// Unique without regard to case.
    pub new_email: String,
    /// The password; empty where there is none, which takes a sign-in of the last 15 minutes.
    #[graphql(default)]
    pub password: String,
}

/// A mail is on its way to the new address, unless somebody else has it.
#[derive(Debug, SimpleObject)]
pub struct ChangeEmailPayload {
    /// Always true: it does not tell whether somebody has it.
    pub accepted: bool,
}

/// Whose password was forgotten.
#[derive(Debug, InputObject)]
pub struct RequestPasswordResetInput {
    /// The account's address.
    pub email: String,
}

/// A mail is on its way, if somebody has that address.
#[derive(Debug, SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// Always true: it does not tell whether somebody has it.
    pub accepted: bool,
}

/// Another password for whoever got the mail.
#[derive(Debug, InputObject)]
pub struct ResetPasswordInput {
    /// From the mail.
    pub token: String,
    /// The password from now on: 8 to 128 characters.
    pub new_password: String,
}

/// What is kept about the viewer.
#[derive(Debug, SimpleObject)]
pub struct ExportMyDataPayload {
    /// All of it, as one JSON object.
    pub document: Json,
}

/// The wish to be deleted.
#[derive(Debug, InputObject)]
pub struct DeleteMyAccountInput {
    /// The password; whoever has none leaves it empty.
    #[graphql(default)]
    pub password: String,
}

/// When the account is deleted.
#[derive(Debug, SimpleObject)]
pub struct DeleteMyAccountPayload {
    /// Until then it can be taken back.
    pub deletes_at: DateTime,
}

/// The account stays.
#[derive(Debug, SimpleObject)]
pub struct CancelAccountDeletionPayload {
    /// False where it was not to be deleted.
    pub cancelled: bool,
}
