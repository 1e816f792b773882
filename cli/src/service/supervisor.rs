//! Runs the loops of a process: a loop that panics or ends by itself is logged and starts again after a wait, and the process
//! stops if the loop fails too often.

use super::watchdog::LoopWatchdog;
use domain::clock::Clock;
use domain::restart::{LoopFailures, Restart, RestartPolicy};
use domain::watchdog::{Progress, Watchdog};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

/// The name of a loop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoopName {
    /// What the loop does, from a closed set: metrics and `/livez` show it.
    pub role: &'static str,
    /// The accounts that the loop works for, if it does not work for all.
    pub accounts: Option<String>,
}

/// Supervises the loops of a process.
#[derive(Clone)]
pub struct Supervisor {
    clock: Arc<dyn Clock>,
    policy: RestartPolicy,
    watchdog: LoopWatchdog,
    /// Stops the process.
    stop: CancellationToken,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    running: BTreeSet<LoopName>,
    failure: Option<String>,
}

impl Supervisor {
    /// A supervisor that cancels `stop` when a loop fails more often than `policy` permits.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, policy: RestartPolicy, watchdog: LoopWatchdog, stop: CancellationToken) -> Self {
        Self { clock, policy, watchdog, stop, state: Arc::default() }
    }

    /// Runs a loop in `tasks` until it ends after `end` was cancelled. `run` starts the loop, each time with a watch of its own.
    pub fn spawn<Running>(
        &self,
        tasks: &TaskTracker,
        name: impl Into<LoopName>,
        end: CancellationToken,
        run: impl Fn(Box<dyn Progress>) -> Running + Send + 'static,
    ) where
        Running: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (supervisor, inner, name) = (self.clone(), tasks.clone(), name.into());
        self.state().running.insert(name.clone());
        tasks.spawn(async move {
            let mut failures = LoopFailures::default();
            loop {
                // A task of its own: a panic ends it and nothing else.
                let ended = inner.spawn(run(supervisor.watchdog.watch(name.role))).await;
                let Err(reason) = outcome(ended, &end) else { break };
                if !supervisor.restarts(&name, &reason, &mut failures, &end).await {
                    break;
                }
            }
            supervisor.state().running.remove(&name);
        });
    }

    /// The loops that have not ended, by name.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.state().running.iter().map(ToString::to_string).collect()
    }

    /// Why the supervisor stopped the process; `None` if it did not.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Logs and counts a failure, and waits before the next start. Returns whether the loop starts again.
    async fn restarts(
        &self,
        name: &LoopName,
        reason: &str,
        failures: &mut LoopFailures,
        end: &CancellationToken,
    ) -> bool {
        metrics::counter!("convosync_loop_failures_total", "loop" => name.role).increment(1);
        if end.is_cancelled() {
            error!(name = %name, reason, "a loop failed while the process stops");
            return false;
        }
        match failures.add(self.clock.elapsed(), &self.policy) {
            Restart::After(wait) => {
                error!(name = %name, reason, restarts_in = ?wait, "a loop failed; it starts again");
                tokio::select! {
                    () = end.cancelled() => false,
                    () = tokio::time::sleep(wait) => true,
                }
            }
            Restart::GiveUp => {
                let RestartPolicy { intensity, period, .. } = self.policy;
                let message = format!(
                    "the loop {name} failed {} times within {} s, at last because {reason}; look at the errors logged before",
                    u64::from(intensity) + 1,
                    period.as_secs()
                );
                error!(name = %name, reason, "a loop failed too often; the process stops");
                self.state().failure.get_or_insert(message);
                self.stop.cancel();
                false
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a loop ended as it should, or why it failed.
fn outcome(ended: Result<Result<(), String>, JoinError>, end: &CancellationToken) -> Result<(), String> {
    match ended {
        Ok(Ok(())) if end.is_cancelled() => Ok(()),
        Ok(Ok(())) => Err("it ended by itself".to_owned()),
        Ok(Err(reason)) => Err(reason),
        // The log of the panic names its place. Its text may quote a row.
        Err(_) => Err("it panicked".to_owned()),
    }
}

impl From<&'static str> for LoopName {
    fn from(role: &'static str) -> Self {
        Self { role, accounts: None }
    }
}

impl fmt::Display for LoopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.accounts {
            Some(accounts) => write!(f, "{} of {accounts}", self.role),
            None => f.write_str(self.role),
        }
    }
}

#[cfg(test)]
mod tests;
