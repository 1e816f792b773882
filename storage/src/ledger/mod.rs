//! A stream's ledger: loaded, changed by [`domain::ledger`], stored as the difference. Items are not loaded one by one: a
//! report and a plan get their sums, a commit gets those that its answer names.
//!
//! Map: [`planning`] adds the jobs that [`domain::planner`] proposes; [`intake`] writes the rows of an exchange while they
//! arrive; [`commit`] stores what follows from its verdict; [`jobs`] and [`backfills`] carry out operators' commands;
//! [`progress`] computes how far a backfill is.

mod backfill_rows;
pub mod backfills;
mod backlog;
pub mod commit;
mod commit_error;
mod coverage_rows;
pub(crate) mod gone_rows;
pub mod intake;
pub(crate) mod items;
pub(crate) mod job_row;
mod job_rows;
pub mod jobs;
pub mod planning;
pub mod progress;
pub(crate) mod rejects;
pub(crate) mod reopened_days;
mod stream_id;

pub use backlog::backlog_statement;
pub use commit_error::CommitError;
pub use stream_id::StreamId;

use crate::snapshot::Snapshot;
use crate::transaction::Transaction;
use backfill_rows::{load_backfills, store_backfill};
use backlog::load_backlog;
use chrono::{DateTime, Utc};
use coverage_rows::{load_coverage, store_coverage};
use domain::job::Job;
use domain::ledger::Ledger;
use domain::pace::Pace;
use domain::spans::Spans;
use domain::week_profile::WeekProfile;
use entities::jobs::Column as JobColumn;
use entities::streams;
use job_row::{ITEM, WITHOUT_ITEMS, to_job};
use job_rows::{BATCH, of_stream, store_jobs};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

/// Loads a ledger for reading. A stream without any rows has an empty ledger.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn load(on: &Snapshot, id: &StreamId) -> Result<Ledger, DbErr> {
    let row = streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(on).await?;
    let (items, reopenings) = (load_backlog(on, id).await?, reopened_days::load_reopenings(on, id).await?);
    Ok(Ledger { items, reopenings, ..load_with(on, id, row).await? })
}

/// Loads the job of each open item of the stream, in the order of their ids. A stream may have any number: services use
/// the sums in [`load`] instead.
///
/// # Errors
/// Returns the database error.
pub async fn item_jobs(on: &impl ConnectionTrait, id: &StreamId) -> Result<Vec<Job>, DbErr> {
    let rows = of_stream(id).filter(JobColumn::Purpose.eq(ITEM)).order_by_asc(JobColumn::Id).all(on).await?;
    Ok(rows.iter().filter_map(to_job).collect())
}

/// Loads the spans that the stream holds, final or not.
///
/// # Errors
/// Returns the database error.
pub async fn held(on: &impl ConnectionTrait, id: &StreamId) -> Result<Spans, DbErr> {
    Ok(load_coverage(on, id).await?.held().clone())
}

/// Loads a ledger in order to change it, without its items. The stream stays locked until `tx` ends.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn lock(tx: &Transaction, id: &StreamId) -> Result<Ledger, DbErr> {
    let row = lock_stream(tx, id).await?;
    load_with(tx, id, row).await
}

