//! Whether the process lives, and whether it can do its work.

use crate::Server;
use crate::access::is_operator;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use std::fmt::{Display, Write};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// Something that readiness depends on.
#[async_trait::async_trait]
pub trait Probe: Send + Sync {
    /// Whether a write would succeed.
    ///
    /// # Errors
    /// Why not, in words for operators that hold no secret.
    async fn ping(&self) -> Result<(), String>;
}

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(5);

struct Check {
    name: &'static str,
    outcome: Result<(), String>,
}

/// Touches nothing: a failing database must not make a supervisor restart a process that is well.
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// 200 once the database and the queue can be written and all migrations are made.
pub(crate) async fn readyz(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let checks = checks(&server).await;
    let is_ready = checks.iter().all(|check| check.outcome.is_ok());
    let query = query.unwrap_or_default();
    let is_verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
    if is_ready && !is_verbose {
        return "ok".into_response();
    }
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, listed(&checks, is_ready, is_operator(&server, &headers))).into_response()
}

async fn checks(server: &Server) -> [Check; 3] {
    let migrations = async {
        let pending = server.database.pending().await.map_err(|error| error.to_string())?;
        if pending.is_empty() { Ok(()) } else { Err(format!("to be made: {}", pending.join(", "))) }
    };
    let checks = tokio::join!(
        check("database", server.database.ping()),
        check("queue", server.queue.ping()),
        check("migrations", migrations),
    );
    checks.into()
}

async fn check<E: Display>(name: &'static str, checking: impl Future<Output = Result<(), E>>) -> Check {
    let outcome = match tokio::time::timeout(PATIENCE, checking).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    if let Err(reason) = &outcome {
        warn!(check = name, reason, "not ready");
    }
    Check { name, outcome }
}

/// As Kubernetes writes it. The route is open to all, and reasons may name hosts: only operators read them here.
fn listed(checks: &[Check], is_ready: bool, is_operator: bool) -> String {
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
