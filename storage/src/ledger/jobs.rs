//! Lists, retries and discards jobs for an operator.

use crate::accounts::{Account, Accounts};
use crate::database::Database;
use crate::ledger::job_row::{ITEM, to_job};
use crate::ledger::planning::raise_revision;
use crate::snapshot::Snapshot;
use crate::transaction::Transaction;
use domain::job::{Job, Purpose};
use domain::ledger::Ledger;
use entities::{backfills, jobs, streams};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
};
use std::collections::BTreeMap;

/// The most jobs in a [`JobList`].
const MAX_LISTED: u64 = 1000;

/// The open jobs that an operator may act on, and the number of all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobList {
    /// At most 1,000 jobs: parked ones first, because they wait for an operator, then windows, then items.
    pub jobs: Vec<jobs::Model>,
    /// The number of items that the list leaves out, by state.
    pub more_items: BTreeMap<String, u64>,
    /// The number of other jobs that the list leaves out.
    pub more_others: u64,
}

/// Lists the open jobs. Of the items, which may be any number, the list has those that are parked, dispatched or running,
/// or that have failed.
///
/// # Errors
/// Returns the database error.
pub async fn list(on: &Snapshot) -> Result<JobList, DbErr> {
    use jobs::Column;
    let is_listed = Condition::any()
        .add(Column::Purpose.ne(ITEM))
        .add(Column::State.is_in(["parked", "dispatched", "running"]))
        .add(Column::Failures.gt(0));
    let jobs = jobs::Entity::find()
        .filter(is_listed)
        .order_by_desc(Column::State.eq("parked"))
        .order_by_asc(Column::Purpose.eq(ITEM))
        .order_by_asc(Column::DueAt)
        .order_by_asc(Column::Id)
        .limit(MAX_LISTED)
        .all(on)
        .await?;
    let counts: Vec<(String, String, i64)> = jobs::Entity::find()
        .select_only()
        .columns([Column::Purpose, Column::State])
        .column_as(Column::Id.count(), "jobs")
        .group_by(Column::Purpose)
        .group_by(Column::State)
        .into_tuple()
        .all(on)
        .await?;
    let mut list = JobList { jobs, ..JobList::default() };
    for (purpose, state, count) in counts {
        let listed = list.jobs.iter().filter(|job| job.purpose == purpose && job.state == state).count() as u64;
        match u64::try_from(count).unwrap_or(0).saturating_sub(listed) {
            0 => {}
            more if purpose == ITEM => drop(list.more_items.insert(state, more)),
            more => list.more_others += more,
        }
    }
    Ok(list)
}

/// Loads the job `id`.
///
/// # Errors
/// Returns the database error.
pub async fn find(on: &impl ConnectionTrait, id: i64) -> Result<Option<jobs::Model>, DbErr> {
    jobs::Entity::find_by_id(id).one(on).await
}

/// Makes a parked or waiting job due now and resets its failures. Returns whether there was such a job.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn retry(db: &Database, id: i64) -> Result<bool, DbErr> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    raise_revision_of(&tx, id).await?;
    let outcome = jobs::Entity::update_many()
        .col_expr(jobs::Column::State, Expr::value("waiting"))
        .col_expr(jobs::Column::DueAt, Expr::value(now))
        .col_expr(jobs::Column::Failures, Expr::value(0))
        .col_expr(jobs::Column::Rechecks, Expr::value(0))
        .col_expr(jobs::Column::LostAttempts, Expr::value(0))
        .col_expr(jobs::Column::Reason, Expr::value(None::<String>))
        .filter(jobs::Column::Id.eq(id))
        .filter(jobs::Column::State.is_in(["parked", "waiting"]))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(outcome.rows_affected > 0)
}

/// The outcome of [`discard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discard {
    /// The job is deleted, and its window counts as missing.
    Discarded,
    /// There is no such job, or a worker runs it.
    NotFound,
    /// The live sync must fetch the window, so that the scheduler would plan it again. Nothing is changed.
    OwedByLiveSync,
    /// A running backfill must fetch the window, so that the scheduler would plan it again. Nothing is changed.
    OwedByBackfill(i64),
}

/// Deletes a job that no worker runs, unless the scheduler would plan it again at once.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn discard(db: &Database, accounts: &Accounts, id: i64) -> Result<Discard, DbErr> {
    let tx = db.begin().await?;
    let Some(row) = find(&tx, id).await? else { return Ok(Discard::NotFound) };
    let owner = match (accounts.account(&row.account), to_job(&row)) {
        (Some(account), Some(job)) if !job.is_running() => owner(db, &tx, account, &row, &job).await?,
        _ => None,
    };
    if let Some(owner) = owner {
        return Ok(owner);
    }
    raise_revision(&tx, &row.account).await?;
    let outcome = jobs::Entity::delete_many()
        .filter(jobs::Column::Id.eq(id))
        .filter(jobs::Column::State.eq("running").not())
        .exec(&tx)
        .await?;
    tx.commit().await?;
    Ok(if outcome.rows_affected > 0 { Discard::Discarded } else { Discard::NotFound })
}

/// Who would have the job planned again.
async fn owner(
    db: &Database,
    tx: &Transaction,
    account: &Account,
    row: &jobs::Model,
    job: &Job,
) -> Result<Option<Discard>, DbErr> {
    let stream = streams::Entity::find_by_id((row.account.clone(), row.stream.clone())).one(tx).await?;
    let ledger = Ledger { since: stream.and_then(|stream| stream.since_at), ..Ledger::default() };
    if job.is_owed_by_live_sync(account.since(&ledger, db.now(tx).await?)) {
        return Ok(Some(Discard::OwedByLiveSync));
    }
    let Purpose::Backfill(id) = job.purpose else { return Ok(None) };
    let backfill = backfills::Entity::find_by_id(id).one(tx).await?;
    Ok(backfill.filter(|backfill| backfill.state == "running").map(|_| Discard::OwedByBackfill(id)))
}

async fn raise_revision_of(tx: &Transaction, id: i64) -> Result<(), DbErr> {
    match find(tx, id).await? {
        Some(job) => raise_revision(tx, &job.account).await,
        None => Ok(()),
    }
}
