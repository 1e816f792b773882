//! What Prometheus reads: what this process has counted, and how the database stands.

use crate::Server;
use crate::gauges;
use ::metrics::{describe_counter, describe_histogram};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use entities::report;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Counters and histograms of this process. All services in one process share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    counted: PrometheusHandle,
}

/// Why nothing can be counted.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be counted in this process")]
pub struct InstallError(#[from] BuildError);

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// P7 promises 30 s; a poll that starts in time does so within moments.
const LATENESS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 1800.0];
/// How often observations are summed up. Unless somebody does, they are kept one by one.
const UPKEEP: Duration = Duration::from_secs(5);

impl Metrics {
    /// Makes this process count. The first call installs, every other gives the same.
    ///
    /// # Errors
    /// Where somebody else counts for this process already.
    pub fn install() -> Result<Self, InstallError> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = installed.as_ref() {
            return Ok(metrics.clone());
        }
        let lateness = Matcher::Full("convosync_start_lateness_seconds".to_owned());
        let counted = PrometheusBuilder::new().set_buckets_for_metric(lateness, &LATENESS)?.install_recorder()?;
        describe();
        Ok(installed.insert(Self { counted }).clone())
    }

    /// What was counted, as Prometheus reads it.
    #[must_use]
    pub fn render(&self) -> String {
        self.counted.render()
    }

    /// Keeps memory bounded also where nobody scrapes. Never ends.
    pub(crate) async fn keep(&self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.counted.run_upkeep();
        }
    }
}

/// `GET /metrics`. Gauges are read now and not kept: an account that is gone is gone here too, and where the database
/// is down they are absent rather than old.
pub(crate) async fn scrape(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let status = server.glance(report::status(&server.database, &server.roster)).await.ok();
    let text = gauges::render(status.as_ref(), server.version) + &server.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn describe() {
    describe_counter!("convosync_vendor_requests_total", "Requests sent to vendors, by how they ended.");
    describe_counter!("convosync_rows_committed_total", "Rows in committed answers, by what storing them did.");
    describe_counter!("convosync_deliveries_total", "Deliveries taken up, by what became of them.");
    describe_histogram!(
        "convosync_start_lateness_seconds",
        "How long after its due time the asking for a want began, by purpose."
    );
}
