//! The HTTP side of the service. It reads the ledgers and never asks a vendor.
//!
//! | module | routes |
//! |---|---|
//! | `health` | `/livez`, `/readyz` |
//! | `metrics` | `/metrics`: counters of this process, gauges from the database |
//! | `dashboard` | `/`: one HTML page without a script |
//! | `api` | `/api/v1/…` and its description at `/api/openapi.json` |
//! | `webhook_intake` | `/hooks/…`: proves an event, stores it, then answers |
//!
//! `authentication` and `rate_limits` stand before the routes; every error is a `problem` (RFC 9457). Start reading at
//! [`Server::router`]; `README.md` lists each route, metric and limit.

mod api;
mod authentication;
mod dashboard;
mod health;
mod metrics;
mod problem;
mod query_timeout;
mod rate_limits;
mod security_headers;
mod webhook_intake;

pub use crate::health::{Liveness, Probe};
pub use crate::metrics::{InstallError, Metrics};
pub use crate::rate_limits::{Limits, RateLimits};

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use secrecy::SecretString;
use std::future::IntoFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use storage::accounts::Accounts;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The HTTP server and all that its routes need.
pub struct Server {
    /// The database with the ledgers.
    pub database: Database,
    /// The accounts in the settings.
    pub accounts: Arc<Accounts>,
    /// Checks that the queue accepts tickets.
    pub queue: Arc<dyn Probe>,
    /// Knows whether the loops of this process move.
    pub liveness: Arc<dyn Liveness>,
    /// The counters of this process.
    pub metrics: Metrics,
    /// How many requests a client and an account may send.
    pub rate_limits: RateLimits,
    /// The token that opens the guarded routes. `None` opens them to every client; an empty token to no client.
    pub operator_token: Option<SecretString>,
    /// The version of the service.
    pub version: &'static str,
}

/// The time that open requests get to finish after the stop signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval between two rounds of [`Server::run_upkeep`].
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

impl Server {
    /// All routes, with their guards.
    pub fn router(self: Arc<Self>) -> Router {
        let (api, description) = api::router();
        let guarded = Router::new()
            .route("/", get(dashboard::show))
            .route("/metrics", get(metrics::scrape))
            .route("/api/openapi.json", get(async move || description))
            .merge(api)
            .route_layer(middleware::from_fn_with_state(Arc::clone(&self), authentication::require_operator));
        // A webhook carries its own proof.
        let webhooks = Router::new()
            .route("/hooks/{vendor}/{account}", post(webhook_intake::receive_signed))
            .route("/hooks/{vendor}/{account}/{secret}", post(webhook_intake::receive_at_secret_path))
            .layer(DefaultBodyLimit::max(webhook_intake::MAX_BODY_BYTES));
        Router::new()
            .route("/readyz", get(health::readyz))
            .merge(webhooks)
            .merge(guarded)
            .fallback(problem::unknown_path)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(middleware::from_fn_with_state(Arc::clone(&self), rate_limits::limit_client))
            // Behind the limit, so that it has none: a 429 here would make a supervisor restart a healthy process.
            .route("/livez", get(health::livez).fallback(problem::method_not_allowed))
            .layer(middleware::map_response(security_headers::add))
            .with_state(self)
    }

    /// Serves requests until `stop`, then lets open requests finish.
    ///
    /// # Errors
    /// The listener's error.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let service = Arc::clone(&self).router().into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        let drain_timeout = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            result = serving.into_future() => result,
            () = self.run_upkeep() => Ok(()),
            () = drain_timeout => {
                warn!(seconds = DRAIN_TIMEOUT.as_secs(), "the server stops although requests are still open");
                Ok(())
            }
        }
    }

    /// Keeps memory bounded: sums up observations that no scrape has collected, and drops the limits of idle clients.
    async fn run_upkeep(&self) {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            self.metrics.sum_up();
            self.rate_limits.drop_idle();
        }
    }
}
