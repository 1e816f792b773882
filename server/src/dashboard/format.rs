//! Formats times and numbers for people.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::duration::in_words;

/// An instant in a time zone, to the minute.
pub(crate) fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%-d %b %Y, %H:%M").to_string()
}

/// A day without its year: the dashboard shows the last weeks only.
pub(crate) fn day(day: NaiveDate) -> String {
    day.format("%-d %b").to_string()
}

/// The range from `first` to `last`, both included.
pub(crate) fn day_range(first: NaiveDate, last: NaiveDate) -> String {
    if first == last { day(first) } else { format!("{} – {}", day(first), day(last)) }
}

/// The distance of `at` from `now`, with its direction.
pub(crate) fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match now - at {
        ago if ago >= TimeDelta::seconds(1) => format!("{} ago", in_words(ago.num_seconds())),
        ahead if ahead <= TimeDelta::seconds(-1) => format!("in {}", in_words(-ahead.num_seconds())),
        _ => "now".to_owned(),
    }
}

/// A number with commas between thousands.
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

/// A number and its noun, in the plural where needed.
pub(crate) fn pluralize(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use super::{count, pluralize, relative};
    use chrono::{DateTime, TimeDelta};

    #[test]
    fn writes_the_direction_of_a_relative_time() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(relative(now - TimeDelta::seconds(90), now), "1 min ago");
        assert_eq!(relative(now + TimeDelta::seconds(90), now), "in 1 min");
        assert_eq!(relative(now, now), "now");
    }

    #[test]
    fn separates_thousands_and_adds_the_plural() {
        assert_eq!([7, 999, 1000, 1_234_567].map(count), ["7", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2].map(|rows| pluralize(rows, "row")), ["1 row", "2 rows"]);
    }
}
