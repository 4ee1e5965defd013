//! What every resolver can ask its context for, and how failures leave it.

use std::{error::Error as _, net::IpAddr, sync::Arc};

use async_graphql::{Context, ErrorExtensionValues, ID};

use super::{access, loaders::Loaders};
use crate::{
    error::{Code, Error, Reason},
    game::accounts::{Role, SignedIn, Viewer},
    services::{Services, accounts::Origin, network},
};

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the client is on this very machine, and no proxy speaks for somebody else.
    pub is_local: bool,
}

impl Peer {
    /// Whether the limits per address leave it alone.
    pub fn is_spared(&self, services: &Services) -> bool {
        services.config.settings.limits.exempt_loopback && self.is_local
    }
}

/// What the edge knows about a request.
#[derive(Clone, Debug)]
pub struct RequestMeta {
    /// Its id, which stands in its log lines, in its response header and in INTERNAL errors.
    pub request_id: Arc<str>,
    /// Where it came from.
    pub peer: Peer,
    /// What the client calls itself.
    pub user_agent: Option<Arc<str>>,
    /// Where a browser keeps the refresh token; none: the client keeps it itself.
    pub cookie: Option<Cookie>,
}

/// What came with a request whose client lets the browser keep its refresh token.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// The refresh token that the browser keeps.
    pub refresh: Option<Arc<str>>,
    /// What the page sent along.
    pub csrf: Option<Arc<str>>,
    /// Whether the browser is to keep it for encrypted connections only.
    pub secure: bool,
}

/// What the cookie is called that keeps a refresh token. Browsers take one with this prefix only from the very host, over an
/// encrypted connection.
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-rankedhonor" } else { "rankedhonor" }
}

/// A failure on its way to a client. It is not `Display`, so nothing but our own errors becomes one, and nothing leaks.
#[derive(Clone, Debug)]
pub struct Fault(Arc<Error>);

/// The result of a resolver. A nullable field that can fail is `Option<Result<T>>`, so that its failure nulls itself only.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl<E: Into<Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(Arc::new(error.into()))
    }
}

impl From<Fault> for async_graphql::Error {
    fn from(fault: Fault) -> Self {
        let error = &*fault.0;
        if matches!(error.code(), Code::Internal | Code::ServiceUnavailable) {
            log(error);
        }
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code().as_str());
        match error {
            Error::BadInput { field, .. } => extensions.set("field", field.as_str()),
            Error::Conflict { reason, .. } => extensions.set("reason", reason.as_str()),
            Error::Suspended(_) => extensions.set("reason", Reason::Suspended.as_str()),
            Error::Locked { retry_after_ms, .. } => {
                extensions.set("reason", Reason::QueueLocked.as_str());
                extensions.set("retryAfterMs", *retry_after_ms);
            }
            Error::RateLimited { retry_after_ms, limit } => {
                extensions.set("retryAfterMs", *retry_after_ms);
                extensions.set("limit", *limit);
            }
            _ => {}
        }
        Self { message: error.to_string(), source: None, extensions: Some(extensions) }
    }
}

/// Logs a failure with what caused it, once.
fn log(error: &Error) {
    let mut causes = Vec::new();
    let mut cause = error.source();
    if let Error::Unavailable { source: Some(source), .. } = error {
        cause = Some(&**source);
    }
    while let Some(this) = cause {
        causes.push(this.to_string());
        cause = this.source();
    }
    tracing::error!(code = error.code().as_str(), causes = causes.join(": "), "{error}");
}

/// The use cases.
pub fn services<'a>(ctx: &Context<'a>) -> &'a Arc<Services> {
    ctx.data_unchecked()
}

/// Who asks.
pub fn viewer<'a>(ctx: &Context<'a>) -> &'a Viewer {
    ctx.data_unchecked()
}

/// Whether whoever asks sees matches with their mode's delay: everybody but game servers and moderators.
pub fn spectates(ctx: &Context<'_>) -> bool {
    let viewer: &Viewer = ctx.data_unchecked();
    !matches!(viewer, Viewer::Server(_)) && !viewer.is_at_least(Role::Moderator)
}

/// This request's batches.
pub fn loaders<'a>(ctx: &Context<'a>) -> &'a Loaders {
    ctx.data_unchecked()
}

/// The person who asks.
pub fn signed_in<'a>(ctx: &Context<'a>) -> Result<&'a SignedIn> {
    match viewer(ctx) {
        Viewer::User(signed_in) => Ok(signed_in),
        Viewer::Anonymous => Err(Error::Unauthenticated("sign in first".into()).into()),
        Viewer::Server(_) => {
            Err(Error::Forbidden("this is for people, not for game servers".into()).into())
        }
    }
}

/// Whether the table of rules lets whoever asks see a field (`Type.field`) of something that is theirs, or is not.
pub fn sees(ctx: &Context<'_>, field: &str, theirs: bool) -> bool {
    access::lets(access::of_field(field), viewer(ctx), theirs)
}

/// Whether the table of rules lets whoever asks find a thing of that type by its id that is theirs, or is not.
pub fn finds(ctx: &Context<'_>, of: &str, theirs: bool) -> bool {
    access::lets(access::of_node(of), viewer(ctx), theirs)
}

/// Where the request comes from, as a session remembers it.
pub fn origin(ctx: &Context<'_>) -> Origin {
    let meta: &RequestMeta = ctx.data_unchecked();
    Origin { address: meta.peer.address, user_agent: meta.user_agent.as_deref().map(str::to_owned) }
}

/// Counts something against the client's address; a whole /64 counts as one.
pub async fn take_for_address(ctx: &Context<'_>, what: &str, limit: u32) -> Result<()> {
    let meta: &RequestMeta = ctx.data_unchecked();
    let services = services(ctx);
    if meta.peer.is_spared(services) {
        return Ok(());
    }
    let network = network(meta.peer.address);
    services.take(&format!("{what}:{network}"), limit).await?;
    Ok(())
}

/// The id in that argument.
pub fn parse_id<T: std::str::FromStr<Err = crate::game::ids::BadId>>(
    field: &str,
    id: &ID,
) -> Result<T> {
    id.parse()
        .map_err(|error: crate::game::ids::BadId| Error::bad_input(field, error.to_string()).into())
}
