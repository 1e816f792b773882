//! Between UTC and the wall clock of the account, in which the vendor asks and answers without naming an offset.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use domain::window::Window;

/// A range of the wall clock, to the second; the vendor counts both ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first second in it.
    pub first: NaiveDateTime,
    /// The last second in it.
    pub last: NaiveDateTime,
}

/// Every second of `window` as the wall clock in `zone` shows it, and perhaps more, never less.
///
/// Where clocks are set back, the wall clock shows an hour twice. Whether the vendor compares texts or instants, and
/// which of the two instants it takes, is not known. So the range never begins or ends inside such an hour: it then
/// holds the window either way.
///
/// `None` beyond the calendar.
pub fn range(window: Window, zone: Tz) -> Option<Range> {
    let first = window.from().timestamp();
    // The last second that has a part in the window: where `to` is a whole second, the one before it.
    let last = (window.to() - TimeDelta::nanoseconds(1)).timestamp();
    let mut shown: Option<(i64, i64)> = None;
    let mut at = first;
    while at <= last {
        let offset = offset(at, zone);
        let end = next_change(at, last, zone).map_or(last, |change| change - 1);
        let (low, high) = shown.unwrap_or((at + offset, end + offset));
        shown = Some((low.min(at + offset), high.max(end + offset)));
        at = end + 1;
    }
    let (low, high) = shown?;
    Some(Range { first: outside(low, zone, Side::Before)?, last: outside(high, zone, Side::After)? })
}

/// What `text` names in `zone`: `YYYY-MM-DD HH:MM:SS`, also with a `T`, without seconds, or as `DD/MM/YYYY`. Where
/// clocks showed it twice, the first time; where they skipped it, the instant they jumped.
pub fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    const FORMATS: [&str; 6] = [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%d/%m/%Y %H:%M:%S%.f",
        "%d/%m/%Y %H:%M",
    ];
    let text = text.trim();
    let naive = FORMATS.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
    // The parser takes years of any length; databases do not.
    if !(1900..10_000).contains(&chrono::Datelike::year(&naive)) {
        return None;
    }
    if let Some(local) = zone.from_local_datetime(&naive).earliest() {
        return Some(local.to_utc());
    }
    let minute = chrono::DurationRound::duration_trunc(naive, TimeDelta::minutes(1)).ok()?;
    // Clocks jump at whole minutes, and by a day at most.
    let later =
        (1..=1440).find_map(|skipped| zone.from_local_datetime(&(minute + TimeDelta::minutes(skipped))).earliest());
    later.map(|local| local.to_utc())
}

#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// The wall clock at `shown` seconds, moved out of the hour that clocks show twice if it lies in one.
fn outside(shown: i64, zone: Tz, side: Side) -> Option<NaiveDateTime> {
    let naive = DateTime::from_timestamp(shown, 0)?.naive_utc();
    let MappedLocalTime::Ambiguous(one, other) = zone.from_local_datetime(&naive) else {
        return Some(naive);
    };
    let (early, late) = (one.timestamp().min(other.timestamp()), one.timestamp().max(other.timestamp()));
    let change = next_change(early, late, zone).unwrap_or(late);
    let moved = match side {
        // The hour begins where clocks are set to, and ends where they are set back from.
        Side::Before => change + offset(late, zone) - 1,
        Side::After => change + offset(early, zone),
    };
    Some(DateTime::from_timestamp(moved, 0)?.naive_utc())
}

/// Seconds between two looks at the offset; no zone changes its clocks twice in so short a time.
const STRIDE: i64 = 6 * 3600;

/// The first second after `from`, and not after `last`, at which clocks in `zone` change.
fn next_change(from: i64, last: i64, zone: Tz) -> Option<i64> {
    let before = offset(from, zone);
    let mut same = from;
    while same < last {
        let mut changed = last.min(same + STRIDE);
        if offset(changed, zone) == before {
            same = changed;
            continue;
        }
        while changed - same > 1 {
            let middle = same + (changed - same) / 2;
            if offset(middle, zone) == before {
                same = middle;
            } else {
                changed = middle;
            }
        }
        return Some(changed);
    }
    None
}

/// Seconds by which clocks in `zone` are ahead of UTC at `at`.
fn offset(at: i64, zone: Tz) -> i64 {
    let utc = DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}
