//! Counters that span requests: the calls of the day, and the calls that a maintenance still refuses.

use chrono::NaiveDate;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counters of the operation, over all of its tokens.
#[derive(Debug, Default)]
pub(super) struct DailyCounters(Mutex<Counters>);

#[derive(Debug, Default)]
struct Counters {
    today: Option<NaiveDate>,
    calls_today: u32,
    /// The calls of today by token.
    calls_by_key: BTreeMap<usize, u32>,
    maintenance_left: u32,
}

impl DailyCounters {
    /// Counts a call with the token `key` on `day`, in the vendor's zone, and returns the calls of that day. "Daily quota, shared by all
    /// tokens of the operation; each call costs exactly 1 whatever it returns".
    pub(super) fn count_call(&self, day: NaiveDate, key: usize) -> u32 {
        let mut counters = self.counters();
        if counters.today != Some(day) {
            counters.today = Some(day);
            counters.calls_today = 0;
            counters.calls_by_key.clear();
        }
        *counters.calls_by_key.entry(key).or_default() += 1;
        counters.calls_today += 1;
        counters.calls_today
    }

    pub(super) fn calls_today(&self) -> u32 {
        self.counters().calls_today
    }

    pub(super) fn calls_of(&self, key: usize) -> u32 {
        self.counters().calls_by_key.get(&key).copied().unwrap_or(0)
    }

    /// Starts a maintenance that refuses the next `calls` calls.
    pub(super) fn start_maintenance(&self, calls: u32) {
        self.counters().maintenance_left = calls;
    }

    /// Whether a maintenance refuses this call; counts the call.
    pub(super) fn is_in_maintenance(&self) -> bool {
        let mut counters = self.counters();
        let left = counters.maintenance_left;
        counters.maintenance_left = left.saturating_sub(1);
        left > 0
    }

    fn counters(&self) -> MutexGuard<'_, Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
