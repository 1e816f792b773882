//! Stores the webhook events that the server has recorded and could not store at once.

use std::time::Duration;
use storage::database::Database;
use storage::deliveries::webhook_backlog::store_backlog;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The time between two looks for recorded events.
const INTERVAL: Duration = Duration::from_secs(2);

/// Looks for recorded events until `stop`. Any number of processes may do so.
pub async fn run(database: &Database, stop: &CancellationToken) {
    let mut is_healthy = true;
    while !stop.is_cancelled() {
        match store_backlog(database).await {
            Ok(()) => is_healthy = true,
            Err(error) if is_healthy => {
                warn!(%error, "recorded webhook events are not stored yet; the scheduler tries again in two seconds");
                is_healthy = false;
            }
            Err(error) => debug!(%error, "recorded webhook events are still not stored"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
