//! What is kept no longer than it is of use is found by its age, and what belongs to a deleted account by whose it was.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::tables;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: [(&str, &str, &str); 3] = [
    ("users_by_erasure", "users", "deleted_at"),
    ("sessions_by_expiry", "sessions", "expires_at"),
    ("tickets_by_age", "tickets", "ended_at"),
];
/// MySQL and MariaDB make an index for each foreign key by themselves.
const KEYS: [(&str, &str, &str); 2] = [
    ("refresh_tokens_by_session", "refresh_tokens", "session_id"),
    ("ticket_players_by_user", "ticket_players", "user_id"),
];

fn indexes(manager: &SchemaManager<'_>) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut all = INDEXES.to_vec();
    if manager.get_database_backend() != DbBackend::MySql {
        all.extend(KEYS);
    }
    all
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, column) in indexes(manager) {
            tables::index(manager, name, table, &[column]).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, table, _) in indexes(manager) {
            tables::drop_index(manager, name, table).await?;
        }
        Ok(())
    }
}
