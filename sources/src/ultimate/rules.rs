//! The vendor's limits, and the defaults within them.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's limits.
pub fn limits() -> Limits {
    Limits {
        // A request names one day.
        longest: TimeDelta::days(1),
        // A day comes in as many files as it needs, of any length.
        row_cap: u64::MAX,
        // The vendor publishes no limit; one request at a time is the careful choice.
        max_in_flight: 1,
        spacing: Duration::ZERO,
    }
}

/// The rules of an account that sets none. The vendor keeps a day for `retention`.
pub fn defaults(retention: TimeDelta) -> Rules {
    Rules {
        granularity: TimeDelta::days(1),
        // The vendor builds the files once a day, at midnight UTC; an hour later they are there.
        ready_after: Some(TimeDelta::hours(1)),
        // "You can just ingest the file generated for day x and day x + 1."
        late_filing: TimeDelta::days(1),
        retention: Some(retention),
        interval: Duration::from_hours(24),
        // The vendor calls a file "immutable"; but a public client saw files grow after midnight.
        settle: TimeDelta::days(3),
        refresh: Duration::from_hours(24),
        overlap: TimeDelta::zero(),
        // A file may have any length.
        timeout: Duration::from_mins(10),
        lease: Duration::from_mins(12),
        ..Rules::base(&limits())
    }
}
