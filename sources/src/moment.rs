//! Instants as the vendor may write them. It documents none; the samples that are known are ISO 8601 with a `Z`.

use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

/// What `text` names: ISO 8601 with an offset, or without one (then UTC), or seconds, milliseconds or microseconds since
/// 1970. To the microsecond, which is what is stored.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let at = written(text).or_else(|| counted(text))?;
    // The parser takes years of any length; databases do not.
    (1900..10_000)
        .contains(&at.year())
        .then_some(at)
        .and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()))
}

fn written(text: &str) -> Option<DateTime<Utc>> {
    const OFFSET: [&str; 2] = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
    const NAIVE: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let naive = text.strip_suffix("UTC").map_or(text, str::trim_end);
    let close = text.replace(" +", "+").replace(" -", "-");
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| OFFSET.iter().find_map(|format| DateTime::parse_from_str(&close, format).ok()))
        .map(|at| at.to_utc())
        .or_else(|| {
            NAIVE.iter().find_map(|format| NaiveDateTime::parse_from_str(naive, format).ok()).map(|at| at.and_utc())
        })
}

/// The magnitude tells the unit: seconds have ten digits since 2001, milliseconds thirteen, microseconds sixteen.
fn counted(text: &str) -> Option<DateTime<Utc>> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let micros: usize = match whole.len() {
        9..=11 => 6,
        12..=14 => 3,
        15..=17 => 0,
        _ => return None,
    };
    let decimals: String = decimals.chars().chain("000000".chars()).take(micros).collect();
    DateTime::from_timestamp_micros(format!("{whole}{decimals}").parse().ok()?)
}
