//! Reserved send times for lanes whose vendor limits the rate.

use super::rows::{load, lock};
use super::spec::LaneSpec;
use crate::database::Database;
use chrono::DateTime;
use domain::pacer::Pacer;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use std::time::Duration;

/// Reserves a send time for a worker that holds a slot, and returns the time to wait for it: zero if the lane has no rate
/// limit, `None` if the lane is closed.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn reserve_send_time(db: &Database, spec: &LaneSpec) -> Result<Option<Duration>, DbErr> {
    let Some(gap) = spec.rules.gap() else { return Ok(Some(Duration::ZERO)) };
    let tx = db.begin().await?;
    let locked = lock(&tx, spec).await?;
    let now = db.now(&tx).await?;
    let Some((row, _)) = locked.filter(|(_, lane)| !lane.is_closed(now)) else {
        // A dropped transaction keeps its lock a moment longer.
        tx.rollback().await?;
        return Ok(None);
    };
    let mut pacer = Pacer { gap, next: row.next_send_at.unwrap_or(DateTime::UNIX_EPOCH) };
    let send_at = pacer.reserve(now, spec.rules.max_in_flight);
    let mut row = row.into_active_model();
    row.next_send_at = Set(Some(pacer.next));
    row.update(&tx).await?;
    tx.commit().await?;
    Ok(Some((send_at - now).to_std().unwrap_or_default()))
}

/// Whether the lane is closed now, because another process closed it while this one waited for its send time.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn is_closed(db: &Database, spec: &LaneSpec) -> Result<bool, DbErr> {
    let now = db.now(db.connection()).await?;
    Ok(load(db.connection(), &spec.key).await?.is_none_or(|(_, lane)| lane.is_closed(now)))
}
