//! The one way to learn the time.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// Tells the time. Given to every loop by `cli`; below the loops, `now` is an argument.
pub trait Clock: Send + Sync {
    /// The wall clock, to the millisecond.
    fn now(&self) -> DateTime<Utc>;

    /// Time since some fixed start; never goes backwards. Counts also while the process is stopped.
    fn elapsed(&self) -> Duration;
}
