//! Bookings of the instants at which a lane's requests may be sent.

use super::rows::{load, lock};
use super::spec::LaneSpec;
use crate::database::Database;
use chrono::DateTime;
use domain::pacer::Pacer;
use sea_orm::{ActiveModelTrait, DbErr, IntoActiveModel, Set};
use std::time::Duration;

/// Books an instant for the holder of a turn: how long it has to wait before it sends a request. Nothing where the vendor
/// sets no rate; `None` where the lane was shut since the turn began.
///
/// # Errors
/// Returns the database error.
pub async fn book(db: &Database, spec: &LaneSpec) -> Result<Option<Duration>, DbErr> {
    let Some(gap) = spec.rules.gap() else { return Ok(Some(Duration::ZERO)) };
    let tx = db.begin().await?;
    let found = lock(&tx, spec).await?;
    let now = db.now(&tx).await?;
    let Some((row, _)) = found.filter(|(_, lane)| !lane.is_closed(now)) else {
        // One that is only dropped keeps its lock for a moment longer.
        tx.rollback().await?;
        return Ok(None);
    };
    let mut beat = Pacer { gap, next: row.next_send_at.unwrap_or(DateTime::UNIX_EPOCH) };
    let booked = beat.book(now, spec.rules.max_in_flight);
    let mut row = row.into_active_model();
    row.next_send_at = Set(Some(beat.next));
    row.update(&tx).await?;
    tx.commit().await?;
    Ok(Some((booked - now).to_std().unwrap_or_default()))
}

/// Whether another process closed the lane while the holder waited for its send time.
///
/// # Errors
/// Returns the database error.
pub async fn is_shut(db: &Database, spec: &LaneSpec) -> Result<bool, DbErr> {
    let now = db.now(db.connection()).await?;
    Ok(load(db.connection(), &spec.key).await?.is_none_or(|(_, lane)| lane.is_closed(now)))
}