/// Like [`lock`], with the sums of the items, for a plan.
pub(crate) async fn lock_for_plan(tx: &Transaction, id: &StreamId) -> Result<Ledger, DbErr> {
    let ledger = lock(tx, id).await?;
    Ok(Ledger { items: load_backlog(tx, id).await?, ..ledger })
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
    if (
        before.since,
        before.slot,
        before.refreshed,
        before.unproven,
        before.pace,
        before.live_rows_per_day,
        &before.profile,
    ) != (
        after.since,
        after.slot,
        after.refreshed,
        after.unproven,
        after.pace,
        after.live_rows_per_day,
        &after.profile,
    ) {
        let row = streams::ActiveModel {
            account: Set(id.account.clone()),
            stream: Set(id.stream.clone()),
            since_at: Set(after.since),
            slot_at: Set(after.slot),
            refreshed_at: Set(after.refreshed),
            unproven_at: Set(after.unproven),
            rows_per_day: Set(after.pace.rows_per_day),
            live_rows_per_day: Set(after.live_rows_per_day),
            rows_spread: Set(after.pace.spread),
            week_profile: Set(after.profile.to_bytes()),
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

/// Like [`lock`], with the jobs for the items `keys`. Their rows stay locked too, because a webhook changes them without the
/// stream's lock.
pub(crate) async fn lock_with(tx: &Transaction, id: &StreamId, keys: &[&str]) -> Result<Ledger, DbErr> {
    let mut ledger = lock(tx, id).await?;
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    for chunk in keys.chunks(BATCH) {
        let named = of_stream(id)
            .filter(JobColumn::Purpose.eq(ITEM))
            .filter(JobColumn::SliceKey.is_in(chunk.iter().copied()))
            .order_by_asc(JobColumn::SliceKey)
            .lock_exclusive()
            .all(tx)
            .await?;
        ledger.jobs.extend(named.iter().filter_map(to_job));
    }
    ledger.jobs.sort_by_key(|job| job.id);
    Ok(ledger)
}

/// Locks the stream and loads only job `job`, the jobs for `keys` and the backfills. The result has no coverage, no pace
/// and no other jobs.
pub(crate) async fn lock_named(tx: &Transaction, id: &StreamId, job: i64, keys: &[&str]) -> Result<Ledger, DbErr> {
    lock_stream(tx, id).await?;
    let named = Condition::any().add(JobColumn::Id.eq(job)).add(JobColumn::SliceKey.is_in(keys.iter().copied()));
    let open = of_stream(id).filter(named).order_by_asc(JobColumn::Id).lock_exclusive().all(tx).await?;
    let jobs = open.iter().filter_map(to_job).collect();
    Ok(Ledger { jobs, backfills: load_backfills(tx, id).await?, ..Ledger::default() })
}

async fn lock_stream(tx: &Transaction, id: &StreamId) -> Result<Option<streams::Model>, DbErr> {
    tx.note_ledger_change();
    let pace = Pace::default();
    let new_row = streams::ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        source: Set(id.source.clone()),
        rows_spread: Set(pace.spread),
        base_seconds: Set(pace.base_seconds),
        seconds_per_row: Set(pace.seconds_per_row),
        revision: Set(0),
        ..Default::default()
    };
    // A caller locks a ledger in order to change it. The row then stays locked, on both databases.
    let raised = Expr::col((streams::Entity, streams::Column::Revision)).add(1);
    let raise_revision = OnConflict::columns([streams::Column::Account, streams::Column::Stream])
        .value(streams::Column::Revision, raised)
        .to_owned();
    streams::Entity::insert(new_row).on_conflict(raise_revision).exec_without_returning(tx).await?;
    streams::Entity::find_by_id((id.account.clone(), id.stream.clone())).one(tx).await
}

/// Loads a ledger without the jobs for items, of which a stream may have any number.
async fn load_with(on: &impl ConnectionTrait, id: &StreamId, row: Option<streams::Model>) -> Result<Ledger, DbErr> {
    let open = of_stream(id).filter(JobColumn::Purpose.is_in(WITHOUT_ITEMS)).all(on).await?;
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
        ledger.unproven = row.unproven_at;
        ledger.has_vendor_clock = row.clock_skew_seconds.is_some();
        ledger.live_rows_per_day = row.live_rows_per_day;
        ledger.profile = row.week_profile.as_deref().map(WeekProfile::from_bytes).unwrap_or_default();
        ledger.pace = Pace {
            rows_per_day: row.rows_per_day,
            spread: row.rows_spread,
            base_seconds: row.base_seconds,
            seconds_per_row: row.seconds_per_row,
        };
    }
    Ok(ledger)
}
