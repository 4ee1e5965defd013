//! Accounts at other services.

use async_graphql::{InputObject, SimpleObject};

use super::{accounts::AuthPayload, scalars::DateTime};
use crate::{entities::linked_accounts, game::mode::RegionId};

/// A service that one can sign in with.
#[derive(Clone, Debug, SimpleObject)]
pub struct SignInProvider {
    /// Such as `twitch`.
    pub id: String,
    /// For people.
    pub name: String,
}

/// An account at another service that its owner signs in with.
#[derive(Clone, Debug, SimpleObject)]
pub struct LinkedAccount {
    /// Such as `twitch`.
    pub provider: String,
    /// Who they are there, for good.
    pub subject: String,
    /// What they were called there when they last signed in.
    pub name: String,
    /// When it was linked.
    pub linked_at: DateTime,
    /// When it was last signed in with.
    pub last_used_at: DateTime,
}

impl From<linked_accounts::Model> for LinkedAccount {
    fn from(row: linked_accounts::Model) -> Self {
        Self {
            provider: row.provider,
            subject: row.subject,
            name: row.name,
            linked_at: DateTime(row.linked_at),
            last_used_at: DateTime(row.last_used_at),
        }
    }
}

/// Where to sign in.
#[derive(Debug, InputObject)]
pub struct BeginSignInInput {
    /// Such as `twitch`: one of `signInProviders`.
    pub provider: String,
    /// The page that the service is to send the person back to; one that the server lists.
    pub redirect_uri: String,
    /// For `beginAccountLink`: the password; whoever signed in within the last 15 minutes can leave it out.
    pub password: Option<String>,
}

/// A sign-in that has begun. It is to be finished within ten minutes.
#[derive(Debug, SimpleObject)]
pub struct BeginSignInPayload {
    /// Where to send the person.
    pub url: String,
    /// What the service sends back with them; compare it.
    pub state: String,
    /// What finishes the sign-in, together with the state. Keep it in the client that began: it never leaves it.
    pub secret: String,
}

/// What finishes a sign-in.
#[derive(Debug, InputObject)]
pub struct FinishSignInInput {
    /// From the service: `state` in the address of the page.
    pub state: String,
    /// From the service: `code` in the address of the page.
    pub code: String,
    /// From `beginSignIn`.
    pub secret: String,
    /// For a new account: its name; null: as they are called at the service, as far as that is free.
    pub username: Option<String>,
    /// For a new account: where they play by default.
    pub region: Option<RegionId>,
}

/// Who signed in.
#[derive(Debug, SimpleObject)]
pub struct FinishSignInPayload {
    /// The session.
    pub auth: AuthPayload,
    /// Whether the account was made just now.
    pub registered: bool,
}

/// What finishes a link.
#[derive(Debug, InputObject)]
pub struct FinishAccountLinkInput {
    /// From the service: `state` in the address of the page.
    pub state: String,
    /// From the service: `code` in the address of the page.
    pub code: String,
    /// From `beginAccountLink`.
    pub secret: String,
}

/// What was linked.
#[derive(Debug, SimpleObject)]
pub struct FinishAccountLinkPayload {
    /// The account there.
    pub linked: LinkedAccount,
}

/// What to unlink.
#[derive(Debug, InputObject)]
pub struct UnlinkAccountInput {
    /// Such as `twitch`.
    pub provider: String,
}

/// What unlinking did.
#[derive(Debug, SimpleObject)]
pub struct UnlinkAccountPayload {
    /// False where nothing was linked there.
    pub unlinked: bool,
}
