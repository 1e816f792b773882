//! The jobs that wait for what a file holds.

use chrono::{DateTime, Utc};
use domain::job::{Job, JobState};
use domain::ledger::Ledger;
use domain::window::Window;

/// The waiting exports and parked windows of a file's time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileJobs {
    /// Those that the file closed.
    pub closed: Vec<Job>,
    /// Those that stay open although the file has rows of their time, or its days reach into it.
    pub open: Vec<Job>,
}

impl FileJobs {
    /// Compares the ledger before and after a file whose days are `window` and whose rows lie in `span`.
    pub(super) fn compare(
        before: &Ledger,
        after: &Ledger,
        window: Option<Window>,
        span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    ) -> Self {
        let waits = |job: &&Job| job.is_parked() || matches!(job.state, JobState::Awaiting { .. });
        let is_concerned = |job: &&Job| {
            job.slice.window().is_some_and(|own| {
                let holds_rows = span.is_some_and(|(first, last)| first < own.to() && own.from() <= last);
                holds_rows || window.is_some_and(|window| window.intersect(&own).is_some())
            })
        };
        let is_open = |job: &Job| after.jobs.iter().any(|open| open.id == job.id);
        let concerned = before.jobs.iter().filter(waits).filter(is_concerned).cloned();
        let (open, closed) = concerned.partition(is_open);
        Self { closed, open }
    }
}
