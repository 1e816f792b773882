//! The vendor's limits, and the defaults within them.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's limits. It publishes none; these are careful estimates from public clients.
pub fn limits() -> Limits {
    Limits {
        // The list comes in pages, so that a window may have any length; but a failure costs all pages of a window.
        longest: TimeDelta::days(31),
        row_cap: u64::MAX,
        max_in_flight: 4,
        spacing: Duration::ZERO,
    }
}

/// The rules of an account that sets none.
pub fn defaults() -> Rules {
    Rules {
        // Four requests at a time, each 800 ms after the one before it: five a second.
        items_per_list: Some(1_000),
        spacing: Duration::from_millis(800),
        // "The process expiration time has passed (typically 24 hours)"; twice that is safe.
        settle: TimeDelta::hours(48),
        requests_per_second: Some(5.0),
        ..Rules::base(&limits())
    }
}
