#![doc = include_str!("../README.md")]

mod access;
mod api;
mod gauges;
mod health;
mod hooks;
mod metrics;
mod page;
mod problem;

pub use crate::health::Probe;
pub use crate::metrics::{InstallError, Metrics};

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use entities::DbErr;
use entities::database::Database;
use entities::roster::Roster;
use problem::Problem;
use secrecy::SecretString;
use std::future::{Future, IntoFuture};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// What people and monitors see of the service.
pub struct Server {
    /// Where the ledgers are.
    pub database: Database,
    /// The accounts in force.
    pub roster: Arc<Roster>,
    /// Whether tickets can be written.
    pub queue: Arc<dyn Probe>,
    /// What this process has counted.
    pub metrics: Metrics,
    /// Who knows it may look; without it everybody who reaches the port may. An empty one lets nobody in.
    pub operator_token: Option<SecretString>,
    /// The service's version.
    pub version: &'static str,
}

/// How long requests that are under way may take to end, once the service stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a glance at the database may take: a monitor gives up after ten seconds.
const GLANCE: Duration = Duration::from_secs(5);

/// Nothing may be loaded, framed or submitted, so that a text that slipped through the escaping could do nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

impl Server {
    /// Its routes.
    pub fn router(self: Arc<Self>) -> Router {
        let guarded = Router::new()
            .route("/", get(page::show))
            .route("/metrics", get(metrics::scrape))
            .route("/api/v1/status", get(api::status))
            .route("/api/v1/accounts/{account}/coverage", get(api::coverage))
            .route("/api/v1/backfills", get(api::backfills))
            .route("/api/v1/backfills/{id}", get(api::backfill))
            .route_layer(middleware::from_fn_with_state(Arc::clone(&self), access::guard));
        // They prove themselves.
        let hooks = Router::new()
            .route("/hooks/{vendor}/{account}", post(hooks::signed))
            .route("/hooks/{vendor}/{account}/{secret}", post(hooks::addressed))
            .layer(DefaultBodyLimit::max(hooks::LONGEST));
        Router::new()
            .route("/livez", get(health::livez))
            .route("/readyz", get(health::readyz))
            .merge(hooks)
            .merge(guarded)
            .fallback(problem::unknown)
            .method_not_allowed_fallback(problem::method)
            .layer(middleware::map_response(harden))
            .with_state(self)
    }

    /// Answers until `stop`; what is under way then may end.
    ///
    /// # Errors
    /// What the listener says.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let metrics = self.metrics.clone();
        let serving = axum::serve(listener, self.router()).with_graceful_shutdown(stop.clone().cancelled_owned());
        let patience = async {
            stop.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            ended = serving.into_future() => ended,
            () = metrics.keep() => Ok(()),
            () = patience => {
                warn!("stopped with requests still under way");
                Ok(())
            }
        }
    }

    /// What the database answers to a short question.
    async fn glance<T>(&self, asking: impl Future<Output = Result<T, DbErr>>) -> Result<T, Problem> {
        within(GLANCE, asking).await
    }
}

/// What the database answers within `limit`. Its own words may name hosts and users: they go to the log alone.
async fn within<T>(limit: Duration, asking: impl Future<Output = Result<T, DbErr>>) -> Result<T, Problem> {
    match tokio::time::timeout(limit, asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            warn!(%error, "the database refused");
            Err(Problem::unavailable("the database refused; the log says why"))
        }
        Err(_) => {
            warn!(seconds = limit.as_secs(), "the database did not answer in time");
            Err(Problem::unavailable(format!("the database did not answer within {} s", limit.as_secs())))
        }
    }
}

async fn harden(mut response: Response) -> Response {
    let headers: &mut HeaderMap = response.headers_mut();
    let set: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
