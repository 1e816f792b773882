//! Stores the webhook events that the server has recorded and could not store at once.

use domain::watchdog::Progress;
use std::time::Duration;
use storage::database::Database;
use storage::deliveries::webhook_backlog::store_backlog;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The time between two looks for recorded events.
const INTERVAL: Duration = Duration::from_secs(2);

/// The longest that one look takes: a thousand events, some of which wait for their account.
const LONGEST_LOOK: Duration = Duration::from_mins(20);

/// Looks for recorded events until `stop`, and notes its progress. Any number of processes may do so.
pub async fn run(database: &Database, stop: &CancellationToken, progress: &dyn Progress) {
    let mut is_healthy = true;
    while !stop.is_cancelled() {
        progress.expect_within(LONGEST_LOOK);
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
