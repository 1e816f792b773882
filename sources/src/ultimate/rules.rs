//! What the data export permits, and how we keep to it.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's own rules.
pub fn limits() -> Limits {
    Limits {
        // One question names one day.
        longest: TimeDelta::days(1),
        // A day is answered with files, as many and as long as it takes.
        row_cap: u64::MAX,
        // No limit is published; one request at a time is the careful choice.
        width: 1,
        spacing: Duration::ZERO,
    }
}

/// The rules where the settings say nothing; `kept` is how far back days can be asked for.
pub fn defaults(kept: TimeDelta) -> Rules {
    Rules {
        longest: limits().longest,
        step: TimeDelta::seconds(1),
        grain: TimeDelta::days(1),
        // Files are built once a day, at midnight UTC; an hour later they are there.
        ready_after: Some(TimeDelta::hours(1)),
        // "You can just ingest the file generated for day x and day x + 1."
        spill: TimeDelta::days(1),
        retention: Some(kept),
        export: None,
        row_cap: limits().row_cap,
        spacing: Duration::from_secs(1),
        width: limits().width,
        daily_quota: None,
        interval: Duration::from_hours(24),
        // "Immutable", says the vendor; but a day's file was seen to grow after midnight.
        settle: TimeDelta::days(3),
        refresh: Duration::from_hours(24),
        overlap: TimeDelta::zero(),
        // A file has no upper limit.
        timeout: Duration::from_mins(10),
        lease: Duration::from_mins(12),
        retry_min: Duration::from_secs(5),
        retry_max: Duration::from_mins(5),
        pending: Duration::from_mins(5),
        maintenance_pause: Duration::from_mins(10),
        requests_per_second: None,
    }
}
