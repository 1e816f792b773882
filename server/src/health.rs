//! Liveness and readiness.

use crate::Server;
use crate::authentication::is_operator;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::watchdog::StuckLoop;
use std::fmt::{Display, Write};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// A dependency that readiness checks.
#[async_trait::async_trait]
pub trait Probe: Send + Sync {
    /// Checks that a write would succeed.
    ///
    /// # Errors
    /// The reason for operators, without secrets.
    async fn ping(&self) -> Result<(), String>;
}

/// The loops of this process.
pub trait Liveness: Send + Sync {
    /// The loops that have not moved for longer than they may. Does no I/O.
    fn stuck_loops(&self) -> Vec<StuckLoop>;
}

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

struct Check {
    name: &'static str,
    outcome: Result<(), String>,
}

/// `GET /livez`: 200 while every loop of the process moves, 503 with the names of those that do not. Uses no dependency: a
/// database that fails must not make a supervisor restart a healthy process.
pub(crate) async fn livez(State(server): State<Arc<Server>>) -> Response {
    let stuck = server.liveness.stuck_loops();
    if stuck.is_empty() {
        return "ok".into_response();
    }
    let mut text = String::new();
    for StuckLoop { name, since } in stuck {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "[-]{name} has not moved for {} s", since.as_secs());
    }
    text.push_str("livez check failed\n");
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

/// `GET /readyz`: 200 where the database and the queue accept writes and no migration is pending, 503 otherwise.
/// `?verbose` lists the checks also on success.
pub(crate) async fn readyz(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let checks = run_checks(&server).await;
    let is_ready = checks.iter().all(|check| check.outcome.is_ok());
    let query = query.unwrap_or_default();
    let is_verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
    if is_ready && !is_verbose {
        return "ok".into_response();
    }
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, report(&checks, is_ready, is_operator(&server, &headers))).into_response()
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

/// The checks in the format of Kubernetes. The route needs no token and a reason may name hosts, so only operators get
/// the reasons.
fn report(checks: &[Check], is_ready: bool, is_operator: bool) -> String {
    let mut text = String::new();
    for Check { name, outcome } in checks {
        // Writing to a string cannot fail.
        let _ = match outcome {
            Ok(()) => writeln!(text, "[+]{name} ok"),
            Err(reason) if is_operator => writeln!(text, "[-]{name} failed: {}", reason.replace(['\n', '\r'], " ")),
            Err(_) => writeln!(text, "[-]{name} failed: reason withheld"),
        };
    }
    text.push_str(if is_ready { "readyz check passed\n" } else { "readyz check failed\n" });
    text
}
