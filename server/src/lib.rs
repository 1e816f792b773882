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
//! `connections`, `rate_limits` and `authentication` stand before the routes; every error is a `problem` (RFC 9457). Start
//! reading at [`Server::router`]; `README.md` lists each route, metric and limit.

mod api;
mod authentication;
mod connections;
mod dashboard;
mod health;
mod loopback_host;
mod metrics;
mod problem;
mod query_timeout;
mod rate_limits;
mod readiness;
mod refusal_log;
mod security_headers;
mod tokens;
mod webhook_intake;

pub use crate::health::{Liveness, Probe};
pub use crate::metrics::{InstallError, Metrics};
pub use crate::rate_limits::{Limits, RateLimits};
pub use crate::tokens::Tokens;

use crate::connections::Connections;
use crate::readiness::Readiness;
use crate::webhook_intake::WebhookState;
use axum::routing::{get, post};
use axum::{Router, middleware};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use storage::accounts::Accounts;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    /// The tokens that open the guarded routes. Without one, a route is open to the clients of this machine.
    pub tokens: Tokens,
    /// How many connections may be open at once. Then the one that has waited longest for its client makes room.
    pub max_connections: NonZeroUsize,
    /// What the routes remember between two requests.
    pub state: State,
    /// The version of the service.
    pub version: &'static str,
}

/// What the routes remember between two requests.
#[derive(Default)]
pub struct State {
    readiness: Readiness,
    webhooks: WebhookState,
}

/// The interval between two rounds of [`Server::run_upkeep`].
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

impl Server {
    /// All routes, with their guards.
    pub fn router(self: Arc<Self>) -> Router {
        let (api, description) = api::router();
        let reading = Router::new()
            .route("/", get(dashboard::show))
            .route("/api/openapi.json", get(async move || description))
            .merge(api)
            .route_layer(middleware::from_fn_with_state(Arc::clone(&self), authentication::require_read));
        let metrics = Router::new()
            .route("/metrics", get(metrics::scrape))
            .route_layer(middleware::from_fn_with_state(Arc::clone(&self), authentication::require_metrics));
        // A webhook carries its own proof.
        let webhooks = Router::new()
            .route("/hooks/{vendor}/{account}", post(webhook_intake::receive_signed))
            .route("/hooks/{vendor}/{account}/{secret}", post(webhook_intake::receive_at_secret_path));
        Router::new()
            .route("/readyz", get(health::readyz))
            .merge(webhooks)
            .merge(reading)
            .merge(metrics)
            .fallback(problem::unknown_path)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(middleware::from_fn_with_state(Arc::clone(&self), rate_limits::limit_client))
            // Behind the limit, so that it has none: a 429 here would make a supervisor restart a healthy process.
            .route("/livez", get(health::livez).fallback(problem::method_not_allowed))
            .layer(middleware::map_response(security_headers::add))
            .with_state(self)
    }

    /// Serves requests until `stop`, then lets open requests finish, for ten seconds at most.
    ///
    /// # Errors
    /// None today: the server outlives the errors of its listener.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let connections = Connections::new(self.max_connections);
        let router = Arc::clone(&self).router();
        tokio::select! {
            () = connections.serve(listener, router, stop) => Ok(()),
            () = self.run_upkeep() => Ok(()),
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
