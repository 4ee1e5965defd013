//! Use cases (stub while the storage grows).

use std::sync::Arc;

use crate::{
    config::Config,
    error::{Error, Result},
    game::accounts::Viewer,
    game::ids::SessionId,
};

/// All use cases.
pub struct Services {
    /// Settings.
    pub config: Config,
    /// Accounts.
    pub accounts: Accounts,
}
/// Accounts.
pub struct Accounts {
    ended: tokio::sync::broadcast::Sender<SessionId>,
}
impl Accounts {
    /// Who a bearer token belongs to.
    pub async fn authenticate(&self, _token: &str) -> Result<Viewer> {
        Err(Error::Unauthenticated("the access token is not valid".into()))
    }
    /// Sessions as they end.
    pub fn ended_sessions(&self) -> tokio::sync::broadcast::Receiver<SessionId> {
        self.ended.subscribe()
    }
    /// Whether a session has ended.
    pub fn has_ended(&self, _session: SessionId) -> bool {
        false
    }
}
impl Services {
    /// Is everything that we need reachable?
    pub async fn ready(&self) -> Result<()> {
        Ok(())
    }
    /// stub
    pub fn stub(config: Config) -> Arc<Self> {
        Arc::new(Self {
            config,
            accounts: Accounts { ended: tokio::sync::broadcast::channel(16).0 },
        })
    }
}
