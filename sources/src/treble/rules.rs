//! The vendor's limits, and the defaults within them.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's limits. It publishes none; a public client reads twenty histories at a time.
pub fn limits() -> Limits {
    Limits {
        // Sessions come in pages, so that a window may have any length; but a failure costs all pages of a window.
        longest: TimeDelta::days(31),
        row_cap: u64::MAX,
        max_in_flight: 4,
        spacing: Duration::ZERO,
    }
}

/// The rules of an account that sets none.
pub fn defaults() -> Rules {
    Rules {
        // One request reads the lists of the whole window, page by page.
        longest: TimeDelta::days(7),
        // Four requests at a time, each 400 ms after the one before it: ten a second.
        items_per_list: Some(1_000),
        spacing: Duration::from_millis(400),
        // Lists go by the time of a session's start, and replies come later: other connectors look back for days.
        settle: TimeDelta::days(7),
        requests_per_second: Some(10.0),
        ..Rules::base(&limits())
    }
}
