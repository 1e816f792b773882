//! What Treble permits, and how we keep to it.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's own rules. It publishes none; a public client reads twenty histories at once.
pub fn limits() -> Limits {
    Limits {
        // Sessions come in pages, so that a window may be as long as one likes; a failure costs all its pages.
        longest: TimeDelta::days(31),
        row_cap: u64::MAX,
        width: 4,
        spacing: Duration::ZERO,
    }
}

/// The rules where the settings say nothing.
pub fn defaults() -> Rules {
    Rules {
        // Each of so many days' lists is asked for at one go, page by page.
        longest: TimeDelta::days(7),
        step: TimeDelta::seconds(1),
        grain: TimeDelta::seconds(1),
        ready_after: None,
        spill: TimeDelta::zero(),
        retention: None,
        export: None,
        row_cap: limits().row_cap,
        // Four at once, each this long after the one before it: ten a second.
        spacing: Duration::from_millis(400),
        width: limits().width,
        daily_quota: None,
        interval: Duration::from_mins(5),
        // Lists are by the time a session was made, and replies come later: connectors look back over some days.
        settle: TimeDelta::days(7),
        refresh: Duration::from_hours(6),
        overlap: TimeDelta::hours(1),
        timeout: Duration::from_secs(70),
        lease: Duration::from_secs(90),
        retry_min: Duration::from_secs(5),
        retry_max: Duration::from_mins(5),
        pending: Duration::from_mins(5),
        maintenance_pause: Duration::from_mins(10),
        requests_per_second: Some(10.0),
    }
}
