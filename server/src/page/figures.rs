//! Times and numbers as people read them.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// An instant on the account's clocks, to the minute.
pub(crate) fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%-d %b %Y, %H:%M").to_string()
}

/// A day without its year, which a reader knows.
pub(crate) fn day(day: NaiveDate) -> String {
    day.format("%-d %b").to_string()
}

/// From `first` to `last`, both included.
pub(crate) fn days(first: NaiveDate, last: NaiveDate) -> String {
    if first == last { day(first) } else { format!("{} – {}", day(first), day(last)) }
}

/// A span of time in its two largest units.
pub(crate) fn span(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

/// How far `at` lies before or after `now`.
pub(crate) fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match now - at {
        ago if ago >= TimeDelta::seconds(1) => format!("{} ago", span(ago.num_seconds())),
        ahead if ahead <= TimeDelta::seconds(-1) => format!("in {}", span(-ahead.num_seconds())),
        _ => "now".to_owned(),
    }
}

/// A count with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use super::{count, counted, relative, span};
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (3660, "1 h 1 min"),
            (86_400, "1 d"),
            (93_600, "1 d 2 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn instants_lie_before_or_after() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(relative(now - TimeDelta::seconds(90), now), "1 min ago");
        assert_eq!(relative(now + TimeDelta::seconds(90), now), "in 1 min");
        assert_eq!(relative(now, now), "now");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([7, 999, 1000, 1_234_567].map(count), ["7", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|rows| counted(rows, "row")), ["1 row", "2 rows"]);
    }
}
