//! Clocks that disagree: the database's, which counts for leases and plans, and the vendor's, which dates its answers. Either
//! may be set forwards or back at any time.

use chrono::{DateTime, TimeDelta, Utc};

/// The largest difference between two clocks that the service ignores: answers take seconds, and hosts correct their clocks.
pub const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// The vendor's clock, as the header `Date` of an answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendorClock {
    /// The earliest `Date` of the answer's responses, to the second.
    pub first: DateTime<Utc>,
    /// How far the vendor's clock is ahead of the database's; negative if it is behind.
    pub skew: TimeDelta,
}

impl VendorClock {
    /// The clock that a response with this `date` shows, which arrived at `now` by the database's clock.
    #[must_use]
    pub fn new(date: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        // The header leaves the fraction of the second out.
        let ahead = date - now;
        let skew =
            if ahead < TimeDelta::zero() { (ahead + TimeDelta::seconds(1)).min(TimeDelta::zero()) } else { ahead };
        Self { first: date, skew }
    }

    /// The clock that two responses of one answer show.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self { first: self.first.min(later.first), skew: later.skew }
    }

    /// Whether the vendor confirms the database's clock.
    #[must_use]
    pub fn agrees(&self) -> bool {
        is_tolerable(self.skew)
    }
}

/// The instant up to which an answer can show the vendor's rows: the earlier of the time at which the request was sent by
/// the database's clock and the vendor's own time.
#[must_use]
pub fn answered_at(sent_at: DateTime<Utc>, vendor: Option<VendorClock>) -> DateTime<Utc> {
    vendor.map_or(sent_at, |vendor| vendor.first.min(sent_at))
}

/// The latest instant that a correct clock can have shown before `now`. A clock that was ahead has stored any later instant.
#[must_use]
pub fn latest_past(now: DateTime<Utc>) -> DateTime<Utc> {
    now + CLOCK_TOLERANCE
}

/// The end of a closure that began at `began` and ends at `until`. If the clock has been set back since, the end moves back
/// with the beginning, so that the closure keeps its length.
#[must_use]
pub fn moved_back(began: DateTime<Utc>, until: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if began <= latest_past(now) { until } else { until - (began - now) }
}

/// Whether a vendor's clock that differs by `skew` agrees with the database's.
#[must_use]
pub fn is_tolerable(skew: TimeDelta) -> bool {
    skew.abs() <= CLOCK_TOLERANCE
}
