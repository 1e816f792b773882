//! The vendor's limits, and the defaults within them.

use chrono::TimeDelta;
use domain::rules::{Limits, Rules};
use std::time::Duration;

/// The vendor's limits.
pub fn limits() -> Limits {
    Limits {
        // "31 days per query".
        longest: TimeDelta::days(31),
        // "60,000 rows".
        row_cap: 60_000,
        // "The same token cannot be consumed simultaneously". An error text names 2; the stricter limit counts.
        max_in_flight: 1,
        // The vendor names no pause between two requests, only that the second waits for the first one's result.
        spacing: Duration::ZERO,
    }
}

/// The rules of an account that sets none.
pub fn defaults() -> Rules {
    Rules {
        // The vendor counts the 31 days on the local clock. A window is longer there than in UTC where a change to
        // summer time lies in it (one hour; two at most, in Antarctica/Troll), and the request is wider than the window
        // where an edge lies in an hour that the local clock shows twice (that hour and a second). Three hours have room
        // for both, so that the vendor never refuses a planned window for its length.
        longest: limits().longest - TimeDelta::hours(3),
        // "You can make a consumption every 5 minutes of the information."
        interval: Duration::from_mins(5),
        // The vendor closes a chat without answers after some 23 hours; twice that is safe.
        settle: TimeDelta::hours(48),
        // Each poll in between reads only the overlap before the time that is held, an hour, and what is new: a chat that
        // changes later is read by the next refresh.
        refresh: Duration::from_hours(1),
        // The vendor gives up after 60 seconds.
        timeout: Duration::from_secs(70),
        ..Rules::base(&limits())
    }
}
