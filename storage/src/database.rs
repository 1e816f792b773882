//! The connection pool, for PostgreSQL or SQLite, and the clock that counts for leases.

use crate::conversations_view;
use crate::transaction::Transaction;
use chrono::{DateTime, SubsecRound, Utc};
use domain::clock::Clock;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// The database and its clock. Leases count by PostgreSQL's clock, because the clocks of several hosts may differ, or by
/// the host's clock for a SQLite file, which only one host uses.
#[derive(Clone)]
pub struct Database {
    connection: DatabaseConnection,
    clock: Arc<dyn Clock>,
    /// Permits for snapshots that may last long: one per connection that reports may use.
    pub(crate) report_permits: Arc<Semaphore>,
    /// Notified after each commit of this process that changed a ledger.
    changes: Arc<Notify>,
}

/// The maximum time that a SQLite writer waits for another writer, and that a query waits for a connection.
const BUSY: Duration = Duration::from_secs(30);
/// Connections in a SQLite pool. Each has its own thread and cache.
const SQLITE_CONNECTIONS: u32 = 4;
/// Connections in a PostgreSQL pool.
const POSTGRES_CONNECTIONS: u32 = 16;

/// The file that a SQLite URL names, if it does not exist. [`Database::connect`] would create it.
#[must_use]
pub fn missing_file(url: &str) -> Option<PathBuf> {
    let options: SqliteConnectOptions = url.starts_with("sqlite:").then(|| url.parse().ok())??;
    Some(options.get_filename().to_path_buf()).filter(|file| !file.exists())
}

impl Database {
    /// Connects to `postgres://…` (or `postgresql://…`) or `sqlite://FILE`; creates a missing SQLite file.
    ///
    /// # Errors
    /// The error of the server or the file system. It omits the address, which may hold a password.
    #[crate::boxed]
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, DbErr> {
        let is_file = url.starts_with("sqlite:");
        // SeaORM accepts only `postgres://`, and repeats an address that it cannot parse in its error.
        let url = url.strip_prefix("postgresql://").map_or_else(|| url.to_owned(), |rest| format!("postgres://{rest}"));
        if !is_file {
            url.parse::<PgConnectOptions>().map_err(|why| DbErr::Conn(RuntimeErr::Internal(why.to_string())))?;
        }
        let connections = if is_file { SQLITE_CONNECTIONS } else { POSTGRES_CONNECTIONS };
        let mut options = ConnectOptions::new(url);
        options
            .sqlx_logging(false)
            .max_connections(connections)
            .connect_timeout(Duration::from_secs(10))
            .acquire_timeout(BUSY)
            .map_sqlx_sqlite_opts(|options| {
                options
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(BUSY)
            });
        let report_permits = Arc::new(Semaphore::new(usize::try_from(connections / 2).unwrap_or(1)));
        Ok(Self {
            connection: sea_orm::Database::connect(options).await?,
            clock,
            report_permits,
            changes: Arc::default(),
        })
    }

    /// The pool, for a single read statement.
    #[must_use]
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        Transaction::begin(&self.connection, &self.changes).await
    }

    /// Waits until a commit of this process has changed a ledger since the last call returned. One task may wait: the
    /// scheduler. Changes by other processes are not noticed.
    pub async fn ledger_changed(&self) {
        self.changes.notified().await;
    }

    pub(crate) fn changes(&self) -> &Arc<Notify> {
        &self.changes
    }

    /// Reads the clock that counts for leases, to the millisecond.
    ///
    /// # Errors
    /// Returns the database error.
    pub async fn now(&self, on: &impl ConnectionTrait) -> Result<DateTime<Utc>, DbErr> {
        if on.get_database_backend() != DbBackend::Postgres {
            return Ok(self.clock.now());
        }
        let select = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp() AS now");
        let row = on
            .query_one_raw(select)
            .await?
            .ok_or_else(|| DbErr::Custom("the database returned no row for SELECT clock_timestamp()".to_owned()))?;
        Ok(row.try_get::<DateTime<Utc>>("", "now")?.trunc_subsecs(3))
    }

    /// The time since a fixed start by this host's clock, to measure how long a step takes.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Reads this host's clock, to compare it with the database's.
    #[must_use]
    pub fn host_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Brings the tables up to date and replaces the view `conversations` by the union of `conversations`, one SELECT per
    /// vendor. Returns the names of the migrations that were applied.
    ///
    /// # Errors
    /// Returns the database error; a failed migration rolls back.
    #[crate::boxed]
    pub async fn migrate(&self, conversations: &[&str]) -> Result<Vec<String>, DbErr> {
        // Every process of the service migrates at its start, and a write waits for the workers' transactions. Without a
        // change it must not write.
        if self.pending().await?.is_empty() && conversations_view::is_current(&self.connection, conversations).await? {
            return Ok(Vec::new());
        }
        // Two processes that start together must not both migrate. The second waits, and then finds no pending migration.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.connection.begin_with_options(options).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared("SELECT pg_advisory_xact_lock(7203884561)").await?;
        }
        let pending = migrations::Migrator::get_pending_migrations(&tx).await?;
        let pending = pending.iter().map(|migration| migration.name().to_owned()).collect();
        migrations::Migrator::up(&tx, None).await?;
        if !conversations_view::is_current(&tx, conversations).await? {
            conversations_view::replace(&tx, conversations).await?;
        }
        tx.commit().await?;
        Ok(pending)
    }

    /// Reverts the last `steps` migrations and drops the view `conversations`, which [`Database::migrate`] creates again.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn migrate_down(&self, steps: u32) -> Result<(), DbErr> {
        conversations_view::drop(&self.connection).await?;
        migrations::Migrator::down(&self.connection, Some(steps)).await
    }

    /// The names of the pending migrations.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn pending(&self) -> Result<Vec<String>, DbErr> {
        let pending = migrations::Migrator::get_pending_migrations_read_only(&self.connection).await?;
        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
    }

    /// Checks that a write would succeed: takes the write lock and releases it.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn ping(&self) -> Result<(), DbErr> {
        let tx = self.begin().await?;
        tx.execute_unprepared("UPDATE lanes SET max_in_flight = max_in_flight WHERE lane = ''").await?;
        tx.rollback().await
    }
}
