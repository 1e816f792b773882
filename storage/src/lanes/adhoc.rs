//! A slot of a lane for a single request that belongs to no job, such as the one that `convosync check` sends.

use super::rows::{lock, store_slot};
use super::spec::LaneSpec;
use super::traffic::count;
use crate::database::Database;
use domain::job::Purpose;
use domain::lane::Lease;
use sea_orm::{ActiveModelTrait, DbErr};

/// Acquires a slot for a single request that belongs to no job; `None` if no slot is free or the lane does not exist.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn acquire_adhoc(db: &Database, spec: &LaneSpec, holder: &str) -> Result<Option<Lease>, DbErr> {
    let tx = db.begin().await?;
    let Some((row, mut lane)) = lock(&tx, spec).await? else { return Ok(None) };
    let now = db.now(&tx).await?;
    let Ok(lease) = lane.acquire(now, spec.rules.lease) else { return Ok(None) };
    store_slot(&tx, spec, &lane, lease.slot, Some(holder)).await?;
    count(row, spec, Purpose::Live, now).update(&tx).await?;
    tx.commit().await?;
    Ok(Some(lease))
}

/// Releases a slot of [`acquire_adhoc`]. `idle` states that the vendor has confirmed the end of its work.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn release_adhoc(db: &Database, spec: &LaneSpec, lease: &Lease, idle: bool) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let Some((_, mut lane)) = lock(&tx, spec).await? else { return Ok(()) };
    lane.release(lease, db.now(&tx).await?, idle);
    store_slot(&tx, spec, &lane, lease.slot, None).await?;
    tx.commit().await
}
