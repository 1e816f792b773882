//! Liveness and readiness.

use crate::Server;
use crate::authentication::admit;
use crate::readiness::Check;
use crate::tokens::Scope;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::watchdog::StuckLoop;
use std::fmt::Write;
use std::sync::Arc;

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

/// `GET /readyz`: 200 where the database and the queue accept writes and no migration is pending, 503 otherwise. The
/// checks run at most every three seconds. `?verbose` lists them also on success.
pub(crate) async fn readyz(State(server): State<Arc<Server>>, request: Request) -> Response {
    let checks = server.state.readiness.checks(&server).await;
    let is_ready = checks.iter().all(|check| check.outcome.is_ok());
    let query = request.uri().query().unwrap_or_default();
    let is_verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
    if is_ready && !is_verbose {
        return "ok".into_response();
    }
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // The route needs no token, and a reason may name hosts.
    let shows_reasons = !is_ready && admit(&server, Scope::Read, &request).is_ok();
    (status, report(&checks, is_ready, shows_reasons)).into_response()
}

/// The checks in the format of Kubernetes.
fn report(checks: &[Check], is_ready: bool, shows_reasons: bool) -> String {
    let mut text = String::new();
    for Check { name, outcome } in checks {
        // Writing to a string cannot fail.
        let _ = match outcome {
            Ok(()) => writeln!(text, "[+]{name} ok"),
            Err(reason) if shows_reasons => writeln!(text, "[-]{name} failed: {}", reason.replace(['\n', '\r'], " ")),
            Err(_) => writeln!(text, "[-]{name} failed: reason withheld"),
        };
    }
    text.push_str(if is_ready { "readyz check passed\n" } else { "readyz check failed\n" });
    text
}
