//! A read transaction: all that it reads is of one instant, whatever is committed meanwhile.

use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The database as it is at one instant. Every answer that several statements make up is read in one snapshot, because a
/// commit between two statements would show half of itself. A snapshot refuses writes, and ends when it is dropped.
pub struct Snapshot {
    tx: Transaction,
    now: DateTime<Utc>,
    _place: Option<OwnedSemaphorePermit>,
}

/// SQLite fixes the snapshot with the first statement that reads a table; PostgreSQL with any.
const FIRST_READ: &str = "SELECT 1 AS one FROM sqlite_schema LIMIT 1";

impl Database {
    /// Opens a snapshot for a short read of the service's own.
    ///
    /// # Errors
    /// Returns the database error.
    pub async fn snapshot(&self) -> Result<Snapshot, DbErr> {
        Snapshot::open(self, None).await
    }

    /// Opens a snapshot for an answer to people, which may take long. At most half of the connections serve such answers
    /// at once; the other half is left to the scheduler and the workers. A caller that holds one must not open a second: two such
    /// callers could wait for each other for ever.
    ///
    /// # Errors
    /// Returns the database error.
    pub async fn report_snapshot(&self) -> Result<Snapshot, DbErr> {
        let permit = Arc::clone(&self.report_permits).acquire_owned().await;
        let permit = permit.map_err(|closed| DbErr::Custom(closed.to_string()))?;
        Snapshot::open(self, Some(permit)).await
    }
}

impl Snapshot {
    /// Opens one, which holds on to `place` as long as it lasts.
    pub(crate) async fn open(db: &Database, place: Option<OwnedSemaphorePermit>) -> Result<Self, DbErr> {
        let tx = Transaction::begin_read(db.connection()).await?;
        if tx.get_database_backend() == DbBackend::Sqlite {
            tx.query_one_raw(Statement::from_string(DbBackend::Sqlite, FIRST_READ)).await?;
        }
        let now = db.now(&tx).await?;
        Ok(Self { tx, now, _place: place })
    }

    /// The time that counts, read once when the snapshot was opened.
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
    DbErr::Custom("a snapshot is for reading; write in a transaction".to_owned())
}
