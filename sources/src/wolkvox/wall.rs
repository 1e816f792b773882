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
/// holds the window either way. Nor can a change of clocks inside the window lead out of the range: the wall clock
/// falls behind the window's first second only if that second lies in the hour that comes twice, and likewise it is
/// ahead of the last one only then.
///
/// `None` beyond the calendar.
pub fn range(window: Window, zone: Tz) -> Option<Range> {
    // The last second that has a part in the window: where `to` is a whole second, the one before it.
    let last = window.to() - TimeDelta::nanoseconds(1);
    Some(Range {
        first: shown(window.from().timestamp(), zone, Side::Before)?,
        last: shown(last.timestamp(), zone, Side::After)?,
    })
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

/// What the wall clock in `zone` shows at the second `at`, moved to that side of the hour that clocks show twice, if it
/// lies in one.
fn shown(at: i64, zone: Tz, side: Side) -> Option<NaiveDateTime> {
    let naive = DateTime::from_timestamp(at + offset(at, zone), 0)?.naive_utc();
    let MappedLocalTime::Ambiguous(one, other) = zone.from_local_datetime(&naive) else {
        return Some(naive);
    };
    let (early, late) = (one.timestamp().min(other.timestamp()), one.timestamp().max(other.timestamp()));
    let change = change(early, late, zone);
    let moved = match side {
        // The hour begins where clocks are set to, and ends where they are set back from.
        Side::Before => change + offset(late, zone) - 1,
        Side::After => change + offset(early, zone),
    };
    Some(DateTime::from_timestamp(moved, 0)?.naive_utc())
}

/// The first second with the offset of `late`; `early`, less than a day before, has another one.
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

/// Seconds by which clocks in `zone` are ahead of UTC at `at`.
fn offset(at: i64, zone: Tz) -> i64 {
    let utc = DateTime::from_timestamp(at, 0).unwrap_or_default().naive_utc();
    i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc())
}
