//! The rows: one table a file, with its named queries. They take any connection, so that a use case can put several
//! into one transaction.

pub mod audit_log;
pub mod barred;
pub mod blocks;
pub mod corrections;
pub mod engagements;
pub mod erasures;
pub mod feed_items;
pub mod fences;
pub mod hero_pick_rates;
pub mod leases;
pub mod linked_accounts;
pub mod log_horizons;
pub mod login_failures;
pub mod mails;
pub mod match_events;
pub mod match_players;
pub mod matches;
pub mod notes;
pub mod notifications;
pub mod oauth_flows;
pub mod one_time_tokens;
pub mod outbox;
pub mod parties;
pub mod party_members;
pub mod penalties;
pub mod rank_changes;
pub mod rating_points;
pub mod refresh_tokens;
pub mod season_results;
pub mod seasons;
pub mod secrets;
pub mod server_keys;
pub mod sessions;
pub mod standings;
pub mod ticket_players;
pub mod tickets;
pub mod user_activity;
pub mod users;
mod values;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, IdenStatic, Iterable,
    RuntimeErr, SqlErr,
    sea_query::{LikeExpr, LockType, OnConflict},
    sqlx::{self, mysql::MySqlDatabaseError},
};

use crate::error::Error;

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match trouble(&error) {
            Trouble::Contended => Self::Contended(error.into()),
            Trouble::Away => Self::unavailable("database", error),
            Trouble::Ours => Self::internal(error),
        }
    }
}

/// Whose fault a failed statement is.
enum Trouble {
    /// Another transaction's: do it again.
    Contended,
    /// The server's, or the way's to it: try later.
    Away,
    /// Ours.
    Ours,
}

fn trouble(error: &DbErr) -> Trouble {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        let away = matches!(
            error,
            DbErr::ConnectionAcquire(_)
                | DbErr::Conn(_)
                | DbErr::Exec(RuntimeErr::Internal(_))
                | DbErr::Query(RuntimeErr::Internal(_))
        );
        return if away { Trouble::Away } else { Trouble::Ours };
    };
    match &**cause {
        sqlx::Error::Database(said) => {
            if let Some(mysql) = said.try_downcast_ref::<MySqlDatabaseError>() {
                return mysql_trouble(mysql.number());
            }
            server_trouble(&said.code().unwrap_or_default())
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Trouble::Away,
        _ => Trouble::Ours,
    }
}

/// By error number: 1205 and 1213 are a lock that was not given and a deadlock; 4031 is the end of a connection that was
/// silent for too long, and of its transaction.
const fn mysql_trouble(number: u16) -> Trouble {
    match number {
        1205 | 1213 | 4031 => Trouble::Contended,
        // Too many connections, shutting down, starting, statement too slow or killed, read-only.
        1040 | 1053 | 1077 | 1079 | 1203 | 1290 | 1317 | 1836 | 1927 | 1969 | 3024 => Trouble::Away,
        _ => Trouble::Ours,
    }
}

/// By SQLSTATE (PostgreSQL) or result code (SQLite, where 5 is busy).
fn server_trouble(code: &str) -> Trouble {
    match code {
        // The last is a transaction that was silent for too long, as one is whose machine stalls: nothing of it was done.
        "40001" | "40P01" | "55P03" | "25P03" => Trouble::Contended,
        "5" | "57014" | "25006" => Trouble::Away,
        // Connections, resources, operators.
        _ if ["08", "53", "57P"].iter().any(|class| code.starts_with(class)) => Trouble::Away,
        _ => Trouble::Ours,
    }
}

/// Whether a statement failed because a unique constraint held.
pub fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// Rows written in one statement: every engine takes so many values at once.
const ROWS: usize = 500;

/// Adds rows.
async fn add_all<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    rows: Vec<A>,
) -> Result<(), Error> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(ROWS).collect();
        A::Entity::insert_many(some).exec_without_returning(db).await?;
    }
    Ok(())
}

/// Stores rows as they are now, new or changed, in one statement for many: `key` is their primary key.
async fn put_all<A: ActiveModelTrait>(
    db: &impl ConnectionTrait,
    key: &[<A::Entity as EntityTrait>::Column],
    rows: Vec<A>,
) -> Result<(), Error> {
    let is_key = |column: &<A::Entity as EntityTrait>::Column| {
        key.iter().any(|of_key| of_key.as_str() == column.as_str())
    };
    let changed = <A::Entity as EntityTrait>::Column::iter().filter(|column| !is_key(column));
    let known = OnConflict::columns(key.iter().copied()).update_columns(changed).to_owned();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some = rows.by_ref().take(ROWS).map(ActiveModelTrait::reset_all);
        let insert = A::Entity::insert_many(some).on_conflict(known.clone());
        insert.exec_without_returning(db).await?;
    }
    Ok(())
}

/// The lock on rows that are decided upon. On PostgreSQL it lets others refer to the row meanwhile; SQLite, where one
/// transaction writes at a time, needs none.
fn to_decide(db: &impl ConnectionTrait) -> LockType {
    match db.get_database_backend() {
        DbBackend::Postgres => LockType::NoKeyUpdate,
        _ => LockType::Update,
    }
}

/// Texts with that part, of which no character means another.
fn containing(part: &str) -> LikeExpr {
    let escaped = part.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    LikeExpr::new(format!("%{escaped}%")).escape('!')
}
