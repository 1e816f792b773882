//! `/metrics` in the Prometheus text format: the counters of this process and gauges read from the database.

mod status_gauges;

use crate::Server;
use ::metrics::{describe_counter, describe_histogram};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::{Arc, Mutex, PoisonError};

/// The recorder of this process. All services in one process share its counters and histograms.
#[derive(Clone, Debug)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

/// The recorder cannot be installed.
#[derive(Debug, thiserror::Error)]
#[error("cannot install the metrics recorder: another one is installed in this process")]
pub struct InstallError(#[from] BuildError);

static INSTALLED: Mutex<Option<Metrics>> = Mutex::new(None);

/// Buckets in seconds. Promise P7 allows 30 s; work on time starts within a second.
const LATENESS_BUCKETS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 300.0, 1800.0];
/// Buckets in seconds. A tick should take at most 50 ms, a dispatch or a claim 5 ms.
const STEP_BUCKETS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0, 5.0];

impl Metrics {
    /// Installs the recorder. Later calls return the recorder that is installed.
    ///
    /// # Errors
    /// Where the process already has a recorder that this function did not install.
    pub fn install() -> Result<Self, InstallError> {
        let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = installed.as_ref() {
            return Ok(metrics.clone());
        }
        let lateness = Matcher::Full("convosync_start_lateness_seconds".to_owned());
        let step = Matcher::Full("convosync_step_duration_seconds".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(lateness, &LATENESS_BUCKETS)?
            .set_buckets_for_metric(step, &STEP_BUCKETS)?
            .install_recorder()?;
        describe();
        Ok(installed.insert(Self { recorder }).clone())
    }

    /// The counters and histograms in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.recorder.render()
    }

    /// Sums up recent observations into buckets. Without it, a process that no monitor scrapes keeps each of them.
    pub(crate) fn sum_up(&self) {
        self.recorder.run_upkeep();
    }
}

/// `GET /metrics`. Gauges are read anew for each scrape, so a removed account disappears. While the database does not
/// answer the gauges are absent instead of outdated.
pub(crate) async fn scrape(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let status = server.status().await.ok();
    let text = status_gauges::render(status.as_ref(), server.version) + &server.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

fn describe() {
    describe_counter!("convosync_vendor_requests_total", "Requests sent to vendors, by outcome.");
    describe_counter!("convosync_commits_total", "Answers that this process stored, or could not store, by outcome.");
    describe_counter!("convosync_rows_gone_total", "Stored rows that a complete answer of the vendor lacks.");
    describe_counter!("convosync_rows_committed_total", "Rows in committed answers, by effect on the table.");
    describe_counter!(
        "convosync_days_reopened_total",
        "Days that were final until a later answer changed rows of them, over all streams of the account."
    );
    describe_counter!(
        "convosync_pruned_rows_total",
        "Old rows of the ledger's history that this process deleted, by table."
    );
    describe_counter!("convosync_deliveries_total", "Mails and webhook events received, by result.");
    describe_counter!(
        "convosync_http_requests_limited_total",
        "Requests answered with 429, by the limit they exceeded."
    );
    describe_counter!(
        "convosync_http_connections_closed_total",
        "Connections of clients that the server closed, by what it waited for."
    );
    describe_counter!("convosync_loop_failures_total", "Panics and unexpected ends of this process' loops, by loop.");
    describe_counter!("convosync_tick_failures_total", "Steps of the scheduler's tick that failed, by step.");
    describe_histogram!(
        "convosync_step_duration_seconds",
        "Duration of a scheduler's tick, and of a worker's dispatch, claim and commit."
    );
    describe_histogram!("convosync_start_lateness_seconds", "Delay between a job's due time and its first request.");
}
