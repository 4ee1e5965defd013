//! The SQL database: SQLite, MySQL/MariaDB or PostgreSQL, and the few things in which they differ.
//!
//! SQLite has one writer: its writing pool holds one connection, so writers wait for each other in order instead of
//! failing when they meet, and every writing transaction begins as one (`BEGIN IMMEDIATE`), so none has to be upgraded.
//! The servers run transactions side by side at READ COMMITTED: each locks the rows that it decides on before it reads
//! them, and what the engine undoes to break a deadlock is done again ([`retrying`]).

mod open;

use std::{fmt::Debug, future::Future, time::Duration};

use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, IsolationLevel, QueryResult, RuntimeErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;
use tracing::{Instrument, Span};

pub use self::open::migrator;
use self::open::{Late, backend, open};

use crate::{
    config::Config,
    error::{Error, Result},
};

/// Connections that read at once from SQLite.
const READERS: u32 = 8;
/// How long reading everything at one instant may take, and any statement on the side of the server, and a single read of
/// an embedded database. A request's own time is shorter, and what it has begun to read ends with it.
const LONG: Duration = Duration::from_secs(60);
/// How long anything else may take in an embedded database, which cannot be away.
const UNBOUNDED: Duration = Duration::from_secs(3600);
/// How often a transaction that the engine undid is done again.
const ATTEMPTS: u32 = 6;

/// A connection or transaction whose statements are given up when no answer comes: a server that is frozen, or behind a
/// broken network, says nothing at all.
#[derive(Clone, Debug)]
pub struct Bounded<C> {
    inner: C,
    limit: Duration,
    late: Late,
}

/// Reads and single statements.
pub type Db = Bounded<DatabaseConnection>;
/// A transaction. Dropped without [`commit`](Bounded::commit), it never happened.
pub type Tx = Bounded<DatabaseTransaction>;

impl<C> Bounded<C> {
    async fn within<T>(&self, answer: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        timeout(self.limit, answer).await.unwrap_or_else(|_| {
            self.late.note();
            Err(no_answer())
        })
    }
}

