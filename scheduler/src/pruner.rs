//! Deletes the old rows of the ledger's history: requests, deliveries, rejects, ended items and the like.

use domain::retention::{HistoryTable, Retention};
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;
use storage::retention::{Pruning, due_tables};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// The time between two looks for tables whose turn has come.
const INTERVAL: Duration = Duration::from_mins(1);
/// The pause between two batches, so that the work of the service goes on in between.
const PAUSE: Duration = Duration::from_millis(200);

/// Deletes old rows until `stop`. Any number of schedulers may do so: one at a time has the turn at a table. `holder` is the
/// name of this process.
pub async fn run(database: Database, retention: Retention, holder: String, stop: CancellationToken) {
    let mut is_healthy = true;
    while !stop.is_cancelled() {
        match prune(&database, &retention, &holder, &stop).await {
            Ok(()) => is_healthy = true,
            Err(error) if is_healthy => {
                warn!(%error, "old rows are not deleted; the scheduler tries again in a minute");
                is_healthy = false;
            }
            Err(error) => debug!(%error, "old rows are still not deleted"),
        }
        pause(INTERVAL, &stop).await;
    }
}

/// Deletes the old rows of each table whose turn has come.
///
/// # Errors
/// The first error of the database. What it stopped is done at the next turn.
pub async fn prune(
    database: &Database,
    retention: &Retention,
    holder: &str,
    stop: &CancellationToken,
) -> Result<(), DbErr> {
    for table in due_tables(database).await? {
        if let Some(turn) = Pruning::begin(database, table, retention, holder).await? {
            prune_table(database, turn, table, stop).await?;
        }
    }
    Ok(())
}

async fn prune_table(
    database: &Database,
    mut turn: Pruning,
    table: HistoryTable,
    stop: &CancellationToken,
) -> Result<(), DbErr> {
    let mut deleted = 0;
    while !stop.is_cancelled() {
        let batch = turn.delete_batch(database).await?;
        metrics::counter!("convosync_pruned_rows_total", "table" => table.as_str()).increment(batch.deleted);
        deleted += batch.deleted;
        if batch.is_last {
            break;
        }
        pause(PAUSE, stop).await;
    }
    if deleted > 0 {
        info!(
            table = table.as_str(),
            rows = deleted,
            "the scheduler deleted old rows; see [retention] in the settings"
        );
    }
    turn.end(database).await
}

async fn pause(length: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(length) => {}
    }
}
