//! Parses the timestamps that vendors write: ISO 8601, its common variants, and counts since 1970.
//!
//! The parser reads digits directly. `strptime`-like formats, tried one after the other, took most of the time of a
//! row with several timestamps.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// Databases do not take every year that chrono does, and no vendor is that old.
const YEARS: std::ops::Range<i32> = 1900..10_000;
/// Nanoseconds in a second.
const SECOND: u32 = 1_000_000_000;

/// The instant that `text` names, to the microsecond, as databases store it.
///
/// `text` is `YYYY-MM-DD`, `T` or a space, `HH:MM[:SS[.fraction]]`, and then nothing or `UTC` (UTC), `Z` or an offset;
/// or the seconds, milliseconds or microseconds since 1970; the magnitude tells which.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let at = calendar(text).or_else(|| epoch(text))?;
    YEARS.contains(&at.year()).then(|| DateTime::from_timestamp_micros(at.timestamp_micros()))?
}

/// The date and time that `text` shows without an offset: `YYYY-MM-DD` or `DD/MM/YYYY`, then a time of day.
pub fn parse_local(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    let (date, rest) = date(text).or_else(|| day_first_date(text))?;
    let (time, rest) = time_of_day(after_date(rest)?)?;
    (rest.is_empty() && YEARS.contains(&date.year())).then(|| date.and_time(time))
}

/// The time of day that `text` begins with, `HH:MM[:SS[.fraction]]`, and the text after it.
pub fn time_of_day(text: &str) -> Option<(NaiveTime, &str)> {
    let (hour, rest) = number(text, 1..=2)?;
    let (minute, rest) = number(rest.strip_prefix(':')?, 1..=2)?;
    let Some(rest) = rest.strip_prefix(':') else {
        return Some((NaiveTime::from_hms_opt(hour, minute, 0)?, rest));
    };
    let (second, rest) = number(rest, 1..=2)?;
    let (nanos, rest) = fraction(rest)?;
    // chrono shows a leap second as the second 59 with more nanoseconds than one second has.
    let (second, nanos) = if second == 60 { (59, nanos + SECOND) } else { (second, nanos) };
    Some((NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?, rest))
}

fn calendar(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = date(text)?;
    let (time, zone) = time_of_day(after_date(rest)?)?;
    date.and_time(time).and_utc().checked_sub_signed(offset(zone.trim())?)
}

/// `YYYY-MM-DD`, and the text after it.
fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = number(text, 4..=4)?;
    let (month, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
    Some((NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?, rest))
}

/// `DD/MM/YYYY`, and the text after it.
fn day_first_date(text: &str) -> Option<(NaiveDate, &str)> {
    let (day, rest) = number(text, 1..=2)?;
    let (month, rest) = number(rest.strip_prefix('/')?, 1..=2)?;
    let (year, rest) = number(rest.strip_prefix('/')?, 4..=4)?;
    Some((NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?, rest))
}

/// The text after the separator between date and time.
fn after_date(rest: &str) -> Option<&str> {
    rest.strip_prefix(['T', 't', ' ']).map(str::trim_start)
}

/// An optional fraction of a second in nanoseconds, and the text after it.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = rest.split_at_checked(length)?;
    let nanos = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    (length > 0).then(|| (nanos.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')), after))
}

/// How far ahead of UTC `zone` is.
fn offset(zone: &str) -> Option<TimeDelta> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("Z") || zone.eq_ignore_ascii_case("UTC") {
        return Some(TimeDelta::zero());
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits = zone.strip_prefix(['+', '-'])?;
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':')?,
    };
    let two_digits = |text| number(text, 2..=2).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value);
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    (hours < 24 && minutes < 60).then(|| TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
}

