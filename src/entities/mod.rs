//! The rows: one table a file, with its named queries. They take any connection, so that a use case can put several
//! into one transaction.

pub mod engagements;
pub mod feed_items;
pub mod log_horizons;
pub mod match_events;
pub mod match_players;
pub mod matches;
pub mod notifications;
pub mod outbox;
pub mod rank_changes;
pub mod rating_points;
pub mod refresh_tokens;
pub mod seasons;
pub mod server_keys;
pub mod sessions;
pub mod standings;
pub mod ticket_players;
pub mod tickets;
pub mod users;
mod values;

use sea_orm::{DbErr, RuntimeErr, SqlErr};

use crate::error::Error;

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(_)
            | DbErr::Conn(_)
            | DbErr::Exec(RuntimeErr::Internal(_))
            | DbErr::Query(RuntimeErr::Internal(_)) => Self::unavailable("database", error),
            _ => Self::internal(error),
        }
    }
}

/// Whether a statement failed because a unique constraint held.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}
