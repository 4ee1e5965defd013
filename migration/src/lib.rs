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
mod m20261121_000010_order_outbox;
mod m20261121_000011_create_leases;
mod m20261121_000012_create_secrets;
mod m20261121_000013_create_activity;
mod m20261121_000014_trace_outbox;
mod m20261121_000015_void_matches;
mod m20261121_000016_explain_ratings;
mod m20261121_000017_keep_places;
mod m20261121_000018_plan_seasons;
mod m20261121_000019_create_corrections;
mod m20261121_000020_index_arrivals;
mod m20261121_000021_create_parties;
mod m20261121_000022_create_penalties;
mod m20261121_000023_create_audit;
mod m20261121_000024_prove_addresses;
mod m20261121_000025_link_accounts;
mod m20261128_000026_name_reporters;
mod m20261128_000027_keep_no_longer;
mod m20261128_000028_create_barred;
mod m20261128_000034_address_mails;
mod tables;

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
            Box::new(m20261121_000010_order_outbox::Migration),
            Box::new(m20261121_000011_create_leases::Migration),
            Box::new(m20261121_000012_create_secrets::Migration),
            Box::new(m20261121_000013_create_activity::Migration),
            Box::new(m20261121_000014_trace_outbox::Migration),
            Box::new(m20261121_000015_void_matches::Migration),
            Box::new(m20261121_000016_explain_ratings::Migration),
            Box::new(m20261121_000017_keep_places::Migration),
            Box::new(m20261121_000018_plan_seasons::Migration),
            Box::new(m20261121_000019_create_corrections::Migration),
            Box::new(m20261121_000020_index_arrivals::Migration),
            Box::new(m20261121_000021_create_parties::Migration),
            Box::new(m20261121_000022_create_penalties::Migration),
            Box::new(m20261121_000023_create_audit::Migration),
            Box::new(m20261121_000024_prove_addresses::Migration),
            Box::new(m20261121_000025_link_accounts::Migration),
            Box::new(m20261128_000026_name_reporters::Migration),
            Box::new(m20261128_000027_keep_no_longer::Migration),
            Box::new(m20261128_000028_create_barred::Migration),
            Box::new(m20261128_000034_address_mails::Migration),
        ]
    }
}

pub use sea_orm_migration::{MigratorTrait, migrator::MigrationStatus};
