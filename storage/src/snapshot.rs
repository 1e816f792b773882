//! A read transaction whose statements all read the database as of one instant.

use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The database as of one instant. An answer that needs several statements reads them all in one snapshot, because a
/// commit between two statements would otherwise appear in part. A snapshot refuses writes and ends when it is dropped.
pub struct Snapshot {
    tx: Transaction,
    now: DateTime<Utc>,
    _permit: Option<OwnedSemaphorePermit>,
}

/// SQLite fixes the snapshot at the first statement that reads a table, PostgreSQL at the first statement of any type.
const FIRST_READ: &str = "SELECT 1 AS one FROM sqlite_schema LIMIT 1";

impl Database {
    /// Opens a snapshot for a short read by the scheduler or a worker.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn snapshot(&self) -> Result<Snapshot, DbErr> {
        Snapshot::open(self, None).await
    }

    /// Opens a snapshot for a report to an operator, which may take long. Reports use at most half of the connections at
    /// a time; the other half remains for the scheduler and the workers. A caller must not open a second report snapshot
    /// while it holds one: two such callers could deadlock.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn report_snapshot(&self) -> Result<Snapshot, DbErr> {
        let permit = Arc::clone(&self.report_permits).acquire_owned().await;
        let permit = permit.map_err(|closed| DbErr::Custom(closed.to_string()))?;
        Snapshot::open(self, Some(permit)).await
    }
}

impl Snapshot {
    /// Opens a snapshot that keeps `permit` until it is dropped.
    pub(crate) async fn open(db: &Database, permit: Option<OwnedSemaphorePermit>) -> Result<Self, DbErr> {
        let tx = Transaction::begin_read(db.connection(), db.changes()).await?;
        if tx.get_database_backend() == DbBackend::Sqlite {
            tx.query_one_raw(Statement::from_string(DbBackend::Sqlite, FIRST_READ)).await?;
        }
        let now = db.now(&tx).await?;
        Ok(Self { tx, now, _permit: permit })
    }

    /// The time of the database's clock when the snapshot was opened.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Snapshot {
    fn get_database_backend(&self) -> DbBackend {
        self.tx.get_database_backend()
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(read_only())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(read_only())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.tx.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.tx.query_all_raw(statement).await
    }
}

fn read_only() -> DbErr {
    DbErr::Custom("a snapshot is read-only; write in a transaction".to_owned())
}
