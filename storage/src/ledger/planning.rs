//! Plans a stream: loads its ledger, calls [`domain::planner`] and stores the new jobs.

use crate::accounts::Account;
use crate::database::Database;
use crate::ledger::job_row::ITEM;
use crate::ledger::{self, StreamId};
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::ledger::Ledger;
use domain::plan::Plan;
use domain::planner::{latest_item_due, plan};
use entities::{jobs, streams};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use std::collections::HashMap;

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
    let before = ledger::lock_for_plan(&tx, id).await?;
    let now = db.now(&tx).await?;
    let mut after = before.clone();
    after.since = Some(account.since(&before, now));
    let plan = plan_for(account, &before, now);
    let is_new = !plan.is_empty();
    tracing::debug!(account = id.account, stream = id.stream, jobs = plan.jobs.len(), "planned");
    let is_reset = plan.future_slot.is_some();
    after.accept(plan);
    ledger::store(&tx, id, &before, &after, now).await?;
    if is_reset {
        pull_items_back(&tx, account, id, now).await?;
    }
    tx.commit().await?;
    Ok(is_new)
}

/// Makes the items due that a clock which was ahead has postponed: they would wait longer than any fetch of an open item, or
/// any retry, does.
async fn pull_items_back(tx: &Transaction, account: &Account, id: &StreamId, now: DateTime<Utc>) -> Result<(), DbErr> {
    use jobs::Column;
    let latest = latest_item_due(account.source.rules(), now);
    let late = jobs::Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now))
        .filter(Column::Account.eq(&id.account))
        .filter(Column::Stream.eq(&id.stream))
        .filter(Column::Purpose.eq(ITEM))
        .filter(Column::State.eq("waiting"))
        // The last look at an item that has ended, days later, has no window.
        .filter(Column::FromAt.is_not_null())
        .filter(Column::DueAt.gt(latest));
    late.exec(tx).await.map(|_| ())
}

/// The revision of each stream's ledger. It rises with each change; a stream without a row was never planned.
///
/// # Errors
/// Returns the database error.
pub async fn revisions(db: &Database) -> Result<HashMap<StreamId, i64>, DbErr> {
    use streams::Column;
    let rows: Vec<(String, String, String, i64)> = streams::Entity::find()
        .select_only()
        .columns([Column::Account, Column::Stream, Column::Source, Column::Revision])
        .into_tuple()
        .all(db.connection())
        .await?;
    let identified = |(account, stream, source, revision)| (StreamId { account, stream, source }, revision);
    Ok(rows.into_iter().map(identified).collect())
}

/// Raises the revision of the account's ledgers after a change to a job or a backfill by an operator.
pub(crate) async fn raise_revision(tx: &Transaction, account: &str) -> Result<(), DbErr> {
    use streams::Column;
    tx.note_ledger_change();
    let raised = streams::Entity::update_many().col_expr(Column::Revision, Expr::col(Column::Revision).add(1));
    raised.filter(Column::Account.eq(account)).exec(tx).await.map(|_| ())
}

fn plan_for(account: &Account, ledger: &Ledger, now: DateTime<Utc>) -> Plan {
    plan(now, account.since(ledger, now), account.source.rules(), ledger)
}
