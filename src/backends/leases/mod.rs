//! Says which instance does what only one may do, for a while at a time. A lease is a hint: it keeps instances out of each
//! other's way, and what they write is guarded by a token in SQL.

pub mod local;
pub mod redis;
pub mod sql;

use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;

/// Leases by name.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease that nobody holds, or renews one that this holder has, for `life` from now; says whether it has it.
    async fn hold(&self, name: &str, holder: &str, life: Duration) -> Result<bool>;

    /// Gives a lease back, if this holder has it.
    async fn release(&self, name: &str, holder: &str) -> Result<()>;

    /// Who holds a lease now.
    async fn holder(&self, name: &str) -> Result<Option<String>>;
}
