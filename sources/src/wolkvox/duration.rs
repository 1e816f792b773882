//! Durations as the vendor writes them.

/// Seconds of `HH:MM:SS` (hours beyond 24 as well), `MM:SS` or plain seconds; `None` for anything else.
pub fn seconds(text: &str) -> Option<i64> {
    let parts: Option<Vec<i64>> = text.trim().split(':').map(part).collect();
    match parts?.as_slice() {
        [seconds] => Some(*seconds),
        [minutes, seconds] if *seconds < 60 => minutes.checked_mul(60)?.checked_add(*seconds),
        [hours, minutes, seconds] if *minutes < 60 && *seconds < 60 => {
            hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)
        }
        _ => None,
    }
}

fn part(text: &str) -> Option<i64> {
    // The parser alone would take a sign.
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}