/// A statement in a trace: its text, in which values are placeholders.
fn span(statement: &str) -> Span {
    tracing::debug_span!("sql", db.query.text = statement)
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for Bounded<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let span = span(&statement.sql);
        self.within(self.inner.execute_raw(statement)).instrument(span).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.within(self.inner.execute_unprepared(sql)).instrument(span(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let span = span(&statement.sql);
        self.within(self.inner.query_one_raw(statement)).instrument(span).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let span = span(&statement.sql);
        self.within(self.inner.query_all_raw(statement)).instrument(span).await
    }

    fn support_returning(&self) -> bool {
        self.inner.support_returning()
    }
}

impl Tx {
    /// Makes everything in the transaction true at once.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when no answer comes in time: then it may be true all the same.
    pub async fn commit(self) -> Result<()> {
        let answer = timeout(self.limit, self.inner.commit()).await;
        Ok(answer.unwrap_or_else(|_| {
            self.late.note();
            Err(no_answer())
        })?)
    }
}

fn no_answer() -> DbErr {
    DbErr::Conn(RuntimeErr::Internal("no answer in time".into()))
}

/// The database.
#[derive(Clone, Debug)]
pub struct Sql {
    read: Db,
    write: Db,
    backend: DbBackend,
    acquire: Duration,
}

impl Sql {
    /// Opens the database, making it where it is an embedded one that does not exist.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it cannot be opened.
    pub async fn connect(config: &Config) -> Result<Self> {
        let url = config.database_url.expose_secret();
        let settings = &config.settings.sql;
        let backend = backend(url);
        let acquire = Duration::from_millis(settings.acquire_timeout_ms);
        if backend == DbBackend::Sqlite {
            // The writer comes first: it makes the file and turns its journal to WAL, which lets readers read on.
            let late = Late::default();
            let write = open(config, (1, "write"), &late).await?;
            let read = open(config, (READERS, "read"), &late).await?;
            let bounded = |inner, limit| Bounded { inner, limit, late: late.clone() };
            let (read, write) = (bounded(read, LONG), bounded(write, UNBOUNDED));
            return Ok(Self { read, write, backend, acquire });
        }
        let limit = Duration::from_millis(settings.statement_timeout_ms);
        let late = Late::default();
        let inner = open(config, (settings.connections, "all"), &late).await?;
        let pool = Bounded { inner, limit, late };
        Ok(Self { read: pool.clone(), write: pool, backend, acquire })
    }

    /// Whether the database is part of this process, so that no other instance has it.
    pub fn is_embedded(&self) -> bool {
        self.backend == DbBackend::Sqlite
    }

    /// The dialect.
    pub const fn backend(&self) -> DbBackend {
        self.backend
    }

    /// For single reads: sees what was committed.
    pub const fn read(&self) -> &Db {
        &self.read
    }

    /// Lets the journal of an embedded database forget what was written over since; false while somebody still reads in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_journal(&self) -> Result<bool> {
        if !self.is_embedded() {
            return Ok(true);
        }
        let pragma = Statement::from_string(self.backend, "PRAGMA wal_checkpoint(TRUNCATE)");
        let answer = self.write.query_one_raw(pragma).await?;
        let busy = answer.and_then(|row| row.try_get_by_index::<i32>(0).ok());
        Ok(busy == Some(0))
    }

    /// Begins a writing transaction.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when no connection comes free in time.
    pub async fn begin(&self) -> Result<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.opened(self.write.inner.begin_with_options(options), self.write.limit).await
    }

    /// Begins a writing transaction of which a statement may take long.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when no connection comes free in time.
    pub async fn begin_long(&self) -> Result<Tx> {
        let mut tx = self.begin().await?;
        tx.limit = tx.limit.max(LONG);
        Ok(tx)
    }

    /// Begins a reading transaction: everything in it sees one instant.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when no connection comes free in time.
    pub async fn snapshot(&self) -> Result<Tx> {
        if self.is_embedded() {
            return self.opened(self.read.inner.begin(), UNBOUNDED).await;
        }
        let level = Some(IsolationLevel::RepeatableRead);
        let begun = self.read.inner.begin_with_config(level, Some(AccessMode::ReadOnly));
        self.opened(begun, LONG).await
    }

    async fn opened(
        &self,
        begun: impl Future<Output = Result<DatabaseTransaction, DbErr>>,
        limit: Duration,
    ) -> Result<Tx> {
        let wait = if self.is_embedded() { limit } else { self.acquire + self.write.limit };
        let late = self.write.late.clone();
        let inner = timeout(wait, begun).await.unwrap_or_else(|_| {
            late.note();
            Err(no_answer())
        })?;
        Ok(Bounded { inner, limit, late })
    }

    /// How many connections there are: used and idle, of all pools.
    pub fn connections(&self) -> [(&'static str, u32); 2] {
        let pools = [&self.read.inner, &self.write.inner];
        // On a server both are one.
        let pools = if self.is_embedded() { &pools[..] } else { &pools[..1] };
        let (mut all, mut idle) = (0, 0);
        for pool in pools {
            let (size, free) = match self.backend {
                DbBackend::MySql => {
                    let pool = pool.get_mysql_connection_pool();
                    (pool.size(), pool.num_idle())
                }
                DbBackend::Postgres => {
                    let pool = pool.get_postgres_connection_pool();
                    (pool.size(), pool.num_idle())
                }
                _ => {
                    let pool = pool.get_sqlite_connection_pool();
                    (pool.size(), pool.num_idle())
                }
            };
            all += size;
            // A count that is read while a connection is given back can be anything.
            idle += u32::try_from(free).unwrap_or(0).min(size);
        }
        [("used", all.saturating_sub(idle)), ("idle", idle)]
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it does not.
    pub async fn ping(&self) -> Result<()> {
        self.read.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// The database's own time, in milliseconds since 1970.
    ///
    /// # Errors
    /// SERVICE_UNAVAILABLE when it does not answer.
    pub async fn now_ms(&self) -> Result<i64> {
        let statement = Statement::from_string(self.backend, format!("SELECT {}", self.clock()));
        let row = self.read.query_one_raw(statement).await?;
        let row = row.ok_or_else(|| Error::unavailable("database", "it has no time"))?;
        Ok(row.try_get_by_index(0)?)
    }

    /// The expression for the database's own time, in milliseconds since 1970.
    pub const fn clock(&self) -> &'static str {
        match self.backend {
            DbBackend::MySql => "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)",
            DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
            _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        }
    }

    /// Ends all connections, writing out what the journal holds.
    pub async fn close(self) {
        // A server that says nothing is not waited for.
        let _ = timeout(LONG / 12, async {
            let _ = self.read.inner.close().await;
            let _ = self.write.inner.close().await;
        })
        .await;
    }
}

/// Does a transaction, and again where the engine undid it because of another one, a few times.
///
/// # Errors
/// Those of the transaction.
pub async fn retrying<T, F>(attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    for round in 1..ATTEMPTS {
        match attempt().await {
            Err(Error::Contended(cause)) => {
                tracing::debug!(%cause, round, "a transaction is done again");
                metrics::counter!("rankedhonor_sql_retries_total").increment(1);
                let most = 5_u64 << round;
                tokio::time::sleep(Duration::from_millis(rand::random_range(1..=most))).await;
            }
            done => return done,
        }
    }
    attempt().await
}
