//! The SQL schema: one change a file, applied in order when the server starts.

mod m20261121_000001_create_users;
mod m20261121_000002_create_sessions;
mod m20261121_000003_create_server_keys;
mod m20261121_000004_create_seasons;
mod m20261121_000005_create_matches;
mod m20261121_000006_create_tickets;
mod m20261121_000007_create_standings;
mod m20261121_000008_create_outbox;
mod m20261121_000009_create_projections;

use sea_orm_migration::prelude::*;

/// Applies and takes back the changes.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_users::Migration),
            Box::new(m20261121_000002_create_sessions::Migration),
            Box::new(m20261121_000003_create_server_keys::Migration),
            Box::new(m20261121_000004_create_seasons::Migration),
            Box::new(m20261121_000005_create_matches::Migration),
            Box::new(m20261121_000006_create_tickets::Migration),
            Box::new(m20261121_000007_create_standings::Migration),
            Box::new(m20261121_000008_create_outbox::Migration),
            Box::new(m20261121_000009_create_projections::Migration),
        ]
    }
}

pub use sea_orm_migration::{MigratorTrait, migrator::MigrationStatus};
