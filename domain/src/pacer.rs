//! Spaces a lane's requests: a vendor's rate holds for all requests of a lane, from every slot and process.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The send times of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacer {
    /// The least time between two requests.
    pub gap: Duration,
    /// The first send time that is not reserved.
    pub next: DateTime<Utc>,
}

/// The most reservations ahead per slot: one in use, and a few of workers that crashed.
const RESERVATIONS_PER_SLOT: u32 = 4;

impl Pacer {
    /// Reserves the next free send time, `now` at the earliest, for a lane with `max_in_flight` slots. A stored time
    /// further ahead than that many slots can have reserved comes from slower rules or from a clock that was set back; it
    /// is ignored.
    pub fn reserve(&mut self, now: DateTime<Utc>, max_in_flight: u32) -> DateTime<Utc> {
        let gap = TimeDelta::from_std(self.gap).unwrap_or(TimeDelta::zero());
        let most = i32::try_from(max_in_flight.saturating_mul(RESERVATIONS_PER_SLOT)).unwrap_or(i32::MAX);
        let latest = gap.checked_mul(most).and_then(|ahead| now.checked_add_signed(ahead)).unwrap_or(now);
        let reserved = self.next.clamp(now, latest.max(now));
        self.next = reserved.checked_add_signed(gap).unwrap_or(reserved);
        reserved
    }
}
