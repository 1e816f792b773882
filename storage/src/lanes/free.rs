//! Frees the slots of a lane for an operator. [`Lane::free`](domain::lane::Lane::free) decides which.

use super::rows::{lock, slots, store_slot};
use super::spec::LaneSpec;
use crate::database::Database;
use crate::ledger::planning::raise_revision;
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use domain::lane::{FreedSlots, Freeing, Lane};
use entities::{jobs, lane_slots, lanes};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, Set};
use serde::Serialize;
use std::time::Duration;

/// The slots of a lane after [`free`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FreedLane {
    /// The freed slots.
    pub freed: Vec<SlotState>,
    /// The slots that a worker may be using.
    pub kept: Vec<SlotState>,
}

/// One slot of a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotState {
    /// The slot's number, from 0.
    pub slot: usize,
    /// The worker that acquired the slot last.
    pub holder: Option<String>,
    /// When the next request in the slot may start.
    pub free_at: DateTime<Utc>,
}

/// Frees slots of a lane, and returns the jobs of their holders to the lane. Creates no lane: a missing one has no slots.
///
/// # Errors
/// Returns the database error.
pub async fn free(db: &Database, spec: &LaneSpec, freeing: Freeing) -> Result<FreedLane, DbErr> {
    let tx = db.begin().await?;
    let Some((row, mut lane)) = lock(&tx, spec).await? else {
        return Ok(FreedLane { freed: Vec::new(), kept: Vec::new() });
    };
    let now = db.now(&tx).await?;
    let stored = slots(&tx, &spec.key).await?;
    let result = free_slots(&tx, spec, (&row, &mut lane), (freeing, spec.rules.lease), now).await?;
    tx.commit().await?;
    let states = |indices: &[usize]| indices.iter().filter_map(|slot| state(&lane, &stored, *slot)).collect();
    Ok(FreedLane { freed: states(&result.freed), kept: states(&result.kept) })
}

/// Frees slots of a locked lane, of which no lease is longer than `lease`, and returns the jobs of their holders to it.
pub(crate) async fn free_slots(
    tx: &Transaction,
    spec: &LaneSpec,
    (row, lane): (&lanes::Model, &mut Lane),
    (freeing, lease): (Freeing, Duration),
    now: DateTime<Utc>,
) -> Result<FreedSlots, DbErr> {
    let result = lane.free(now, lease, freeing);
    for slot in &result.freed {
        store_slot(tx, spec, lane, *slot, None).await?;
    }
    if !result.freed.is_empty() {
        forget_future(tx, row, now).await?;
        let after = match freeing {
            Freeing::Stranded => now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::zero()),
            Freeing::All => now,
        };
        end_attempts(tx, spec, after, now).await?;
    }
    Ok(result)
}

fn state(lane: &Lane, stored: &[lane_slots::Model], slot: usize) -> Option<SlotState> {
    let state = lane.slots.get(slot)?;
    let holder = stored.get(slot).and_then(|row| row.holder.clone());
    Some(SlotState { slot, holder, free_at: state.not_before.max(state.until) })
}

/// Forgets starts of background work that lie in the future: they would hold back background work until then.
async fn forget_future(tx: &Transaction, row: &lanes::Model, now: DateTime<Utc>) -> Result<(), DbErr> {
    let past = |at: Option<DateTime<Utc>>| at.filter(|at| *at <= now);
    let (background_at, backfill_at) = (past(row.background_at), past(row.backfill_at));
    let mut row = row.clone().into_active_model();
    (row.background_at, row.backfill_at) = (Set(background_at), Set(backfill_at));
    row.update(tx).await.map(|_| ())
}

/// Ends the attempts of jobs whose ticket or lease ends later than `after`. The lane then dispatches them again, as it does
/// after the loss of a ticket: their workers may still run, so that no attempt counts as lost.
pub(crate) async fn end_attempts(
    tx: &Transaction,
    spec: &LaneSpec,
    after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    // Streams before jobs, in the order of a commit: otherwise the two could wait for each other.
    for account in &spec.accounts {
        raise_revision(tx, account).await?;
    }
    jobs::Entity::update_many()
        .col_expr(jobs::Column::UntilAt, Expr::value(Some(now)))
        .col_expr(jobs::Column::State, Expr::value("dispatched"))
        .filter(jobs::Column::Account.is_in(spec.accounts.iter().map(String::as_str)))
        .filter(jobs::Column::State.is_in(["dispatched", "running"]))
        .filter(jobs::Column::UntilAt.gt(after))
        .exec(tx)
        .await?;
    Ok(())
}
