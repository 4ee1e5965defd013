//! Opening the pools: what each engine is told at the start of a connection, and which connections are kept.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr,
    Statement,
    sqlx::{self, Connection, Executor},
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::LONG;
use crate::{
    config::{Config, private},
    error::{Error, Result},
};

/// How long SQLite waits for another process (a command of the same binary) to finish writing.
const BUSY_TIMEOUT_MS: &str = "5000";
/// How long a database is waited for that is slow to take the first connection, or is just being started. A refusal, as of
/// the password, is told at once.
const START: Duration = Duration::from_secs(5);
/// Rows that wait between a connection's thread and the one that asked.
const ROW_BUFFER: usize = 1_000;
/// How long a statement waits on the server for a row that another transaction holds.
const LOCK_WAIT_S: u32 = 2;
/// After how long without a word the server ends a transaction: whoever began it is cut off or paused, and others wait for
/// the rows that it holds. Ours are never silent for so long. Less than instances take to replace a leader.
const SILENCE_S: u32 = 4;
/// MySQL cannot end a silent transaction, but a silent connection.
const SILENT_CONNECTION_S: u32 = 10;
/// A connection that was not used for so long is tried before it is used again.
const STALE: Duration = Duration::from_secs(5);

/// How long a connection is used.
const LIFETIME: Duration = Duration::from_secs(1800);

/// When a statement was last given up.
#[derive(Clone, Debug, Default)]
pub struct Late(Arc<Mutex<Option<Instant>>>);

impl Late {
    /// One was given up now.
    pub fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_recent(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < LONG)
    }
}

/// One connection for changing the schema. Instances that start at once change it one after the other, and a change may
/// take as long as it takes.
///
/// # Errors
/// SERVICE_UNAVAILABLE when the database cannot be opened, or another instance changes the schema for too long.
pub async fn migrator(config: &Config) -> Result<DatabaseConnection> {
    let url = config.database_url.expose_secret();
    let connection = open(config, (1, "migrations"), &Late::default()).await?;
    // The lock is held until the connection ends.
    let lock = match backend(url) {
        DbBackend::MySql => "SELECT GET_LOCK('rankedhonor_migrations', 60) = 1",
        DbBackend::Postgres => {
            connection
                .execute_unprepared("SET lock_timeout = '60s'; SET statement_timeout = 0")
                .await?;
            "SELECT pg_advisory_lock(7265746172) IS NOT NULL"
        }
        _ => return Ok(connection),
    };
    let lock = Statement::from_string(connection.get_database_backend(), lock);
    let locked = connection.query_one_raw(lock).await?;
    if !locked.is_some_and(|row| row.try_get_by_index(0).unwrap_or(false)) {
        return Err(Error::unavailable("database", "another instance changes its schema"));
    }
    Ok(connection)
}

/// Which engine a URL names; the configuration has refused all others.
pub fn backend(url: &str) -> DbBackend {
    match url.split(':').next() {
        Some("mysql" | "mariadb") => DbBackend::MySql,
        Some("postgres" | "postgresql") => DbBackend::Postgres,
        _ => DbBackend::Sqlite,
    }
}

