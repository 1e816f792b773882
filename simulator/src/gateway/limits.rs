//! How many requests one key may send: at once and per second.

use super::rule::Rule;
use std::time::Duration;

/// What a key may do. No vendor publishes these numbers; the defaults are guesses.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Requests a second, over time. 0 for no limit. Default 5.
    pub requests_per_second: f64,
    /// Requests that may come at once after a rest. Default 5.
    pub burst: u32,
    /// Requests in flight. Default 4.
    pub max_in_flight: u32,
    /// How long after a 429 another request may still arrive without a breach, because it may have been sent before.
    /// Default 250 ms.
    pub crossing: Duration,
    /// How long the vendor works on each request. Default 5 ms.
    pub latency: Duration,
}

/// The use that one key has made of its limits. All instants are those of `Clock::elapsed`.
#[derive(Debug, Default)]
pub(super) struct RateMeter {
    used_up_to: Duration,
    closed_from: Duration,
    closed_until: Duration,
}

/// Why the vendor answers a request with 429.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Throttle {
    /// Too many requests in flight.
    InFlight { in_flight: u32, permitted: u32 },
    /// Too many requests a second.
    Rate { wait: Duration },
    /// The time in the last `Retry-After` is not over.
    Early { wait: Duration },
    /// The same, but the caller may have sent the request before it learned of the 429.
    Crossed { wait: Duration },
}

impl RateMeter {
    /// Counts a request that arrives at `at`, or gives the reason for a 429. A throttled request is not counted, and
    /// closes the key for as long as its `Retry-After` says.
    pub(super) fn admit(&mut self, at: Duration, in_flight: u32, limits: &Limits) -> Option<Throttle> {
        if at < self.closed_until {
            let wait = whole_seconds(self.closed_until.saturating_sub(at));
            let crossed = at <= self.closed_from.saturating_add(limits.crossing);
            return Some(if crossed { Throttle::Crossed { wait } } else { Throttle::Early { wait } });
        }
        if in_flight > limits.max_in_flight {
            self.close(at, Duration::ZERO, Duration::from_secs(1));
            return Some(Throttle::InFlight { in_flight, permitted: limits.max_in_flight });
        }
        let Ok(apart) = Duration::try_from_secs_f64(limits.requests_per_second.recip()) else { return None };
        let slack = apart.saturating_mul(limits.burst.saturating_sub(1));
        if self.used_up_to > at.saturating_add(slack) {
            let wait = self.close(at, Duration::ZERO, self.used_up_to.saturating_sub(at + slack));
            return Some(Throttle::Rate { wait });
        }
        self.used_up_to = self.used_up_to.max(at).saturating_add(apart);
        None
    }

    /// Closes the key from `at` on for `wait`, rounded up to whole seconds, which it returns. The caller learns of it
    /// `later`, so that the end is never too strict.
    pub(super) fn close(&mut self, at: Duration, later: Duration, wait: Duration) -> Duration {
        let wait = whole_seconds(wait);
        if at.saturating_add(wait) > self.closed_until {
            self.closed_from = at.saturating_add(later);
            self.closed_until = at.saturating_add(wait);
        }
        wait
    }
}

impl Throttle {
    /// The value of `Retry-After`.
    pub(super) fn wait(&self) -> Duration {
        match self {
            Self::InFlight { .. } => Duration::from_secs(1),
            Self::Rate { wait } | Self::Early { wait } | Self::Crossed { wait } => *wait,
        }
    }

    /// The rule that the caller broke, if any.
    pub(super) fn breach(&self) -> Option<(Rule, String)> {
        match self {
            Self::InFlight { in_flight, permitted } => Some((Rule::SIMULTANEOUS, too_many(*in_flight, *permitted))),
            Self::Rate { .. } => Some((Rule::RATE, String::from("more requests a second than permitted"))),
            Self::Early { wait } => Some((Rule::EARLY, format!("{} s before Retry-After was over", wait.as_secs()))),
            Self::Crossed { .. } => None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 5.0,
            burst: 5,
            max_in_flight: 4,
            crossing: Duration::from_millis(250),
            latency: Duration::from_millis(5),
        }
    }
}

/// The detail of a breach of [`Rule::SIMULTANEOUS`].
pub(super) fn too_many(in_flight: u32, permitted: u32) -> String {
    format!("{in_flight} at once, permitted {permitted}")
}

fn whole_seconds(wait: Duration) -> Duration {
    let up = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(up).max(1))
}
