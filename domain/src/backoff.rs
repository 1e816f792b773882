//! Exponential backoff with jitter.

use std::time::Duration;

/// The wait after the `failures`-th failure in a row (1 is the first): doubling from `min` to `max`, spread by
/// `jitter` in `[0, 1)` over three quarters to five quarters of it, centred, and never outside `[min, max]`.
#[must_use]
pub fn delay(failures: u32, min: Duration, max: Duration, jitter: f64) -> Duration {
    let doublings = i32::try_from(failures.saturating_sub(1).min(62)).unwrap_or(62);
    let full = (min.as_secs_f64() * 2f64.powi(doublings)).min(max.as_secs_f64());
    let spread = full * (0.75 + 0.5 * jitter.clamp(0.0, 1.0));
    // Compared as durations: a float may miss the band by its last digit.
    Duration::try_from_secs_f64(spread).unwrap_or(max).min(max).max(min)
}
