//! Time limits on database queries. The database's own error goes to the log only: it may name hosts and users.

use crate::Server;
use crate::problem::Problem;
use std::future::Future;
use std::time::Duration;
use storage::DbErr;
use storage::reports::status::{Status, status};
use tracing::warn;

/// The limit of a short query: a monitor gives up after ten seconds.
const SHORT_QUERY: Duration = Duration::from_secs(5);

impl Server {
    /// Runs a short query.
    ///
    /// # Errors
    /// 503 where the database fails or needs longer than five seconds.
    pub(crate) async fn query<T>(&self, query: impl Future<Output = Result<T, DbErr>>) -> Result<T, Problem> {
        within(SHORT_QUERY, query).await
    }

    /// Reads the status of every account, lane and the queue, in one snapshot.
    ///
    /// # Errors
    /// 503 where the database fails or needs longer than five seconds.
    pub(crate) async fn status(&self) -> Result<Status, Problem> {
        self.query(async { status(&self.database.report_snapshot().await?, &self.accounts).await }).await
    }
}

/// Runs `query` for at most `limit`.
///
/// # Errors
/// 503 where the database fails or needs longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, query: impl Future<Output = Result<T, DbErr>>) -> Result<T, Problem> {
    match tokio::time::timeout(limit, query).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => {
            warn!(%error, "the database refused a query of the HTTP server");
            Err(Problem::unavailable("the database refused the query; the log of the service has the reason"))
        }
        Err(_) => {
            warn!(seconds = limit.as_secs(), "the database did not answer a query of the HTTP server in time");
            Err(Problem::unavailable(format!("the database did not answer within {} s", limit.as_secs())))
        }
    }
}
