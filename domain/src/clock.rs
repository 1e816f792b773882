//! The clock interface; the only source of time in the process.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// A clock. `cli` hands one to each loop; functions below the loops take `now` as an argument.
pub trait Clock: Send + Sync {
    /// The wall clock's time, in milliseconds.
    fn now(&self) -> DateTime<Utc>;

    /// The time since a fixed start. It never goes backwards, and it also counts while the process is stopped.
    fn elapsed(&self) -> Duration;
}
