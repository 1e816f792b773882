//! How often and how widely one key may ask.

use super::record::Kind;
use std::time::Duration;

/// What a key may do. No vendor publishes numbers: all of these are guesses.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Requests a second, over time. 0 for no limit.
    pub requests_per_second: f64,
    /// How many may come at once after a rest. Default 5.
    pub burst: u32,
    /// Requests under way at once. Default 4.
    pub width: u32,
    /// How long after a 429 another request may still arrive without being held against its caller: it may have been
    /// on its way. Default 250 ms.
    pub crossing: Duration,
    /// How long the vendor works on any request. Default 5 ms.
    pub latency: Duration,
}

/// One key's account: when the rate is used up to, and from when to when the key is told to wait.
#[derive(Debug, Default)]
pub(super) struct Meter {
    used_up_to: Duration,
    shut_from: Duration,
    shut_until: Duration,
}

/// Why a request is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Too many under way.
    Width { at_once: u32, permitted: u32 },
    /// Too many a second.
    Rate { wait: Duration },
    /// Before the wait that a 429 asked for was over.
    Early { wait: Duration },
    /// The same, but it may have been on its way.
    Crossed { wait: Duration },
}

impl Meter {
    /// Counts a request that arrives at `at`, or says why not. What is held back is not counted, and shuts the key for
    /// as long as its caller is told to wait.
    pub(super) fn take(&mut self, at: Duration, in_flight: u32, limits: &Limits) -> Option<Over> {
        if at < self.shut_until {
            let wait = whole_seconds(self.shut_until.saturating_sub(at));
            let crossed = at <= self.shut_from.saturating_add(limits.crossing);
            return Some(if crossed { Over::Crossed { wait } } else { Over::Early { wait } });
        }
        if in_flight > limits.width {
            self.shut(at, Duration::ZERO, Duration::from_secs(1));
            return Some(Over::Width { at_once: in_flight, permitted: limits.width });
        }
        let Ok(apart) = Duration::try_from_secs_f64(limits.requests_per_second.recip()) else { return None };
        let slack = apart.saturating_mul(limits.burst.saturating_sub(1));
        if self.used_up_to > at.saturating_add(slack) {
            let wait = self.shut(at, Duration::ZERO, self.used_up_to.saturating_sub(at + slack));
            return Some(Over::Rate { wait });
        }
        self.used_up_to = self.used_up_to.max(at).saturating_add(apart);
        None
    }

    /// Tells the key to wait, in whole seconds from `at` on. It learns of it `later`, so this is never too strict.
    pub(super) fn shut(&mut self, at: Duration, later: Duration, wait: Duration) -> Duration {
        let wait = whole_seconds(wait);
        if at.saturating_add(wait) > self.shut_until {
            self.shut_from = at.saturating_add(later);
            self.shut_until = at.saturating_add(wait);
        }
        wait
    }
}

impl Over {
    /// What `Retry-After` says.
    pub(super) fn wait(&self) -> Duration {
        match self {
            Self::Width { .. } => Duration::from_secs(1),
            Self::Rate { wait } | Self::Early { wait } | Self::Crossed { wait } => *wait,
        }
    }

    /// The rule that was broken, if one was.
    pub(super) fn breach(&self) -> Option<(Kind, String)> {
        match self {
            Self::Width { at_once, permitted } => {
                Some((Kind::Width, format!("{at_once} at once, permitted {permitted}")))
            }
            Self::Rate { .. } => Some((Kind::Rate, String::from("more requests a second than permitted"))),
            Self::Early { wait } => Some((Kind::Early, format!("{} s before Retry-After was over", wait.as_secs()))),
            Self::Crossed { .. } => None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second: 5.0,
            burst: 5,
            width: 4,
            crossing: Duration::from_millis(250),
            latency: Duration::from_millis(5),
        }
    }
}

fn whole_seconds(wait: Duration) -> Duration {
    let up = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(up).max(1))
}
