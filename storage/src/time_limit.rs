//! Time limits for the database: a connection whose other end has gone silent must not hold work for ever.

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{AssertSqlSafe, Connection as _, Executor as _, Postgres};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// How long a connection that returns to the pool may take to answer. Without an answer the pool closes it.
const RETURN: Duration = Duration::from_secs(5);

/// What a statement may take at this end beyond what PostgreSQL permits it: PostgreSQL's own error says more.
const GRACE: Duration = Duration::from_secs(5);

/// The pool, for single statements. Each has a time limit.
#[derive(Clone)]
pub struct LimitedConnection {
    pub(crate) pool: DatabaseConnection,
    pub(crate) limit: Duration,
    /// Wakes the scheduler of this process after a commit that changed a ledger.
    pub(crate) changes: Arc<Notify>,
}

/// Awaits a statement; a failure if it takes longer than `limit` and the grace. Its connection is then in an unknown state.
pub(crate) async fn within<T>(limit: Duration, doing: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    match tokio::time::timeout(limit + GRACE, doing).await {
        Ok(done) => done,
        Err(_) => Err(DbErr::Conn(RuntimeErr::Internal(format!(
            "the database did not answer within {} s; look at its load and at the network, or raise database.timeout",
            (limit + GRACE).as_secs()
        )))),
    }
}

/// Makes PostgreSQL end a statement after `limit`, a wait for a lock after half of it, and an idle transaction after twice
/// the limit; and makes the pool close a connection that does not answer when it returns.
pub(crate) fn limit_pool(options: PoolOptions<Postgres>, limit: Duration) -> PoolOptions<Postgres> {
    let millis = limit.as_millis();
    let settings = format!(
        "SET statement_timeout = {millis}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        millis / 2,
        millis * 2
    );
    options
        .after_connect(move |connection, _| {
            let settings = settings.clone();
            Box::pin(async move { connection.execute(AssertSqlSafe(settings)).await.map(|_| ()) })
        })
        .after_release(|connection, _| {
            Box::pin(
                async move { Ok(tokio::time::timeout(RETURN, connection.ping()).await.is_ok_and(|pong| pong.is_ok())) },
            )
        })
}

#[async_trait::async_trait]
impl ConnectionTrait for LimitedConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        within(self.limit, self.pool.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        within(self.limit, self.pool.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        within(self.limit, self.pool.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        within(self.limit, self.pool.query_all_raw(statement)).await
    }
}
