//! The connection pool, for PostgreSQL or SQLite, and the clock that counts for leases.

use crate::conversations_view;
use crate::migration_state::migration_state;
use crate::time_limit::{LimitedConnection, limit_pool};
use crate::transaction::Transaction;
use chrono::{DateTime, SubsecRound, Utc};
use domain::clock::Clock;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DbBackend, DbErr, RuntimeErr, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// The database and its clock. Leases count by PostgreSQL's clock, because the clocks of several hosts may differ, or by
/// the host's clock for a SQLite file, which only one host uses.
#[derive(Clone)]
pub struct Database {
    connection: LimitedConnection,
    /// A small pool of its own for webhooks, so that a vendor gets its answer while the other connections are in use.
    intake: LimitedConnection,
    clock: Arc<dyn Clock>,
    /// Permits for snapshots that may last long: one per connection that reports may use.
    pub(crate) report_permits: Arc<Semaphore>,
}

/// The maximum time that a SQLite writer waits for another writer, and that a query waits for a connection.
const BUSY: Duration = Duration::from_secs(30);
/// The same for a webhook: a vendor waits five seconds at most.
const INTAKE_BUSY: Duration = Duration::from_secs(2);
/// Connections for webhooks. They open with the first webhook.
const INTAKE_CONNECTIONS: u32 = 3;
/// The most connections in a SQLite pool. Each has its own thread and cache.
const SQLITE_CONNECTIONS: u32 = 4;
/// The time after which an idle connection is tested before it is used.
const IDLE: Duration = Duration::from_secs(5);

/// The size of a pool, and how patient it is.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// The most connections.
    pub connections: u32,
    /// The longest that a statement, or the wait for a connection, may take.
    pub timeout: Duration,
}

impl Default for Pool {
    /// The pool of a command.
    fn default() -> Self {
        Self { connections: 16, timeout: Duration::from_mins(1) }
    }
}

/// The file that a SQLite URL names, if it does not exist. [`Database::connect`] would create it.
#[must_use]
pub fn missing_file(url: &str) -> Option<PathBuf> {
    let options: SqliteConnectOptions = url.starts_with("sqlite:").then(|| url.parse().ok())??;
    Some(options.get_filename().to_path_buf()).filter(|file| !file.exists())
}

impl Database {
    /// Connects to `postgres://…` (or `postgresql://…`) or `sqlite://FILE`; creates a missing SQLite file. The pool has
    /// the size that suits a command.
    ///
    /// # Errors
    /// The error of the server or the file system. It omits the address, which may hold a password.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, DbErr> {
        Self::connect_pool(url, clock, Pool::default()).await
    }

    /// Like [`Database::connect`], with another pool. It has at most four connections for SQLite, and opens them as they
    /// are needed.
    ///
    /// # Errors
    /// As [`Database::connect`].
    #[crate::boxed]
    pub async fn connect_pool(url: &str, clock: Arc<dyn Clock>, pool: Pool) -> Result<Self, DbErr> {
        let is_file = url.starts_with("sqlite:");
        // SeaORM accepts only `postgres://`, and repeats an address that it cannot parse in its error.
        let url = url.strip_prefix("postgresql://").map_or_else(|| url.to_owned(), |rest| format!("postgres://{rest}"));
        if is_file {
            create_private_file(&url);
        } else {
            url.parse::<PgConnectOptions>().map_err(|why| DbErr::Conn(RuntimeErr::Internal(why.to_string())))?;
        }
        let Pool { connections, timeout } = pool;
        let connections = if is_file { connections.min(SQLITE_CONNECTIONS) } else { connections };
        let busy = BUSY.min(timeout);
        let mut options = pool_options(&url, connections, (busy, timeout));
        options.map_sqlx_sqlite_opts(move |options| sqlite(options, busy).synchronous(SqliteSynchronous::Normal));
        let mut intake = pool_options(&url, INTAKE_CONNECTIONS, (INTAKE_BUSY, timeout));
        // A vendor does not repeat an event that was answered with 200, so it must survive a power cut.
        intake
            .connect_lazy(true)
            .map_sqlx_sqlite_opts(|options| sqlite(options, INTAKE_BUSY).synchronous(SqliteSynchronous::Full));
        let report_permits = Arc::new(Semaphore::new(usize::try_from(connections / 2).unwrap_or(1)));
        let changes = Arc::<Notify>::default();
        let limited = async |options| {
            let pool = sea_orm::Database::connect(options).await?;
            Ok::<_, DbErr>(LimitedConnection { pool, limit: timeout, changes: Arc::clone(&changes) })
        };
        Ok(Self { connection: limited(options).await?, intake: limited(intake).await?, clock, report_permits })
    }

    /// The same database, whose commits wake the scheduler that waits for those of `other`.
    #[must_use]
    pub fn waking_scheduler_of(mut self, other: &Self) -> Self {
        self.connection.changes = Arc::clone(&other.connection.changes);
        self.intake.changes = Arc::clone(&other.connection.changes);
        self
    }

    /// The pool for webhooks.
    pub(crate) fn intake(&self) -> &LimitedConnection {
        &self.intake
    }

    /// The pool, for a single read statement.
    #[must_use]
    pub fn connection(&self) -> &LimitedConnection {
        &self.connection
    }

    /// Closes all connections for good.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn close(&self) -> Result<(), DbErr> {
        self.intake.pool.close_by_ref().await?;
        self.connection.pool.close_by_ref().await
    }

    /// Begins a write transaction.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        Transaction::begin(&self.connection).await
    }

    /// Waits until a commit of this process has changed a ledger since the last call returned. One task may wait: the
    /// scheduler. Changes by other processes are not noticed.
    pub async fn ledger_changed(&self) {
        self.connection.changes.notified().await;
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
        let state = migration_state(&self.connection.pool).await?;
        // A newer version's view stays: it may have a vendor that this one does not know.
        let keeps_view = state.is_newer || conversations_view::is_current(&self.connection, conversations).await?;
        if state.pending.is_empty() && keeps_view {
            return Ok(Vec::new());
        }
        // Two processes that start together must not both migrate. The second waits, and then finds no pending migration.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = self.connection.pool.begin_with_options(options).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            // A migration of large tables may take long, and so may the wait for that of another process.
            tx.execute_unprepared("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0").await?;
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
        migrations::Migrator::down(&self.connection.pool, Some(steps)).await
    }

    /// The names of this version's migrations that the database lacks. It may have those of a newer version besides.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn pending(&self) -> Result<Vec<String>, DbErr> {
        Ok(migration_state(&self.connection.pool).await?.pending)
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

/// Creates the file of a SQLite URL if it does not exist, readable by its owner only: it holds conversations. SQLite gives the
/// files beside it (`-wal`, `-shm`) the same mode. A file that exists keeps its mode, which its owner may have chosen.
fn create_private_file(url: &str) {
    let Some(file) = missing_file(url) else { return };
    // Without the file SQLite fails too, and its error is the one that is shown.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
}

/// The options of a pool whose callers wait at most `patience` for a connection, and `timeout` for a statement.
fn pool_options(url: &str, connections: u32, (patience, timeout): (Duration, Duration)) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .sqlx_logging(false)
        .max_connections(connections)
        .connect_timeout(Duration::from_secs(10).min(patience))
        .acquire_timeout(patience)
        // A connection is tested when it returns to the pool.
        .test_before_acquire_if_idle_for(IDLE)
        .map_sqlx_postgres_pool_opts(move |options| limit_pool(options, timeout));
    options
}

fn sqlite(options: SqliteConnectOptions, busy: Duration) -> SqliteConnectOptions {
    options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal).busy_timeout(busy)
}
