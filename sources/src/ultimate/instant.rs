//! Instants, however they are written. What names no offset is UTC: "based on UTC timezone".

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// Databases know no others, and the vendor has none.
const YEARS: std::ops::Range<i32> = 1900..10_000;

/// What `text` names: `YYYY-MM-DD`, `T` or a blank, `HH:MM[:SS[.…]]`, and then nothing, `Z`, `UTC` or an offset; or the
/// seconds, milliseconds or microseconds since 1970, told apart by their size.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let at = calendar(text).or_else(|| epoch(text))?;
    YEARS.contains(&chrono::Datelike::year(&at)).then_some(at)
}

fn calendar(text: &str) -> Option<DateTime<Utc>> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.as_bytes();
    if date.get(4) != Some(&b'-') || date.get(7) != Some(&b'-') {
        return None;
    }
    let (year, month, day) = (digits(date.get(..4)?)?, digits(date.get(5..7)?)?, digits(date.get(8..)?)?);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let clock = |from: usize| digits(time.as_bytes().get(from..from + 2)?);
    let (hour, minute) = (clock(0)?, clock(3).filter(|_| time.get(2..3) == Some(":"))?);
    let (second, rest) = match time.get(5..6) {
        Some(":") => (clock(6)?, time.get(8..)?),
        _ => (0, time.get(5..)?),
    };
    let (nanos, zone) = fraction(rest)?;
    let naive = date.and_hms_nano_opt(hour, minute, second, nanos)?;
    Some(naive.and_utc() - offset(zone.trim())?)
}

/// A fraction of a second in nanoseconds, if there is one, and what follows it.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (written, after) = rest.split_at_checked(length)?;
    let nanos = written.bytes().chain(std::iter::repeat(b'0')).take(9);
    (length > 0).then(|| (nanos.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')), after))
}

/// How far ahead of UTC.
fn offset(zone: &str) -> Option<TimeDelta> {
    if zone.is_empty() || zone.eq_ignore_ascii_case("Z") || zone.eq_ignore_ascii_case("UTC") {
        return Some(TimeDelta::zero());
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let rest = zone.strip_prefix(['+', '-'])?.as_bytes();
    let (hours, minutes) = match rest {
        [_, _] => (digits(rest)?, 0),
        [_, _, b':', _, _] => (digits(rest.get(..2)?)?, digits(rest.get(3..)?)?),
        [_, _, _, _] => (digits(rest.get(..2)?)?, digits(rest.get(2..)?)?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then(|| TimeDelta::minutes(sign * i64::from(hours * 60 + minutes)))
}

/// A number since 1970. Seconds before 1973 are none: they are days written without dashes, or no times at all.
fn epoch(text: &str) -> Option<DateTime<Utc>> {
    if text.contains(['e', 'E']) {
        // `1.695945067E9`, as some exports write numbers.
        let number: f64 = text.parse().ok()?;
        return (number.abs() < 1e17).then(|| epoch(&format!("{number:.6}")))?;
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let micros = match whole {
        100_000_000..100_000_000_000 => 1_000_000,
        100_000_000_000..100_000_000_000_000 => 1000,
        100_000_000_000_000..100_000_000_000_000_000 => 1,
        _ => return None,
    };
    let (nanos, rest) = if part.is_empty() { (0, "") } else { fraction(text.get(text.find('.')?..)?)? };
    let part = i64::from(nanos) * micros / 1_000_000_000;
    DateTime::from_timestamp_micros(whole * micros + part).filter(|_| rest.is_empty())
}

fn digits(text: &[u8]) -> Option<u32> {
    let digit = |sum: Option<u32>, byte: &u8| Some(sum? * 10 + byte.is_ascii_digit().then(|| u32::from(byte - b'0'))?);
    text.iter().fold(Some(0), digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_in_many_spellings() {
        let same = [
            "2026-09-28T23:51:07.120Z",
            "2026-09-28 23:51:07.12",
            "2026-09-28 23:51:07.120000 UTC",
            "2026-09-28t23:51:07.120000000z",
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
        for text in same {
            assert_eq!(instant(text), "2026-09-28T23:51:07.120Z".parse().ok(), "{text}");
        }
        assert_eq!(instant("2026-09-28T23:51"), "2026-09-28T23:51:00Z".parse().ok());
        assert_eq!(instant("2026-09-28T23:51Z"), "2026-09-28T23:51:00Z".parse().ok());
        assert_eq!(instant("1790639467"), "2026-09-28T23:51:07Z".parse().ok());
        assert_eq!(instant("1790639467."), instant("1790639467"));
    }

    #[test]
    fn what_is_no_instant_is_none() {
        let wrong = [
            "",
            "-",
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
            "2026-09-28T23:51:07+25:00",
            "0",
            "17",
            "-1790639467",
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
        ];
        for text in wrong {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
