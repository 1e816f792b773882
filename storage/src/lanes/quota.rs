//! The daily quota of an operation: the vendor states it once a day, and all lanes of the operation count against it.

use super::rows::{lock, store_slot};
use super::spec::LaneSpec;
use super::traffic::{count, day};
use crate::database::Database;
use chrono::{DateTime, Utc};
use domain::job::Purpose;
use domain::lane::Lease;
use domain::quota::{QuotaCounts, QuotaReport};
use entities::lanes::{Column, Entity, Model};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};

/// Counts the requests of today against the quota of the lane's operation.
///
/// # Errors
/// Returns the database error.
pub async fn quota_counts(
    on: &impl ConnectionTrait,
    spec: &LaneSpec,
    now: DateTime<Utc>,
) -> Result<QuotaCounts, DbErr> {
    let lanes = match &spec.quota_group {
        Some(group) => Entity::find().filter(Column::QuotaGroup.eq(group.as_str())),
        None => Entity::find_by_id(spec.key.as_str()),
    };
    Ok(sum(&lanes.all(on).await?, spec, &day(spec, now)))
}

/// Like [`quota_counts`], where the rows of all lanes are loaded.
pub(crate) fn quota_counts_among<'a>(
    lanes: impl Iterator<Item = &'a Model>,
    spec: &LaneSpec,
    now: DateTime<Utc>,
) -> QuotaCounts {
    let is_counted = |lane: &&Model| match &spec.quota_group {
        Some(group) => lane.quota_group.as_deref() == Some(group.as_str()),
        None => lane.lane == spec.key.as_str(),
    };
    let counted: Vec<Model> = lanes.filter(is_counted).cloned().collect();
    sum(&counted, spec, &day(spec, now))
}

/// Like [`quota_counts`], for a lane whose row is loaded.
pub(super) async fn quota_counts_of(
    on: &impl ConnectionTrait,
    spec: &LaneSpec,
    row: &Model,
    now: DateTime<Utc>,
) -> Result<QuotaCounts, DbErr> {
    if spec.quota_group.is_some() {
        return quota_counts(on, spec, now).await;
    }
    Ok(sum(std::slice::from_ref(row), spec, &day(spec, now)))
}

/// Whether no process has asked for the lane's quota today.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn is_quota_unasked(db: &Database, spec: &LaneSpec) -> Result<bool, DbErr> {
    let now = db.now(db.connection()).await?;
    let row = Entity::find_by_id(spec.key.as_str()).one(db.connection()).await?;
    Ok(row.is_some_and(|row| row.quota_asked_day.as_deref() != Some(&day(spec, now))))
}

/// Acquires a slot of the lane for the call that asks for the quota, and notes that it was asked today; `None` if it was
/// asked before, or no slot is free. The call counts against the quota.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn acquire_for_quota(db: &Database, spec: &LaneSpec, holder: &str) -> Result<Option<Lease>, DbErr> {
    let tx = db.begin().await?;
    let locked = lock(&tx, spec).await?;
    let now = db.now(&tx).await?;
    let unasked = locked.filter(|(row, _)| row.quota_asked_day.as_deref() != Some(&day(spec, now)));
    let Some((row, mut lane)) = unasked else {
        tx.rollback().await?;
        return Ok(None);
    };
    let Ok(lease) = lane.acquire(now, spec.rules.lease) else {
        tx.rollback().await?;
        return Ok(None);
    };
    store_slot(&tx, spec, &lane, lease.slot, Some(holder)).await?;
    let mut row = count(row, spec, Purpose::Live, now);
    row.quota_asked_day = Set(Some(day(spec, now)));
    row.quota_others = Set(0);
    row.update(&tx).await?;
    tx.commit().await?;
    Ok(Some(lease))
}

/// Releases the slot, and stores what the vendor states. Without a statement the last known quota stays. `idle` states that
/// the vendor has confirmed the end of its work.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn store_quota(
    db: &Database,
    spec: &LaneSpec,
    lease: &Lease,
    report: Option<QuotaReport>,
    idle: bool,
) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let Some((row, mut lane)) = lock(&tx, spec).await? else { return Ok(()) };
    let now = db.now(&tx).await?;
    if let Some(report) = report {
        let own = quota_counts(&tx, spec, now).await?.own;
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let mut row = row.into_active_model();
        row.quota_limit = Set(Some(number(report.limit)));
        row.quota_others = Set(number(report.others(own)));
        row.update(&tx).await?;
    }
    lane.release(lease, now, idle);
    store_slot(&tx, spec, &lane, lease.slot, None).await?;
    tx.commit().await
}

fn sum(lanes: &[Model], spec: &LaneSpec, today: &str) -> QuotaCounts {
    let number = |count: i32| u32::try_from(count).unwrap_or(0);
    let is_today = |day: &Option<String>| day.as_deref() == Some(today);
    QuotaCounts {
        configured: spec.rules.daily_quota,
        // The latest statement counts; of several on one day, the smallest quota.
        stated: lanes
            .iter()
            .filter_map(|row| Some((row.quota_asked_day.clone(), std::cmp::Reverse(number(row.quota_limit?)))))
            .max()
            .map(|(_, std::cmp::Reverse(limit))| limit),
        own: lanes.iter().filter(|row| is_today(&row.quota_day)).map(|row| number(row.quota_used)).sum(),
        others: lanes
            .iter()
            .filter(|row| is_today(&row.quota_asked_day))
            .map(|row| number(row.quota_others))
            .max()
            .unwrap_or(0),
    }
}
