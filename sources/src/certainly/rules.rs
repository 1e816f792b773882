//! The vendor's limits, and the defaults within them.

use super::days::MAX_DAYS;
use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's limits.
pub fn limits() -> Limits {
    Limits {
        // "The maximum time range supported is 15 days."
        longest: TimeDelta::days(MAX_DAYS),
        // "The maximum number of data entries returned is 500."
        row_cap: 500,
        // The vendor says nothing about parallel requests. One at a time is always safe.
        max_in_flight: 1,
        spacing: Duration::ZERO,
    }
}

/// The rules of an account that sets none.
pub fn defaults() -> Rules {
    Rules {
        // "Formatted as YYYY-MM-DD": the vendor answers a part of a day with the whole day.
        granularity: TimeDelta::days(1),
        interval: Duration::from_mins(15),
        // The vendor does not say how late a message may come or change: the last two days are read again.
        settle: TimeDelta::hours(48),
        overlap: TimeDelta::days(1),
        ..Rules::base(&limits())
    }
}
