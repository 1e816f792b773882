//! The beat of a lane's requests: a vendor's rate holds for all of them, whichever slot or process sends them.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// When the next request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacer {
    /// The time from one request to the next.
    pub gap: Duration,
    /// The first instant that nobody has booked.
    pub next: DateTime<Utc>,
}

/// No more bookings can be out than this many for each slot: one is, and a few may be left of those who died.
const OUT: u32 = 4;

impl Pacer {
    /// Books the next free instant of a lane that is `width` wide, `now` at the earliest. What lies further ahead than
    /// could have been booked was stored under slower rules, or before the clock was set back, and holds nobody up.
    pub fn book(&mut self, now: DateTime<Utc>, width: u32) -> DateTime<Utc> {
        let gap = TimeDelta::from_std(self.gap).unwrap_or(TimeDelta::zero());
        let most = i32::try_from(width.saturating_mul(OUT)).unwrap_or(i32::MAX);
        let latest = gap.checked_mul(most).and_then(|ahead| now.checked_add_signed(ahead)).unwrap_or(now);
        let booked = self.next.clamp(now, latest.max(now));
        self.next = booked.checked_add_signed(gap).unwrap_or(booked);
        booked
    }
}
