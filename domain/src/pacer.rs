//! Spaces a lane's requests: a vendor's rate holds for all requests of a lane, from every slot and process.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The send times of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacer {
    /// The least time between two requests.
    pub gap: Duration,
    /// The first send time that is not booked.
    pub next: DateTime<Utc>,
}

/// The most bookings ahead per slot: one in use, and a few left by workers that crashed.
const BOOKINGS_PER_SLOT: u32 = 4;

impl Pacer {
    /// Books the next free send time, `now` at the earliest, for a lane with `max_in_flight` slots. A stored time
    /// further ahead than that many slots can have booked comes from slower rules or from a clock that was set back; it
    /// is ignored.
    pub fn book(&mut self, now: DateTime<Utc>, max_in_flight: u32) -> DateTime<Utc> {
        let gap = TimeDelta::from_std(self.gap).unwrap_or(TimeDelta::zero());
        let most = i32::try_from(max_in_flight.saturating_mul(BOOKINGS_PER_SLOT)).unwrap_or(i32::MAX);
        let latest = gap.checked_mul(most).and_then(|ahead| now.checked_add_signed(ahead)).unwrap_or(now);
        let booked = self.next.clamp(now, latest.max(now));
        self.next = booked.checked_add_signed(gap).unwrap_or(booked);
        booked
    }
}
