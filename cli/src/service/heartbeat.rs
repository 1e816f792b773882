//! Reports this process in the table `processes`, so that operators see who is working.

use std::time::Duration;
use storage::database::Database;
use storage::processes::{ProcessIdentity, register, remove, report};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// The time between two reports. A process counts as running for 40 s after its last one.
const INTERVAL: Duration = Duration::from_secs(10);
/// The longest time to delete the row.
const REMOVAL: Duration = Duration::from_secs(5);

/// Reports `process` every ten seconds until `stop`, and then deletes its row. A report that fails stops no work.
pub async fn run(database: Database, process: ProcessIdentity, stop: CancellationToken) {
    let mut is_registered = false;
    let mut is_failing = false;
    while !stop.is_cancelled() {
        let reporting = async {
            if is_registered { report(&database, &process).await } else { register(&database, &process).await }
        };
        match reporting.await {
            Ok(()) => (is_registered, is_failing) = (true, false),
            // One warning per outage.
            Err(error) if is_failing => debug!(%error, "this process cannot report itself"),
            Err(error) => {
                warn!(%error, "this process cannot report itself; `convosync status` may show it as absent");
                is_failing = true;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
    // A database that does not answer must not keep the process from stopping.
    if !matches!(tokio::time::timeout(REMOVAL, remove(&database, &process)).await, Ok(Ok(()))) {
        debug!("this process cannot delete its row; the row counts for 40 s more");
    }
}
