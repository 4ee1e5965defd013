//! Leases in the SQL database, by the database's own time.

use std::time::Duration;

use async_trait::async_trait;

use super::Leases;
use crate::{
    backends::sql::{Sql, retrying},
    entities::leases,
    error::Result,
};

/// See the module.
pub struct SqlLeases {
    sql: Sql,
}

impl SqlLeases {
    /// Leases in that database.
    pub const fn new(sql: Sql) -> Self {
        Self { sql }
    }

    async fn try_hold(&self, name: &str, holder: &str, life_ms: i64) -> Result<bool> {
        let tx = self.sql.begin().await?;
        let held = leases::hold(&tx, self.sql.clock(), (name, holder), life_ms).await?;
        tx.commit().await?;
        Ok(held)
    }
}

#[async_trait]
impl Leases for SqlLeases {
    async fn hold(&self, name: &str, holder: &str, life: Duration) -> Result<bool> {
        let life_ms = i64::try_from(life.as_millis()).unwrap_or(i64::MAX);
        retrying(|| self.try_hold(name, holder, life_ms)).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<()> {
        let tx = self.sql.begin().await?;
        leases::release(&tx, name, holder).await?;
        tx.commit().await
    }

    async fn holder(&self, name: &str) -> Result<Option<String>> {
        leases::holder(self.sql.read(), self.sql.clock(), name).await
    }
}
