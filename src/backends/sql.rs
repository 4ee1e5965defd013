//! The SQL database: one pool to read from, one to write through.
//!
//! SQLite has one writer: its writing pool holds one connection, so writers wait for each other in order instead of
//! failing when they meet. Every writing transaction begins as one (`BEGIN IMMEDIATE`), so none has to be upgraded.

use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;

use crate::{
    config::Config,
    error::{Error, Result},
};

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long SQLite waits for another process (a command of the same binary) to finish writing.
const BUSY_TIMEOUT_MS: &str = "5000";
/// Connections that read at once.
const READERS: u32 = 8;

/// The database.
#[derive(Clone, Debug)]
pub struct Sql {
    read: DatabaseConnection,
    write: DatabaseConnection,
}

impl Sql {
    /// Opens the database, making it where it is an embedded one that does not exist.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it cannot be opened.
    pub async fn connect(config: &Config) -> Result<Self> {
        let url = config.database_url.expose_secret();
        // The writer comes first: it makes the file and turns its journal to WAL, which lets readers read on.
        let write = open(url, 1, "write").await?;
        let read = open(url, READERS, "read").await?;
        Ok(Self { read, write })
    }

    /// For single reads: sees what was committed.
    pub const fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For the migrations, which bring their own transactions.
    pub const fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// Begins a writing transaction. Dropped without `commit`, it never happened.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when no connection comes free in time.
    pub async fn begin(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.write.begin_with_options(options).await?)
    }

    /// Begins a reading transaction: everything in it sees one instant.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when no connection comes free in time.
    pub async fn snapshot(&self) -> Result<DatabaseTransaction> {
        Ok(self.read.begin().await?)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.read.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Ends all connections, writing out what the journal holds.
    pub async fn close(self) {
        let _ = self.read.close().await;
        let _ = self.write.close().await;
    }
}

async fn open(url: &str, connections: u32, pool: &'static str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|options| {
            options
                .create_if_missing(true)
                .foreign_keys(true)
                .pragma("journal_mode", "WAL")
                .pragma("synchronous", "FULL")
                .pragma("busy_timeout", BUSY_TIMEOUT_MS)
        });
    let mut database =
        Database::connect(options).await.map_err(|error| Error::unavailable("database", error))?;
    database.set_metric_callback(move |statement| {
        metrics::histogram!("rankedhonor_sql_seconds", "pool" => pool)
            .record(statement.elapsed.as_secs_f64());
    });
    Ok(database)
}
