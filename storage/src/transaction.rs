//! One read or write transaction, on either engine.
//!
//! On PostgreSQL it wraps a transaction of sqlx and implements SeaORM's [`ConnectionTrait`]: only sqlx offers COPY, and
//! copied rows must commit or roll back together with the ledger.

use crate::time_limit::{LimitedConnection, within};
use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection, Postgres};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use sea_query_sqlx::SqlxValues;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, Notify};

/// All statements share one snapshot. By default PostgreSQL takes a new one for each statement.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// A transaction. It rolls back when it is dropped without a commit.
pub struct Transaction {
    engine: Engine,
    limit: Duration,
    /// Wakes the scheduler of this process after a commit that changed a ledger.
    changes: Arc<Notify>,
    has_changed_ledger: AtomicBool,
}

enum Engine {
    Sqlite(DatabaseTransaction),
    Postgres(Mutex<sqlx::Transaction<'static, Postgres>>),
}

impl Transaction {
    /// Begins a write transaction. A commit notifies `changes` if the transaction has changed a ledger.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn begin(on: &LimitedConnection) -> Result<Self, DbErr> {
        if on.get_database_backend() == DbBackend::Postgres {
            let begin = async { on.pool.get_postgres_connection_pool().begin().await.map_err(db_err) };
            return Ok(Self::new(Engine::Postgres(Mutex::new(within(on.limit, begin).await?)), on));
        }
        // A deferred SQLite transaction that reads and then writes fails if another transaction wrote in between.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Self::new(Engine::Sqlite(on.pool.begin_with_options(options).await?), on))
    }

    /// Begins a read-only transaction. All its statements see the database as of the first one.
    pub(crate) async fn begin_read(on: &LimitedConnection) -> Result<Self, DbErr> {
        if on.get_database_backend() == DbBackend::Postgres {
            let begin = async { on.pool.get_postgres_connection_pool().begin_with(READ).await.map_err(db_err) };
            return Ok(Self::new(Engine::Postgres(Mutex::new(within(on.limit, begin).await?)), on));
        }
        // A deferred transaction takes no write lock, so it does not block writers.
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            ..TransactionOptions::default()
        };
        Ok(Self::new(Engine::Sqlite(on.pool.begin_with_options(options).await?), on))
    }

    fn new(engine: Engine, on: &LimitedConnection) -> Self {
        Self { engine, limit: on.limit, changes: Arc::clone(&on.changes), has_changed_ledger: AtomicBool::new(false) }
    }

    /// Notes that the transaction changes a ledger: its commit gives the scheduler something to plan or to dispatch.
    pub(crate) fn note_ledger_change(&self) {
        self.has_changed_ledger.store(true, Ordering::Relaxed);
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn commit(self) -> Result<(), DbErr> {
        let limit = self.limit;
        match self.engine {
            Engine::Sqlite(tx) => tx.commit().await?,
            Engine::Postgres(tx) => within(limit, async { tx.into_inner().commit().await.map_err(db_err) }).await?,
        }
        if self.has_changed_ledger.load(Ordering::Relaxed) {
            self.changes.notify_one();
        }
        Ok(())
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn rollback(self) -> Result<(), DbErr> {
        let limit = self.limit;
        match self.engine {
            Engine::Sqlite(tx) => tx.rollback().await,
            Engine::Postgres(tx) => within(limit, async { tx.into_inner().rollback().await.map_err(db_err) }).await,
        }
    }

    /// Awaits statements of this transaction, each within the time limit of the database.
    pub(crate) async fn within<T>(&self, doing: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, DbErr> {
        within(self.limit, async { doing.await.map_err(db_err) }).await
    }

    /// Locks the sqlx connection; `None` on SQLite.
    pub(crate) async fn postgres(&self) -> Option<LockedConnection<'_>> {
        match &self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(tx) => Some(LockedConnection(tx.lock().await)),
        }
    }
}

/// The sqlx connection of a transaction, with exclusive access.
pub(crate) struct LockedConnection<'a>(MutexGuard<'a, sqlx::Transaction<'static, Postgres>>);

impl LockedConnection<'_> {
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match &self.engine {
            Engine::Sqlite(_) => DbBackend::Sqlite,
            Engine::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.engine {
            Engine::Sqlite(tx) => tx.execute_raw(statement).await,
            Engine::Postgres(tx) => {
                let (sql, values) = sql_and_values(statement);
                let query = sqlx::query_with(AssertSqlSafe(sql), values);
                self.within(async { query.execute(&mut **tx.lock().await).await }).await.map(Into::into)
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.engine {
            Engine::Sqlite(tx) => tx.execute_unprepared(sql).await,
            Engine::Postgres(tx) => {
                let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                self.within(async { query.execute(&mut **tx.lock().await).await }).await.map(Into::into)
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.engine {
            Engine::Sqlite(tx) => tx.query_one_raw(statement).await,
            Engine::Postgres(tx) => {
                let (sql, values) = sql_and_values(statement);
                let query = sqlx::query_with(AssertSqlSafe(sql), values);
                let row = self.within(async { query.fetch_optional(&mut **tx.lock().await).await }).await?;
                Ok(row.map(Into::into))
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.engine {
            Engine::Sqlite(tx) => tx.query_all_raw(statement).await,
            Engine::Postgres(tx) => {
                let (sql, values) = sql_and_values(statement);
                let query = sqlx::query_with(AssertSqlSafe(sql), values);
                let rows = self.within(async { query.fetch_all(&mut **tx.lock().await).await }).await?;
                Ok(rows.into_iter().map(Into::into).collect())
            }
        }
    }
}

/// Wraps an error of sqlx as SeaORM does.
pub(crate) fn db_err(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn sql_and_values(statement: Statement) -> (String, PgArguments) {
    let values = SqlxValues(statement.values.unwrap_or(sea_orm::Values(Vec::new())));
    (statement.sql, sqlx::IntoArguments::<Postgres>::into_arguments(values))
}
