//! Logs and counts the streams and lanes that fail: once as a warning, and then quietly until they work again.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use tracing::{debug, info, warn};

/// What a tick does for one stream or lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Reads the clock, and what all streams share.
    Read,
    /// Plans a stream.
    Plan,
    /// Dispatches the jobs of a lane.
    Dispatch,
}

impl Step {
    /// The word that logs and metrics use.
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Plan => "plan",
            Self::Dispatch => "dispatch",
        }
    }
}

/// The streams and lanes whose last step failed.
#[derive(Debug, Default)]
pub struct FailureLog(Mutex<HashSet<(Step, String)>>);

impl FailureLog {
    /// Logs and counts the result of a step, and returns it. `name` is the stream, or an account of the lane.
    pub fn note<T, E: Display>(&self, step: Step, name: &str, result: Result<T, E>) -> Result<T, E> {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (step, name.to_owned());
        match &result {
            Ok(_) if failing.remove(&key) => info!(step = step.as_str(), name, "the scheduler's step works again"),
            Ok(_) => {}
            Err(error) => {
                metrics::counter!("convosync_tick_failures_total", "step" => step.as_str()).increment(1);
                if failing.insert(key) {
                    warn!(step = step.as_str(), name, %error, "a step of the tick failed; the scheduler goes on with the others and tries again at the next tick");
                } else {
                    debug!(step = step.as_str(), name, %error, "a step of the tick failed again");
                }
            }
        }
        result
    }
}
