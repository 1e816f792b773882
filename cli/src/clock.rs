//! This host's clock. No other file reads it.

use chrono::{DateTime, SubsecRound, Utc};
use domain::clock::Clock;
use std::time::{Duration, Instant};

/// This host's clock.
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose elapsed time begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is the only one that reads the clock")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is the only one that reads the clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
