//! Creates, loads, locks and stores the rows of a lane and its slots.

use super::spec::LaneSpec;
use crate::database::Database;
use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::lane::{Lane, LaneClosure, LaneKey, Slot};
use entities::{lane_slots, lanes};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Select, Set,
};
use std::collections::HashMap;
use std::time::Duration;

/// Creates the lane and its slots if they are missing, and updates the spacing and the number of slots from the settings.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn ensure(db: &Database, spec: &LaneSpec) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let row = lanes::ActiveModel {
        lane: Set(spec.key.as_str().to_owned()),
        spacing_ms: Set(millis(spec.rules.spacing)),
        max_in_flight: Set(i32::try_from(spec.rules.max_in_flight).unwrap_or(1)),
        refusals: Set(0),
        quota_used: Set(0),
        quota_others: Set(0),
        quota_group: Set(spec.quota_group.as_ref().map(|group| group.as_str().to_owned())),
        ..Default::default()
    };
    let update = [lanes::Column::SpacingMs, lanes::Column::MaxInFlight, lanes::Column::QuotaGroup];
    let conflict = OnConflict::column(lanes::Column::Lane).update_columns(update).to_owned();
    lanes::Entity::insert(row).on_conflict(conflict).exec_without_returning(&tx).await?;
    for slot in 0..i32::try_from(spec.rules.max_in_flight).unwrap_or(1) {
        let row = lane_slots::ActiveModel {
            lane: Set(spec.key.as_str().to_owned()),
            slot: Set(slot),
            fence: Set(0),
            holder: Set(None),
            until_at: Set(DateTime::UNIX_EPOCH),
            not_before: Set(DateTime::UNIX_EPOCH),
        };
        let conflict =
            OnConflict::columns([lane_slots::Column::Lane, lane_slots::Column::Slot]).do_nothing().to_owned();
        lane_slots::Entity::insert(row).on_conflict(conflict).exec_without_returning(&tx).await?;
    }
    lane_slots::Entity::delete_many()
        .filter(lane_slots::Column::Lane.eq(spec.key.as_str()))
        .filter(lane_slots::Column::Slot.gte(i32::try_from(spec.rules.max_in_flight).unwrap_or(1)))
        .exec(&tx)
        .await?;
    tx.commit().await
}

/// Closes a lane for all workers, or opens it if `closure` is `None`. An open lane has no refusals of its credential. Returns
/// whether the lane exists.
///
/// # Errors
/// Returns the database error.
pub async fn set_closed(
    on: &impl ConnectionTrait,
    key: &LaneKey,
    closure: Option<&LaneClosure>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let update = match closure {
        Some(_) => lanes::Entity::update_many(),
        None => lanes::Entity::update_many().col_expr(lanes::Column::Refusals, Expr::value(0)),
    };
    let update = update
        .col_expr(lanes::Column::ClosedAt, Expr::value(closure.map(|_| now)))
        .col_expr(lanes::Column::ClosedUntil, Expr::value(closure.and_then(|closure| closure.until)))
        .col_expr(lanes::Column::ClosedReason, Expr::value(closure.map(|closure| closure.reason.clone())))
        .filter(lanes::Column::Lane.eq(key.as_str()))
        .exec(on)
        .await?;
    Ok(update.rows_affected > 0)
}

/// Stores the closure and the refusals of a locked lane.
pub(crate) async fn store_closure(
    tx: &Transaction,
    key: &LaneKey,
    lane: &Lane,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    set_closed(tx, key, lane.closed.as_ref(), now).await?;
    lanes::Entity::update_many()
        .col_expr(lanes::Column::Refusals, Expr::value(i32::try_from(lane.refusals).unwrap_or(i32::MAX)))
        .filter(lanes::Column::Lane.eq(key.as_str()))
        .exec(tx)
        .await
        .map(|_| ())
}

/// Loads a lane for reading.
///
/// # Errors
/// Returns the database error.
pub async fn load(on: &impl ConnectionTrait, key: &LaneKey) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    let Some(row) = lanes::Entity::find_by_id(key.as_str()).one(on).await? else { return Ok(None) };
    let slots = slots(on, key).await?;
    let lane = assemble(&row, &slots);
    Ok(Some((row, lane)))
}