/// A pool of so many connections, which its metrics name.
///
/// # Errors
/// SERVICE_UNAVAILABLE when the database cannot be opened.
pub async fn open(
    config: &Config,
    (connections, pool): (u32, &'static str),
    late: &Late,
) -> Result<DatabaseConnection> {
    let url = config.database_url.expose_secret();
    // The driver knows MariaDB by the name of MySQL.
    let url =
        url.strip_prefix("mariadb:").map_or_else(|| url.into(), |rest| format!("mysql:{rest}"));
    let backend = backend(&url);
    let acquire = Duration::from_millis(match backend {
        // A request waits for its turn at an embedded database, which only others like it hold, for less than it may take in
        // all: so whoever waits in vain hears that nothing was done.
        DbBackend::Sqlite => config.settings.limits.request_timeout_ms / 5 * 4,
        _ => config.settings.sql.acquire_timeout_ms,
    });
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(acquire)
        .connect_timeout(acquire)
        // Either would start sqlx's task that looks for old connections, which up to sqlx 0.9.0 can spin without end when a
        // connection is given back at that moment (transact-rs/sqlx#3645); so old ones go when they are given back.
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false)
        .map_sqlx_sqlite_opts(|options| {
            let path = options.get_filename();
            // Its journal gets the same rights. Where it cannot be made, opening it says so.
            if !path.starts_with(":memory:") && !path.to_string_lossy().starts_with("file:") {
                let _ = private::make_file(path);
            }
            options
                .create_if_missing(true)
                .foreign_keys(true)
                // Rows go from the thread of the connection to the one that asked in bunches, not one by one.
                .row_buffer_size(ROW_BUFFER)
                .pragma("journal_mode", "WAL")
                // What is deleted is overwritten, so that nobody finds it in the file.
                .pragma("secure_delete", "ON")
                .pragma("synchronous", "FULL")
                .pragma("busy_timeout", BUSY_TIMEOUT_MS)
        })
        .map_sqlx_postgres_opts(|options| {
            options.application_name("rankedhonor").options([
                ("statement_timeout", format!("{}s", LONG.as_secs())),
                ("lock_timeout", format!("{LOCK_WAIT_S}s")),
                ("idle_in_transaction_session_timeout", format!("{SILENCE_S}s")),
            ])
        })
        .map_sqlx_postgres_pool_opts({
            let late = late.clone();
            move |options| {
                let late = late.clone();
                options.after_release(move |connection, meta| {
                    Box::pin(worth_keeping(connection, meta.age, late.clone()))
                })
            }
        })
        .map_sqlx_mysql_pool_opts({
            let late = late.clone();
            move |options| {
                let late = late.clone();
                options
                    .after_release(move |connection, meta| {
                        Box::pin(worth_keeping(connection, meta.age, late.clone()))
                    })
                    .after_connect(|connection, _| {
                        Box::pin(async move {
                            let setup = format!(
                                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                                 SET SESSION innodb_lock_wait_timeout = {LOCK_WAIT_S} \
                                 /*M!100300 , SESSION idle_transaction_timeout = {SILENCE_S} */ \
                                 /*!80000 , SESSION wait_timeout = {SILENT_CONNECTION_S} */"
                            );
                            connection.execute(sqlx::AssertSqlSafe(setup)).await?;
                            Ok(())
                        })
                    })
            }
        });
    if backend == DbBackend::Sqlite {
        options.test_before_acquire(false);
    } else {
        options.test_before_acquire_if_idle_for(STALE);
    }
    let began = Instant::now();
    let mut database = loop {
        match Database::connect(options.clone()).await {
            Err(DbErr::Conn(RuntimeErr::SqlxError(error)))
                if matches!(*error, sqlx::Error::PoolTimedOut) && began.elapsed() < START => {}
            Err(error) if is_about_url(&error) => {
                return Err(Error::unavailable("database", "DATABASE_URL cannot be understood"));
            }
            opened => break opened.map_err(|error| Error::unavailable("database", error))?,
        }
    };
    database.set_metric_callback(move |statement| {
        metrics::histogram!("rankedhonor_sql_seconds", "pool" => pool)
            .record(statement.elapsed.as_secs_f64());
    });
    Ok(database)
}

/// Whether an error is about the URL itself: then what it says could hold the password.
fn is_about_url(error: &DbErr) -> bool {
    match error {
        DbErr::Conn(RuntimeErr::Internal(_)) => true,
        DbErr::Conn(RuntimeErr::SqlxError(error)) => {
            matches!(**error, sqlx::Error::Configuration(_))
        }
        _ => false,
    }
}

/// Whether a connection that is given back is worth keeping: a fresh one finds a server that was added. Where statements
/// were given up of late it may be one on which nothing will ever come back, and the driver waits for it without end; it is
/// then asked, for a moment.
async fn worth_keeping(
    connection: &mut impl Connection,
    age: Duration,
    late: Late,
) -> Result<bool, sqlx::Error> {
    if age > LIFETIME {
        return Ok(false);
    }
    if !late.is_recent() {
        return Ok(true);
    }
    let answer = timeout(STALE, connection.ping()).await;
    answer.unwrap_or_else(|late| Err(sqlx::Error::Io(std::io::Error::other(late)))).map(|()| true)
}
