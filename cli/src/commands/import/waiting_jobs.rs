//! The jobs that wait for the days of an imported file.

use crate::console::say;
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use domain::job::{Job, JobState};
use domain::slice::Slice;
use serde::Serialize;

/// A job that waited for a mail or for an operator.
#[derive(Serialize)]
pub struct WaitingJob {
    id: i64,
    /// The first and the last day of its window.
    days: [NaiveDate; 2],
    /// Why it waited.
    reason: String,
}

impl WaitingJob {
    /// The job, with its days in `zone`; `None` if it has no window.
    pub fn of(job: &Job, zone: Tz) -> Option<Self> {
        let window = job.slice.window()?;
        let last = window.to() - TimeDelta::milliseconds(1);
        let days = [window.from(), last].map(|at| at.with_timezone(&zone).date_naive());
        let reason = match (&job.state, &job.slice) {
            (JobState::Parked { reason }, _) => format!("parked: {reason}"),
            (_, Slice::Export(_)) => "the vendor sends it by mail".to_owned(),
            _ => "it waits for the vendor".to_owned(),
        };
        Some(Self { id: job.id, days, reason })
    }

    fn text(&self) -> String {
        let [from, to] = self.days;
        format!("job {} ({from} to {to}; {})", self.id, self.reason)
    }
}

/// Explains which waiting jobs the file closed, and what closes the others.
pub fn explain_jobs(closed: &[WaitingJob], open: &[WaitingJob]) {
    for job in closed {
        say(&format!("Closed: {}.", job.text()));
    }
    for job in open {
        let [from, to] = job.days;
        say(&format!(
            "Still open: {}. The file does not prove that it holds all of these days; if it does, import it with \
             --from {from} --to {to}.",
            job.text()
        ));
    }
}
