//! Plans for one stream: [`domain::plan`] between loading and storing.

use crate::database::Database;
use crate::ledger::{self, StreamId};
use crate::roster::Account;
use chrono::{DateTime, Utc};
use domain::ledger::Ledger;
use domain::plan::{Plan, plan};
use sea_orm::DbErr;

/// Adds what is worth wanting now; returns whether there was anything. Any number of processes may do so at once.
///
/// # Errors
/// What the database says.
pub async fn replan(db: &Database, account: &Account, id: &StreamId) -> Result<bool, DbErr> {
    // Without a lock first: nearly always there is nothing to add.
    let now = db.now(db.connection()).await?;
    let seen = ledger::load(db.connection(), id).await?;
    if seen.since.is_some() && plan_for(account, &seen, now).is_empty() {
        return Ok(false);
    }
    let tx = db.begin().await?;
    let before = ledger::lock(&tx, id).await?;
    let now = db.now(&tx).await?;
    let mut after = before.clone();
    after.since = Some(account.since(&before, now));
    let plan = plan_for(account, &before, now);
    let is_new = !plan.is_empty();
    tracing::debug!(account = id.account, stream = id.stream, wants = plan.wants.len(), "planned");
    after.accept(plan);
    ledger::store(&tx, id, &before, &after, now).await?;
    tx.commit().await?;
    Ok(is_new)
}

fn plan_for(account: &Account, ledger: &Ledger, now: DateTime<Utc>) -> Plan {
    plan(now, account.since(ledger, now), account.source.rules(), ledger)
}
