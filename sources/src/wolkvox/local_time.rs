//! Converts between UTC and the account's local time, in which the vendor's requests and responses are written without
//! an offset.

use crate::timestamp;
use chrono::{DateTime, DurationRound, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use domain::window::Window;

/// A range of local time in seconds; the vendor includes both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalRange {
    /// The first second.
    pub first: NaiveDateTime,
    /// The last second.
    pub last: NaiveDateTime,
}

/// A range of local time that contains every second of `window`, and perhaps more.
///
/// When clocks are set back, the local clock shows an hour twice. It is not known whether the vendor compares texts or
/// instants, nor which of the two instants it takes. So the range never begins or ends inside such an hour; then it
/// contains the window in every case. A clock change inside the window does not lead out of the range: local time falls
/// behind the window's first second only if that second lies in the repeated hour, and passes the last one only
/// likewise.
///
/// `None` where the window is outside the calendar.
pub fn range(window: Window, zone: Tz) -> Option<LocalRange> {
    // The last second that the window touches: where `to` is a whole second, the one before it.
    let last = window.to() - TimeDelta::nanoseconds(1);
    Some(LocalRange {
        first: local(window.from().timestamp(), zone, Side::Before)?,
        last: local(last.timestamp(), zone, Side::After)?,
    })
}

/// The instant that `text` names in `zone`: `YYYY-MM-DD` or `DD/MM/YYYY`, a space or `T`, and `HH:MM[:SS]`. The first
/// of two instants where clocks showed the time twice; the instant of the change where clocks skipped it.
pub fn parse(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let naive = timestamp::parse_local(text)?;
    if let Some(local) = zone.from_local_datetime(&naive).earliest() {
        return Some(local.to_utc());
    }
    let minute = naive.duration_trunc(TimeDelta::minutes(1)).ok()?;
    // Clocks change at whole minutes, and by a day at most.
    let later =
        (1..=1440).find_map(|skipped| zone.from_local_datetime(&(minute + TimeDelta::minutes(skipped))).earliest());
    later.map(|local| local.to_utc())
}

/// A side of the repeated hour.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// The local time in `zone` at the second `at`; inside a repeated hour, the nearest time on that side of the hour.
fn local(at: i64, zone: Tz, side: Side) -> Option<NaiveDateTime> {
    let naive = DateTime::from_timestamp(at + offset(at, zone), 0)?.naive_utc();
    let MappedLocalTime::Ambiguous(one, other) = zone.from_local_datetime(&naive) else {
        return Some(naive);
    };
    let (early, late) = (one.timestamp().min(other.timestamp()), one.timestamp().max(other.timestamp()));
    let change = change(early, late, zone);
    let moved = match side {
        // The hour begins at the time to which clocks are set, and ends at the time from which they are set back.
        Side::Before => change + offset(late, zone) - 1,
        Side::After => change + offset(early, zone),
    };
    Some(DateTime::from_timestamp(moved, 0)?.naive_utc())
}

/// The first second with the offset of `late`; `early`, less than a day before, has another offset.
fn change(early: i64, late: i64, zone: Tz) -> i64 {
    let (mut before, mut after) = (early, late);
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        if offset(middle, zone) == offset(late, zone) {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

/// Seconds by which `zone` is ahead of UTC at the second `at`.
fn offset(at: i64, zone: Tz) -> i64 {
    let utc = DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}
