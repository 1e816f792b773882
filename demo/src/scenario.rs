//! The demo from its first backfill to the comparison at its end.

use crate::compare::Comparison;
use crate::error::DemoError;
use crate::host::Host;
use crate::options::DemoOptions;
use crate::vendors::DAYS;
use crate::world::DemoWorld;
pub use crate::world::WebhookCounts;
use async_recursion::async_recursion as boxed;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long the vendors are faulty.
const FAULTY: Duration = Duration::from_secs(8);
/// The time between two reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// The demo's result.
#[derive(Debug)]
pub struct Outcome {
    /// Each table, compared with its vendor.
    pub tables: Vec<(&'static str, Comparison)>,
    /// The webhooks that the vendors had to send.
    pub webhooks: WebhookCounts,
    /// Whether the caller interrupted the demo before the service had fetched all that the vendors held at its start.
    pub stopped_early: bool,
}

impl Outcome {
    /// The number of the vendors' rows that the tables lack, or hold otherwise.
    #[must_use]
    pub fn missing_rows(&self) -> usize {
        self.tables.iter().map(|(_, compared)| compared.missing.len()).sum()
    }
}

/// Runs the demo until it has ended, or until `interrupted`: backfills, live polls, faults, and the comparison.
///
/// # Errors
/// A service that fails or does not catch up.
#[boxed]
pub async fn run(host: &dyn Host, options: &DemoOptions, interrupted: CancellationToken) -> Result<Outcome, DemoError> {
    let stop = CancellationToken::new();
    let world = DemoWorld::start(host, options, stop.clone()).await?;
    for (vendor, address) in world.addresses() {
        host.say(&format!("A simulated {vendor} answers at {address}; it holds {DAYS} days."));
    }
    for remark in world.remarks() {
        host.say(remark);
    }
    host.say(&format!(
        "The dashboard is at http://{}/ and the rows go to {}.",
        world.dashboard,
        options.database.display()
    ));
    let is_fetched = AtomicBool::new(false);
    let result = tokio::select! {
        result = run_phases(host, &world, options.once, &is_fetched) => result,
        () = interrupted.cancelled() => Ok(()),
        () = stop.cancelled() => Err(DemoError::ServiceStopped),
    };
    let stopped_early = result.is_ok() && !is_fetched.load(Ordering::Relaxed);
    let tables = if stopped_early { world.stop_early().await } else { world.finish().await };
    result?;
    Ok(Outcome { tables: tables?, webhooks: world.webhook_counts(), stopped_early })
}

/// Backfills; then, unless `once`, live polls, a time of faults, and live polls until the caller stops them. Sets
/// `is_fetched` after the backfills.
async fn run_phases(
    host: &dyn Host,
    world: &DemoWorld<'_>,
    once: bool,
    is_fetched: &AtomicBool,
) -> Result<(), DemoError> {
    host.say(&format!("Backfills of {DAYS} days start."));
    let rows = world.backfill().await?;
    is_fetched.store(true, Ordering::Relaxed);
    host.say(&format!("{rows} rows came with {} requests.", world.requests()));
    if once {
        return Ok(());
    }
    host.say("From now on a live poll every few seconds brings what is new. Ctrl-C ends the demo.");
    world.report(REPORT_EVERY, 3).await?;
    host.say("The vendors fail for a few seconds: they throttle, break off, and answer with web pages …");
    world.set_faulty(true);
    world.report(FAULTY / 2, 2).await?;
    world.set_faulty(false);
    host.say("… and recover. The service asks again for what it missed.");
    loop {
        world.report(REPORT_EVERY, 1).await?;
    }
}
