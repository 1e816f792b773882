//! Frees the slots and shortens the closures that a clock which was ahead has stored in a lane: they would hold the lane back
//! long after the clock was set back. A dispatch calls it.

use super::free::free_slots;
use super::rows::{assemble, set_closed};
use super::spec::LaneSpec;
use crate::transaction::Transaction;
use chrono::{DateTime, TimeDelta, Utc};
use domain::clock_skew::{latest_past, moved_back};
use domain::lane::{Freeing, Lane, LaneClosure};
use entities::lanes;
use sea_orm::DbErr;
use std::time::Duration;

/// Frees the slots of a locked lane that no lease can have taken so far ahead, and lets a closure from the future end as
/// long after now as it was meant to last. Returns the lane as it is then.
pub(crate) async fn undo_clock_step(
    tx: &Transaction,
    spec: &LaneSpec,
    (row, mut lane): (lanes::Model, Lane),
    now: DateTime<Utc>,
) -> Result<(lanes::Model, Lane), DbErr> {
    let freed = free_slots(tx, spec, (&row, &mut lane), (Freeing::Stranded, longest_lease(spec)), now).await?.freed;
    if !freed.is_empty() {
        tracing::warn!(
            account = spec.accounts.first(),
            slots = freed.len(),
            "the database's clock was set back; the lane's slots in the future are free again after one lease"
        );
    }
    let Some((closed_at, until)) = row.closed_at.zip(row.closed_until).filter(|(at, _)| *at > latest_past(now)) else {
        return Ok((row, lane));
    };
    let until = moved_back(closed_at, until, now);
    let reason = row.closed_reason.clone().unwrap_or_default();
    set_closed(tx, &spec.key, Some(&LaneClosure { until: Some(until), reason }), now).await?;
    let row = lanes::Model { closed_at: Some(now), closed_until: Some(until), ..row };
    lane.closed = assemble(&row, &[]).closed;
    Ok((row, lane))
}

/// The instant after which no ticket or lease of `spec` can end, unless a clock that was ahead has stored it.
pub(crate) fn latest_lease_end(spec: &LaneSpec, now: DateTime<Utc>) -> DateTime<Utc> {
    latest_past(now) + TimeDelta::from_std(longest_lease(spec)).unwrap_or(TimeDelta::zero())
}

/// Twice the lease: during a change of the settings another process may use a longer one.
fn longest_lease(spec: &LaneSpec) -> Duration {
    spec.rules.lease.saturating_mul(2)
}
