//! Plans a stream: loads its ledger, calls [`domain::planner`] and stores the new jobs.

use crate::accounts::Account;
use crate::database::Database;
use crate::ledger::{self, StreamId};
use chrono::{DateTime, Utc};
use domain::ledger::Ledger;
use domain::plan::Plan;
use domain::planner::plan;
use sea_orm::DbErr;

/// Adds the jobs that a lane may claim now; returns whether it added any. Processes may run it concurrently.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn replan(db: &Database, account: &Account, id: &StreamId) -> Result<bool, DbErr> {
    // Plan without a lock first: most calls add nothing.
    let snapshot = db.snapshot().await?;
    let ledger = ledger::load(&snapshot, id).await?;
    if ledger.since.is_some() && plan_for(account, &ledger, snapshot.now()).is_empty() {
        return Ok(false);
    }
    drop(snapshot);
    let tx = db.begin().await?;
    let before = ledger::lock(&tx, id).await?;
    let now = db.now(&tx).await?;
    let mut after = before.clone();
    after.since = Some(account.since(&before, now));
    let plan = plan_for(account, &before, now);
    let is_new = !plan.is_empty();
    tracing::debug!(account = id.account, stream = id.stream, jobs = plan.jobs.len(), "planned");
    after.accept(plan);
    ledger::store(&tx, id, &before, &after, now).await?;
    tx.commit().await?;
    Ok(is_new)
}

fn plan_for(account: &Account, ledger: &Ledger, now: DateTime<Utc>) -> Plan {
    plan(now, account.since(ledger, now), account.source.rules(), ledger)
}
