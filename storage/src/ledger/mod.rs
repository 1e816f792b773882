//! A stream's ledger: loaded as a whole, changed by [`domain::ledger`], stored as the difference.
//!
//! Map: [`planning`] adds the jobs that [`domain::planner`] proposes; [`intake`] writes the rows of an exchange while they
//! arrive; [`commit`] stores what follows from its verdict; [`jobs`] and [`backfills`] carry out operators' commands;
//! [`progress`] computes how far a backfill is.

mod backfill_rows;
pub mod backfills;
pub mod commit;
mod commit_error;
mod coverage_rows;
pub mod intake;
pub(crate) mod items;
pub(crate) mod job_row;
mod job_rows;
pub mod jobs;
pub mod planning;
pub mod progress;
pub(crate) mod rejects;
mod stream_id;

pub use commit_error::CommitError;
pub use stream_id::StreamId;

use crate::snapshot::Snapshot;
use crate::transaction::Transaction;
use backfill_rows::{load_backfills, store_backfill};
use chrono::{DateTime, Utc};
use coverage_rows::{load_coverage, store_coverage};
use domain::ledger::Ledger;
use domain::pace::Pace;
use domain::spans::Spans;
use entities::jobs::Column as JobColumn;
use entities::streams;
use job_row::to_job;
use job_rows::{BATCH, of_stream, store_jobs};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
};
use std::collections::BTreeSet;

/// Loads a ledger for reading. A stream without any rows has an empty ledger.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn load(on: &Snapshot, id: &StreamId) -> Result<Ledger, DbErr> {
    let row = streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(on).await?;
    load_with(on, id, row).await
}

/// Loads the spans that the stream holds, final or not.
///
/// # Errors
/// Returns the database error.
pub async fn held(on: &impl ConnectionTrait, id: &StreamId) -> Result<Spans, DbErr> {
    Ok(load_coverage(on, id).await?.held().clone())
}

/// Loads a ledger in order to change it. The stream stays locked until `tx` ends.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn lock(tx: &Transaction, id: &StreamId) -> Result<Ledger, DbErr> {
    let row = lock_stream(tx, id).await?;
    load_with(tx, id, row).await
}

/// Stores the difference between `before` and `after`.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn store(
    tx: &Transaction,
    id: &StreamId,
    before: &Ledger,
    after: &Ledger,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if (before.since, before.slot, before.refreshed, before.pace, before.live_rows_per_day)
        != (after.since, after.slot, after.refreshed, after.pace, after.live_rows_per_day)
    {
        let row = streams::ActiveModel {
            account: Set(id.account.clone()),
            stream: Set(id.stream.clone()),
            since_at: Set(after.since),
            slot_at: Set(after.slot),
            refreshed_at: Set(after.refreshed),
            rows_per_day: Set(after.pace.rows_per_day),
            live_rows_per_day: Set(after.live_rows_per_day),
            base_seconds: Set(after.pace.base_seconds),
            seconds_per_row: Set(after.pace.seconds_per_row),
            ..Default::default()
        };
        row.update(tx).await?;
    }
    if before.coverage != after.coverage {
        store_coverage(tx, id, &after.coverage).await?;
    }
    store_jobs(tx, id, &before.jobs, &after.jobs).await?;
    for (old, new) in before.backfills.iter().zip(&after.backfills) {
        store_backfill(tx, id, old, new, now).await?;
    }
    Ok(())
}

/// Like [`lock`], with the jobs for `keys` as well, which [`load_with`] may leave out.
#[crate::boxed]
pub(crate) async fn lock_with(tx: &Transaction, id: &StreamId, keys: &[&str]) -> Result<Ledger, DbErr> {
    let mut ledger = lock(tx, id).await?;
    let loaded: BTreeSet<i64> = ledger.jobs.iter().map(|job| job.id).collect();
    for chunk in keys.chunks(BATCH) {
        let named = of_stream(id).filter(JobColumn::SliceKey.is_in(chunk.iter().copied())).all(tx).await?;
        ledger.jobs.extend(named.iter().filter(|row| !loaded.contains(&row.id)).filter_map(to_job));
    }
    ledger.jobs.sort_by_key(|job| job.id);
    Ok(ledger)
}

/// Locks the stream and loads only job `job`, the jobs for `keys` and the backfills. The result has no coverage, no pace
/// and no other jobs.
pub(crate) async fn lock_named(tx: &Transaction, id: &StreamId, job: i64, keys: &[&str]) -> Result<Ledger, DbErr> {
    lock_stream(tx, id).await?;
    let named = Condition::any().add(JobColumn::Id.eq(job)).add(JobColumn::SliceKey.is_in(keys.iter().copied()));
    let open = of_stream(id).filter(named).order_by_asc(JobColumn::Id).all(tx).await?;
    let jobs = open.iter().filter_map(to_job).collect();
    Ok(Ledger { jobs, backfills: load_backfills(tx, id).await?, ..Ledger::default() })
}

async fn lock_stream(tx: &Transaction, id: &StreamId) -> Result<Option<streams::Model>, DbErr> {
    let pace = Pace::default();
    let new_row = streams::ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        source: Set(id.source.clone()),
        base_seconds: Set(pace.base_seconds),
        seconds_per_row: Set(pace.seconds_per_row),
        ..Default::default()
    };
    let keep_existing =
        OnConflict::columns([streams::Column::Account, streams::Column::Stream]).do_nothing().to_owned();
    streams::Entity::insert(new_row).on_conflict(keep_existing).exec_without_returning(tx).await?;
    let mut find = streams::Entity::find_by_id((id.account.clone(), id.stream.clone()));
    if tx.get_database_backend() == DbBackend::Postgres {
        find = find.lock_exclusive();
    }
    find.one(tx).await
}

/// Loads a ledger without the scheduled re-checks of ended items that no worker has tried: no day and no plan depends on
/// them, and a stream may have a week of them.
async fn load_with(on: &impl ConnectionTrait, id: &StreamId, row: Option<streams::Model>) -> Result<Ledger, DbErr> {
    let recheck = JobColumn::SliceKey.is_not_null().and(JobColumn::FromAt.is_null());
    let untried = JobColumn::State.eq("waiting").and(JobColumn::Attempt.eq(0));
    let open = of_stream(id).filter(recheck.and(untried).not()).all(on).await?;
    let mut ledger = Ledger {
        coverage: load_coverage(on, id).await?,
        jobs: open.iter().filter_map(to_job).collect(),
        backfills: load_backfills(on, id).await?,
        ..Ledger::default()
    };
    ledger.jobs.sort_by_key(|job| job.id);
    if let Some(row) = row {
        ledger.since = row.since_at;
        ledger.slot = row.slot_at;
        ledger.refreshed = row.refreshed_at;
        ledger.live_rows_per_day = row.live_rows_per_day;
        ledger.pace = Pace {
            rows_per_day: row.rows_per_day,
            base_seconds: row.base_seconds,
            seconds_per_row: row.seconds_per_row,
        };
    }
    Ok(ledger)
}
