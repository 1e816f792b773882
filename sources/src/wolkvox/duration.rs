//! Parses the vendor's durations.

/// The seconds of `HH:MM:SS` (also beyond 24 hours), `MM:SS` or plain seconds; `None` for anything else.
pub fn seconds(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':').map(number);
    let first = parts.next()??;
    let Some(second) = parts.next() else { return Some(first) };
    let second = second.filter(|second| *second < 60)?;
    let Some(third) = parts.next() else { return first.checked_mul(60)?.checked_add(second) };
    let third = third.filter(|third| *third < 60)?;
    if parts.next().is_some() {
        return None;
    }
    first.checked_mul(3600)?.checked_add(second * 60 + third)
}

fn number(text: &str) -> Option<i64> {
    // `parse` alone would accept a sign.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}