/// Loads all lanes, by key: two queries, however many lanes there are.
///
/// # Errors
/// Returns the database error.
pub(crate) async fn load_all(on: &impl ConnectionTrait) -> Result<HashMap<String, (lanes::Model, Lane)>, DbErr> {
    let mut slots: HashMap<String, Vec<lane_slots::Model>> = HashMap::new();
    for slot in lane_slots::Entity::find().order_by_asc(lane_slots::Column::Slot).all(on).await? {
        slots.entry(slot.lane.clone()).or_default().push(slot);
    }
    let lane = |row: lanes::Model| {
        let lane = assemble(&row, slots.get(&row.lane).map_or(&[][..], Vec::as_slice));
        (row.lane.clone(), (row, lane))
    };
    Ok(lanes::Entity::find().all(on).await?.into_iter().map(lane).collect())
}

/// Locks a lane until `tx` ends, and waits for any current holder; returns `None` if the lane does not exist.
pub(crate) async fn lock(tx: &Transaction, spec: &LaneSpec) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    lock_with(tx, spec, QuerySelect::lock_exclusive).await
}

/// Locks the lane `key`, if it exists, until `tx` ends, so that no worker claims one of its jobs meanwhile.
pub(crate) async fn lock_key(tx: &Transaction, key: &LaneKey) -> Result<(), DbErr> {
    // SQLite needs no row lock: its write transaction locks the whole file.
    if tx.get_database_backend() == DbBackend::Postgres {
        lanes::Entity::find_by_id(key.as_str()).lock_exclusive().one(tx).await?;
    }
    Ok(())
}

/// Locks a lane without waiting; returns `None` also if another transaction holds the lock.
pub(crate) async fn try_lock(tx: &Transaction, spec: &LaneSpec) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    lock_with(tx, spec, |find| find.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)).await
}

async fn lock_with(
    tx: &Transaction,
    spec: &LaneSpec,
    lock: impl FnOnce(Select<lanes::Entity>) -> Select<lanes::Entity>,
) -> Result<Option<(lanes::Model, Lane)>, DbErr> {
    let find = lanes::Entity::find_by_id(spec.key.as_str());
    // SQLite needs no row lock: its write transaction locks the whole file.
    let find = if tx.get_database_backend() == DbBackend::Postgres { lock(find) } else { find };
    let Some(row) = find.one(tx).await? else { return Ok(None) };
    let slots = slots(tx, &spec.key).await?;
    let lane = assemble(&row, &slots);
    Ok(Some((row, lane)))
}

/// Stores one slot of a locked lane; keeps the stored holder if `holder` is `None`.
pub(crate) async fn store_slot(
    tx: &Transaction,
    spec: &LaneSpec,
    lane: &Lane,
    slot: usize,
    holder: Option<&str>,
) -> Result<(), DbErr> {
    let Some(state) = lane.slots.get(slot) else { return Ok(()) };
    let mut row = lane_slots::ActiveModel {
        lane: Set(spec.key.as_str().to_owned()),
        slot: Set(i32::try_from(slot).unwrap_or(0)),
        fence: Set(state.fence),
        until_at: Set(state.until),
        not_before: Set(state.not_before),
        ..Default::default()
    };
    if let Some(holder) = holder {
        row.holder = Set(Some(holder.to_owned()));
    }
    row.update(tx).await.map(|_| ())
}

/// Loads the slots of a lane, by number.
pub(crate) async fn slots(on: &impl ConnectionTrait, key: &LaneKey) -> Result<Vec<lane_slots::Model>, DbErr> {
    let of_lane = lane_slots::Entity::find().filter(lane_slots::Column::Lane.eq(key.as_str()));
    of_lane.order_by_asc(lane_slots::Column::Slot).all(on).await
}

pub(crate) fn assemble(row: &lanes::Model, slots: &[lane_slots::Model]) -> Lane {
    let closed = row
        .closed_at
        .map(|_| LaneClosure { until: row.closed_until, reason: row.closed_reason.clone().unwrap_or_default() });
    let slot = |row: &lane_slots::Model| Slot { fence: row.fence, until: row.until_at, not_before: row.not_before };
    Lane {
        refusals: u32::try_from(row.refusals).unwrap_or(0),
        spacing: Duration::from_millis(u64::try_from(row.spacing_ms).unwrap_or(0)),
        closed,
        slots: slots.iter().map(slot).collect(),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
