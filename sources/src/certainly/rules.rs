//! What Certainly permits, and how we keep to it.

use super::days::LONGEST;
use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's own rules.
pub fn limits() -> Limits {
    Limits {
        // "The maximum time range supported is 15 days."
        longest: TimeDelta::days(LONGEST),
        // "The maximum number of data entries returned is 500."
        row_cap: 500,
        // Nothing is said of two requests at once. One is always safe.
        width: 1,
        spacing: Duration::ZERO,
    }
}

/// The rules where the settings say nothing.
pub fn defaults() -> Rules {
    Rules {
        longest: limits().longest,
        step: TimeDelta::seconds(1),
        // "Formatted as YYYY-MM-DD": a part of a day is answered with all of it.
        grain: TimeDelta::days(1),
        // Today may be asked for, and is answered with what there is.
        ready_after: None,
        spill: TimeDelta::zero(),
        retention: None,
        export: None,
        row_cap: limits().row_cap,
        spacing: Duration::from_secs(1),
        width: limits().width,
        daily_quota: None,
        interval: Duration::from_mins(15),
        // How late a message may come, or change, is not known: the last two days are read again.
        settle: TimeDelta::hours(48),
        refresh: Duration::from_hours(6),
        overlap: TimeDelta::days(1),
        timeout: Duration::from_secs(70),
        lease: Duration::from_secs(90),
        retry_min: Duration::from_secs(5),
        retry_max: Duration::from_mins(5),
        pending: Duration::from_mins(5),
        maintenance_pause: Duration::from_mins(10),
        requests_per_second: None,
    }
}
