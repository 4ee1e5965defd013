//! Signing up, in and out.

use async_graphql::{InputObject, SimpleObject};

use super::{scalars::DateTime, users::User};
use crate::game::mode::RegionId;

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
    /// The refresh token, which is used once.
    pub refresh_token: String,
}

/// A new password.
#[derive(Debug, InputObject)]
pub struct ChangePasswordInput {
    /// The password until now.
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
    /// Renews the session, once.
    pub refresh_token: String,
    /// Until then.
    pub refresh_token_expires_at: DateTime,
}

/// The session is over.
#[derive(Debug, SimpleObject)]
pub struct LogoutPayload {
    /// Always true.
    pub success: bool,
}
