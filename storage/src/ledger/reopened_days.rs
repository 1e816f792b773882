//! Days that were final and that a later answer changes: they become provisional again, and the planner has them read again
//! at the next refresh. [`domain::reopening`] decides which days.

use super::coverage_rows::{load_coverage, store_coverage};
use super::{StreamId, lock_for_plan};
use crate::transaction::Transaction;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::item::Item;
use domain::job::Job;
use domain::reopening::{DayChange, Reopening, day_changes};
use domain::row_changes::RowChanges;
use domain::rules::Rules;
use domain::window::Window;
use entities::reopened_days::{ActiveModel, Column, Entity};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Set};

/// What one answer changes.
pub(crate) struct Changes<'a> {
    /// The rows that are new or changed.
    pub(crate) rows: &'a RowChanges,
    /// The items that the answer names for the first time.
    pub(crate) items: &'a [Item],
    /// The job that the answer belongs to; `None` for a delivery.
    pub(crate) job: Option<&'a Job>,
    /// The account's rules.
    pub(crate) rules: &'a Rules,
    /// The account's time zone.
    pub(crate) zone: Tz,
}

/// The most reopenings that a report loads, the latest ones.
const MOST_LOADED: u64 = 1_000;

/// Finds the days in which the answer changes something that is final. Call it before the answer changes the ledger. An
/// answer that changes nothing that is final costs one query, and one without changes none.
pub(crate) async fn find_changes(
    tx: &Transaction,
    id: &StreamId,
    changes: &Changes<'_>,
) -> Result<Vec<DayChange>, DbErr> {
    // A day is not final while an item of it was never fetched, so the first answers of an item change no final day.
    let own = changes.job.and_then(|job| job.missing_scope.filter(|_| job.slice.is_named()));
    let rows = own.map_or_else(|| changes.rows.clone(), |own| changes.rows.clone().outside(own));
    let items: Vec<DateTime<Utc>> =
        changes.items.iter().filter_map(|item| item.scope.as_ref().map(Window::from)).collect();
    if rows.is_empty() && items.is_empty() {
        return Ok(Vec::new());
    }
    let coverage = load_coverage(tx, id).await?;
    let is_final = |window: Window| !coverage.settled().within(window).is_empty();
    if !rows.spans().any(|(span, _)| is_final(span)) && !items.iter().any(|at| coverage.settled().contains(*at)) {
        return Ok(Vec::new());
    }
    let ledger = lock_for_plan(tx, id).await?;
    Ok(day_changes(&ledger, &rows, &items, changes.rules, changes.zone))
}

/// Makes the days provisional and records which of them were final. Returns the number of those.
pub(crate) async fn reopen(
    tx: &Transaction,
    id: &StreamId,
    days: &[DayChange],
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    if days.is_empty() {
        return Ok(0);
    }
    let before = load_coverage(tx, id).await?;
    let mut after = before.clone();
    days.iter().flat_map(|day| &day.windows).for_each(|window| after.unsettle(*window));
    if before != after {
        store_coverage(tx, id, &after).await?;
    }
    let reopened: Vec<&DayChange> = days.iter().filter(|day| day.was_final).collect();
    for day in &reopened {
        note_reopening(tx, id, day.day, (day.rows, day.items), None, now).await?;
        tracing::warn!(
            account = id.account,
            stream = id.stream,
            day = %day.day,
            rows = day.rows,
            items = day.items,
            "a later answer changed a day that was final; the day is provisional until it is read again"
        );
    }
    Ok(u64::try_from(reopened.len()).unwrap_or(u64::MAX))
}

/// Records that a day is reopened: by an answer with so many new or changed rows and items, or by an operator who revoked
/// `delivery`, which had brought the rows.
pub(crate) async fn note_reopening(
    tx: &Transaction,
    id: &StreamId,
    day: NaiveDate,
    (rows, items): (u64, u64),
    delivery: Option<i64>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let count = |count: u64| Set(i64::try_from(count).unwrap_or(i64::MAX));
    let row = ActiveModel {
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        day: Set(day.to_string()),
        reopened_at: Set(now),
        rows: count(rows),
        items: count(items),
        times: Set(1),
        delivery_id: Set(delivery),
    };
    let count_again = OnConflict::columns([Column::Account, Column::Stream, Column::Day])
        .update_columns([Column::ReopenedAt, Column::Rows, Column::Items, Column::DeliveryId])
        .value(Column::Times, Expr::col((Entity, Column::Times)).add(1))
        .to_owned();
    Entity::insert(row).on_conflict(count_again).exec_without_returning(tx).await.map(|_| ())
}

/// Loads the latest reopening of each day, the latest first.
pub(crate) async fn load_reopenings(on: &impl ConnectionTrait, id: &StreamId) -> Result<Vec<Reopening>, DbErr> {
    let rows = Entity::find()
        .filter(Column::Account.eq(&id.account))
        .filter(Column::Stream.eq(&id.stream))
        .order_by_desc(Column::ReopenedAt)
        .limit(MOST_LOADED)
        .all(on)
        .await?;
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let reopening = |row: entities::reopened_days::Model| {
        Some(Reopening {
            day: row.day.parse().ok()?,
            at: row.reopened_at,
            rows: count(row.rows),
            items: count(row.items),
            times: count(row.times),
            revoked_delivery: row.delivery_id,
        })
    };
    Ok(rows.into_iter().filter_map(reopening).collect())
}
