//! Live slots: the instants up to which the live sync fetches.

use crate::rules::Rules;
use chrono::{DateTime, TimeDelta, Utc};

/// The newest live slot that is due at `now`. Slots lie [`Rules::interval`] apart, in whole steps, counted from 1970,
/// so that all schedulers compute the same ones. If the vendor publishes whole units, the slot is the end of a unit
/// that is published.
#[must_use]
pub fn slot_at(now: DateTime<Utc>, rules: &Rules) -> DateTime<Utc> {
    let now = rules.ready_after.map_or(now, |after| rules.floor(now - after));
    let step = millis(if rules.ready_after.is_some() { rules.step.max(rules.granularity) } else { rules.step });
    let grid = (millis(delta(rules.interval)) + step - 1) / step * step;
    let whole = now.timestamp_millis() - now.timestamp_millis().rem_euclid(grid);
    DateTime::from_timestamp_millis(whole).unwrap_or(now)
}

/// When the vendor can be asked for the window before `slot`.
#[must_use]
pub fn due_at(slot: DateTime<Utc>, rules: &Rules) -> DateTime<Utc> {
    slot + rules.ready_after.unwrap_or(TimeDelta::zero())
}

fn millis(span: TimeDelta) -> i64 {
    span.num_milliseconds().max(1)
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    let year = TimeDelta::days(365);
    TimeDelta::from_std(duration).map_or(year, |delta| delta.min(year))
}
