//! What Wolkvox permits, and how we keep to it.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's own rules.
pub fn limits() -> Limits {
    Limits {
        // "31 days per query".
        longest: TimeDelta::days(31),
        // "60,000 rows".
        row_cap: 60_000,
        // "The same token cannot be consumed simultaneously". The error text names 2; we keep to the stricter one.
        width: 1,
        // The vendor names no pause between two requests, only that the second waits for the first one's result.
        spacing: Duration::ZERO,
    }
}

/// The rules where the settings say nothing.
pub fn defaults() -> Rules {
    Rules {
        // The vendor counts the 31 days on the wall clock. A window is longer there than in UTC where clocks are set
        // forward inside it (an hour; two at most, in Antarctica/Troll), and the question is wider than the window
        // where an edge lies in an hour that clocks show twice (that hour and a second). Three hours have room for
        // both, so no window that is planned can be refused for its length.
        longest: limits().longest - TimeDelta::hours(3),
        step: TimeDelta::seconds(1),
        grain: TimeDelta::seconds(1),
        ready_after: None,
        spill: TimeDelta::zero(),
        retention: None,
        export: None,
        row_cap: limits().row_cap,
        spacing: Duration::from_secs(1),
        width: limits().width,
        daily_quota: None,
        // "You can make a consumption every 5 minutes of the information."
        interval: Duration::from_mins(5),
        // Chats that nobody answers are closed after some 23 hours; twice that is on the safe side.
        settle: TimeDelta::hours(48),
        refresh: Duration::from_mins(5),
        overlap: TimeDelta::hours(1),
        // The vendor gives up after 60 seconds itself.
        timeout: Duration::from_secs(70),
        lease: Duration::from_secs(90),
        retry_min: Duration::from_secs(5),
        retry_max: Duration::from_mins(5),
        pending: Duration::from_mins(5),
        maintenance_pause: Duration::from_mins(10),
        requests_per_second: None,
    }
}
