//! Decides when a loop that failed starts again, and when its process gives up: a loop that fails again and again is not
//! mended by one more start.

use crate::backoff;
use std::collections::VecDeque;
use std::time::Duration;

/// How many restarts a loop gets in which time, and how far apart they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The most restarts within `period`.
    pub intensity: u32,
    /// The time for which a failure counts.
    pub period: Duration,
    /// The wait before the first restart.
    pub min: Duration,
    /// The longest wait before a restart.
    pub max: Duration,
}

impl Default for RestartPolicy {
    /// Five restarts in ten minutes, after 1, 2, 4, 8 and 16 s.
    fn default() -> Self {
        let (min, max) = (Duration::from_secs(1), Duration::from_secs(30));
        Self { intensity: 5, period: Duration::from_mins(10), min, max }
    }
}

/// What follows a failure of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The loop starts again after this wait.
    After(Duration),
    /// The process ends.
    GiveUp,
}

/// The failures of one loop that still count, oldest first, as times of a monotonic clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoopFailures(VecDeque<Duration>);

impl LoopFailures {
    /// Adds a failure at `now` and decides what follows. Failures that are `period` old or older no longer count.
    pub fn add(&mut self, now: Duration, policy: &RestartPolicy) -> Restart {
        self.0.retain(|earlier| now.saturating_sub(*earlier) < policy.period);
        self.0.push_back(now);
        let failures = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        if failures > policy.intensity {
            return Restart::GiveUp;
        }
        // One process restarts its own loops: no jitter is needed to spread them.
        Restart::After(backoff::delay(failures, policy.min, policy.max, 0.5))
    }
}
