//! The readiness checks, run at most once in a few seconds, however many clients ask: each run takes the database's write
//! lock and puts a ticket into the queue.

use crate::Server;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tracing::warn;

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a result counts. Supervisors ask every few seconds, and act after several failures.
const FRESH_FOR: Duration = Duration::from_secs(3);

/// The last result.
#[derive(Default)]
pub(crate) struct Readiness {
    last: Mutex<Option<Report>>,
}

/// The result of all checks, and when they ended.
struct Report {
    at: Duration,
    checks: Arc<[Check]>,
}

/// One dependency.
pub(crate) struct Check {
    /// The dependency.
    pub(crate) name: &'static str,
    /// The reason of a failure, for operators.
    pub(crate) outcome: Result<(), String>,
}

impl Readiness {
    /// The checks' result. A request runs them where the last result is too old; those that come meanwhile wait for it.
    pub(crate) async fn checks(&self, server: &Server) -> Arc<[Check]> {
        let mut last = self.last.lock().await;
        if let Some(report) = last.as_ref()
            && server.database.elapsed().saturating_sub(report.at) < FRESH_FOR
        {
            return Arc::clone(&report.checks);
        }
        let checks: Arc<[Check]> = run_checks(server).await.into();
        *last = Some(Report { at: server.database.elapsed(), checks: Arc::clone(&checks) });
        checks
    }
}

async fn run_checks(server: &Server) -> [Check; 3] {
    let migrations = async {
        let pending = server.database.pending().await.map_err(|error| error.to_string())?;
        if pending.is_empty() { Ok(()) } else { Err(format!("pending: {}", pending.join(", "))) }
    };
    let checks = tokio::join!(
        run_check("database", server.database.ping()),
        run_check("queue", server.queue.ping()),
        run_check("migrations", migrations),
    );
    checks.into()
}

async fn run_check<E: Display>(name: &'static str, check: impl Future<Output = Result<(), E>>) -> Check {
    let outcome = match tokio::time::timeout(CHECK_TIMEOUT, check).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
    };
    if let Err(reason) = &outcome {
        warn!(check = name, reason, "readiness check failed");
    }
    Check { name, outcome }
}