/// The time since 1970. Fewer than nine digits are no such count: `20260928` is a day without dashes.
fn epoch(text: &str) -> Option<DateTime<Utc>> {
    if text.contains('.') && text.contains(['e', 'E']) {
        // `1.695945067E9`, as some exports write numbers.
        let number: f64 = text.parse().ok()?;
        return (number.abs() < 1e17).then(|| epoch(&format!("{number:.6}")))?;
    }
    let (whole, rest) = text.split_at_checked(text.bytes().take_while(u8::is_ascii_digit).count())?;
    let whole: i64 = whole.parse().ok()?;
    let micros = match whole {
        100_000_000..100_000_000_000 => 1_000_000,
        100_000_000_000..100_000_000_000_000 => 1000,
        100_000_000_000_000..100_000_000_000_000_000 => 1,
        _ => return None,
    };
    let (nanos, rest) = if rest == "." { (0, "") } else { fraction(rest)? };
    let part = i64::from(nanos) * micros / i64::from(SECOND);
    DateTime::from_timestamp_micros(whole * micros + part).filter(|_| rest.is_empty())
}

/// The number of so many digits that `text` begins with, and the text after it. All digits count, so that more digits
/// than expected are no number.
fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<(u32, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (written, rest) = text.split_at_checked(length)?;
    let value = || written.bytes().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    digits.contains(&length).then(|| (value(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_one_instant_in_every_spelling() {
        let spellings = [
            "2026-09-28T23:51:07.120Z",
            "2026-09-28 23:51:07.12",
            "2026-09-28 23:51:07.120000 UTC",
            "2026-09-28t23:51:07.120000000z",
            "2026-9-28 23:51:7.12",
            " 2026-09-29T01:51:07.120+02:00 ",
            "2026-09-28T18:51:07.120-0500",
            "2026-09-28 18:51:07.120 -05",
            "1790639467120",
            "1790639467.12",
            "1790639467120000",
            "1790639467120.0",
            "1.79063946712E9",
            "1.79063946712e+12",
        ];
        for text in spellings {
            assert_eq!(parse(text), "2026-09-28T23:51:07.120Z".parse().ok(), "{text}");
        }
        assert_eq!(parse("2026-09-28T23:51"), "2026-09-28T23:51:00Z".parse().ok());
        assert_eq!(parse("2026-09-28T23:51Z"), "2026-09-28T23:51:00Z".parse().ok());
        assert_eq!(parse("1790639467"), "2026-09-28T23:51:07Z".parse().ok());
        assert_eq!(parse("1790639467."), parse("1790639467"));
        assert_eq!(parse("2026-09-28T23:51:07.123456789Z"), "2026-09-28T23:51:07.123456Z".parse().ok());
        assert!(parse("2016-12-31T23:59:60Z").is_some(), "a leap second");
    }

    #[test]
    fn rejects_what_is_no_instant() {
        let wrong = [
            "",
            "-",
            ".",
            "soon",
            "2026-09-28",
            "2026-09-28T",
            "2026-13-28T00:00:00Z",
            "2026-02-30 00:00:00",
            "20260928",
            "2026-09-28T24:00:00Z",
            "2026-09-28T23:60:00Z",
            "2026-09-28T23:51:61Z",
            "2026-09-28T23:51:07.Z",
            "2026-09-28T23:51:07 CET",
            "2026-09-28T23:51:07+2",
            "2026-09-28T23:51:07+02:",
            "2026-09-28T23:51:07+25:00",
            "0",
            "17",
            "-1790639467",
            "1e9",
            "1e300",
            "NaN",
            "inf",
            "1790639467.1x",
            "0001-01-01T00:00:00Z",
            "1899-12-31T23:59:59Z",
            "é026-09-28T00:00",
            "2026-09-28T23-51",
            "2026/09/28 23:51:07",
            "99999999999999999999",
            "+2026-9-28T1:2:3Z",
            "28/09/2026 23:51:07",
        ];
        for text in wrong {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn parses_local_times_without_an_offset_only() {
        let local = NaiveDate::from_ymd_opt(2026, 8, 12).unwrap().and_hms_opt(8, 1, 9);
        for text in ["2026-08-12 08:01:09", " 2026-08-12T8:1:09 ", "12/08/2026 08:01:09", "12/8/2026 08:01:09"] {
            assert_eq!(parse_local(text), local, "{text}");
        }
        for text in
            ["2026-08-12 08:01:09Z", "2026-08-12 08:01:09 x", "08/2026 08:01", "1790639467", "0000-00-00 00:00:00"]
        {
            assert_eq!(parse_local(text), None, "{text}");
        }
    }
}
