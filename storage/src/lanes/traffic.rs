//! The traffic figures of a lane: dispatch reads them to choose a job, and each claim updates them.

use super::quota::quota_counts_of;
use super::spec::LaneSpec;
use crate::ledger::job_row::EXPORT;
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock_skew::latest_past;
use domain::job::Purpose;
use domain::lane::Lane;
use domain::live_slot::{due_at, slot_at};
use domain::next_job::LaneContext;
use entities::{jobs, lanes};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, Set};

/// Reads the lane's traffic figures. `tickets` is the number of its unclaimed tickets.
pub(crate) async fn traffic(
    tx: &Transaction,
    spec: &LaneSpec,
    (row, lane): (&lanes::Model, &Lane),
    tickets: u64,
    now: DateTime<Utc>,
) -> Result<LaneContext, DbErr> {
    let spacing = TimeDelta::from_std(spec.rules.spacing).unwrap_or(TimeDelta::zero());
    let interval = spec.rules.cadence();
    // The lane must be free by then, its spacing included.
    let next_live = due_at(slot_at(now, &spec.rules) + interval, &spec.rules) - spacing;
    let idle = lane.slots.iter().filter(|slot| slot.until <= now && slot.not_before <= next_live.max(now)).count();
    // A clock that was ahead may have left later instants, which would hold background work back until then.
    let past = |at: Option<DateTime<Utc>>| at.filter(|at| *at <= latest_past(now));
    Ok(LaneContext {
        next_live: Some(next_live),
        last_background: past(row.background_at),
        last_backfill: past(row.backfill_at),
        quota: quota_counts_of(tx, spec, row, now).await?.used_of(),
        is_exporting: is_exporting(tx, spec, None, now).await?,
        has_spare: u64::try_from(idle).unwrap_or(0) >= tickets + 2,
    })
}

/// Counts one request against today's quota, and records when background work or a backfill last started.
pub(crate) fn count(row: lanes::Model, spec: &LaneSpec, purpose: Purpose, now: DateTime<Utc>) -> lanes::ActiveModel {
    let today = day(spec, now);
    let used = if row.quota_day.as_deref() == Some(&today) { row.quota_used } else { 0 };
    let mut row = row.into_active_model();
    row.quota_day = Set(Some(today));
    row.quota_used = Set(used + 1);
    if purpose != Purpose::Live {
        row.background_at = Set(Some(now));
    }
    if matches!(purpose, Purpose::Backfill(_)) {
        row.backfill_at = Set(Some(now));
    }
    row
}

/// Whether an export other than the job `own` is awaited, dispatched or running on the lane.
pub(crate) async fn is_exporting(
    tx: &Transaction,
    spec: &LaneSpec,
    own: Option<i64>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    if spec.rules.export.is_none() {
        return Ok(false);
    }
    let exports = jobs::Entity::find()
        .filter(jobs::Column::Account.is_in(spec.accounts.iter().map(String::as_str)))
        .filter(jobs::Column::State.is_in(["awaiting", "dispatched", "running"]))
        .filter(jobs::Column::SliceKey.eq(EXPORT))
        .filter(jobs::Column::UntilAt.gt(now))
        .filter(jobs::Column::Id.ne(own.unwrap_or_default()));
    Ok(exports.count(tx).await? > 0)
}

/// The day of the quota at `now`, as the table stores it.
pub(crate) fn day(spec: &LaneSpec, now: DateTime<Utc>) -> String {
    now.with_timezone(&spec.zone).date_naive().to_string()
}
