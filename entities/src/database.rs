//! One connection pool, PostgreSQL or SQLite.

use crate::transaction::Transaction;
use chrono::{DateTime, SubsecRound, Utc};
use domain::clock::Clock;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, Statement, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use std::sync::Arc;
use std::time::Duration;

/// The database and the clock that counts for it: PostgreSQL's own, so that hosts may disagree; for a SQLite file, which
/// only one host uses, that host's.
#[derive(Clone)]
pub struct Database {
    connection: DatabaseConnection,
    clock: Arc<dyn Clock>,
}

/// How long one SQLite writer waits for another.
const BUSY: Duration = Duration::from_secs(30);

impl Database {
    /// Connects to `postgres://…` (or `postgresql://…`) or `sqlite://FILE`; a missing SQLite file is made.
    ///
    /// # Errors
    /// What the server, or the file system, says. It never repeats the address, which may hold a password.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> Result<Self, DbErr> {
        let is_file = url.starts_with("sqlite:");
        // SeaORM knows only the shorter of the two names, and shows an address that it cannot read.
        let url = url.strip_prefix("postgresql://").map_or_else(|| url.to_owned(), |rest| format!("postgres://{rest}"));
        if !is_file {
            url.parse::<PgConnectOptions>().map_err(|why| DbErr::Conn(RuntimeErr::Internal(why.to_string())))?;
        }
        let mut options = ConnectOptions::new(url);
        options
            .sqlx_logging(false)
            .max_connections(if is_file { 4 } else { 16 })
            .connect_timeout(Duration::from_secs(10))
            .acquire_timeout(BUSY)
            .map_sqlx_sqlite_opts(|options| {
                options
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(BUSY)
            });
        Ok(Self { connection: sea_orm::Database::connect(options).await?, clock })
    }

    /// For reading.
    #[must_use]
    pub fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Opens a transaction that is going to write.
    ///
    /// # Errors
    /// What the database says.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        Transaction::begin(&self.connection).await
    }

    /// The time that counts, to the millisecond.
    ///
    /// # Errors
    /// What the database says.
    pub async fn now(&self, on: &impl ConnectionTrait) -> Result<DateTime<Utc>, DbErr> {
        if on.get_database_backend() != DbBackend::Postgres {
            return Ok(self.clock.now());
        }
        let ask = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp() AS now");
        let row = on.query_one_raw(ask).await?.ok_or_else(|| DbErr::Custom("the database tells no time".to_owned()))?;
        Ok(row.try_get::<DateTime<Utc>>("", "now")?.trunc_subsecs(3))
    }

    /// This host's time, to compare with.
    #[must_use]
    pub fn host_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Brings the tables up to date; returns the names of the changes made.
    ///
    /// # Errors
    /// What the database says; a change that failed was rolled back.
    pub async fn migrate(&self) -> Result<Vec<String>, DbErr> {
        // Processes that start together must not both migrate: the second waits, and finds nothing left to do.
        let tx = self.connection.begin().await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            tx.execute_unprepared("SELECT pg_advisory_xact_lock(7203884561)").await?;
        }
        let pending = migrations::Migrator::get_pending_migrations(&tx).await?;
        let pending = pending.iter().map(|migration| migration.name().to_owned()).collect();
        migrations::Migrator::up(&tx, None).await?;
        tx.commit().await?;
        Ok(pending)
    }

    /// Takes the last `steps` changes back.
    ///
    /// # Errors
    /// What the database says.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), DbErr> {
        migrations::Migrator::down(&self.connection, Some(steps)).await
    }

    /// The names of changes not made yet.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pending(&self) -> Result<Vec<String>, DbErr> {
        let pending = migrations::Migrator::get_pending_migrations_read_only(&self.connection).await?;
        Ok(pending.iter().map(|migration| migration.name().to_owned()).collect())
    }

    /// Whether a write would succeed: takes the write lock and lets go of it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn ping(&self) -> Result<(), DbErr> {
        let tx = self.begin().await?;
        tx.execute_unprepared("UPDATE lanes SET width = width WHERE lane = ''").await?;
        tx.rollback().await
    }
}
