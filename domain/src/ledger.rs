//! The ledger of one stream: its coverage, its open jobs and its backfills. Everything else can be rebuilt from it.
//!
//! Map: `settle` applies a verdict; `split` replaces a job by smaller ones; `exports` adds and merges mailed exports;
//! `items` adds and tracks jobs that lists and webhooks name; `pacing` learns from answers; `answer_summary` is the
//! input of all of them.

mod answer_summary;
mod exports;
mod items;
mod pacing;
mod settle;
mod split;

use crate::backfill::{Backfill, Progress};
use crate::coverage::Coverage;
use crate::item_backlog::ItemBacklog;
use crate::job::{Job, JobState, Purpose};
use crate::pace::Pace;
use crate::plan::Plan;
use crate::reopening::Reopening;
use crate::window::Window;
use chrono::{DateTime, Utc};

pub use answer_summary::AnswerSummary;

/// The state of one stream. Storage loads it, the functions of this module change it, storage writes it back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// The windows that are held, and which of them are final.
    pub coverage: Coverage,
    /// Open jobs: to be fetched, running, awaiting a mail, or parked. Of the jobs for items, storage loads those that an
    /// answer names; the others are in `items`.
    pub jobs: Vec<Job>,
    /// The open items that `jobs` leaves out, summed over spans of time. Only reports and plans need it.
    pub items: ItemBacklog,
    /// The latest reopening of each day that was reopened. Only reports need it.
    pub reopenings: Vec<Reopening>,
    /// Backfills that are running or paused.
    pub backfills: Vec<Backfill>,
    /// What answers other than live ones have taught. Live answers are kept apart: one busy minute predicts nothing
    /// about last month.
    pub pace: Pace,
    /// Rows per day, as learned from live answers.
    pub live_rows_per_day: Option<f64>,
    /// The newest live slot for which a job was planned.
    pub slot: Option<DateTime<Utc>>,
    /// The live slot at which the unsettled window was last planned in full.
    pub refreshed: Option<DateTime<Utc>>,
    /// Where the live sync begins if the settings do not say. Set once, when the stream is first loaded.
    pub since: Option<DateTime<Utc>>,
}

impl Ledger {
    /// The reason of the parked live job, if one is parked: the stream then waits for an operator.
    #[must_use]
    pub fn parked(&self) -> Option<&str> {
        self.jobs.iter().find_map(|job| match (&job.purpose, &job.state) {
            (Purpose::Live, JobState::Parked { reason }) => Some(reason.as_str()),
            _ => None,
        })
    }

    /// The windows of all parked jobs.
    #[must_use]
    pub fn blocked(&self) -> Vec<Window> {
        let parked = self.jobs.iter().filter(|job| job.is_parked()).filter_map(Job::covered_window);
        parked.chain(self.items.blocked()).collect()
    }

    /// Applies a plan. Applying it twice, or by two schedulers at once, adds nothing the second time. An outdated plan
    /// for a slot that was planned before adds no live job, even if that slot's job has been answered since.
    pub fn accept(&mut self, plan: Plan) {
        let is_outdated = self.slot.is_some_and(|planned| plan.slot.is_none_or(|slot| slot <= planned));
        for job in plan.jobs {
            let exists = self.jobs.iter().any(|open| open.purpose == job.purpose && open.slice == job.slice);
            if !exists && (!is_outdated || job.purpose != Purpose::Live) {
                self.jobs.push(job);
            }
        }
        // A job that a worker has claimed since the plan was made runs to its end.
        self.jobs.retain(|job| job.id == 0 || job.is_running() || !plan.obsolete.contains(&job.id));
        self.slot = self.slot.max(plan.slot);
        self.refreshed = self.refreshed.max(plan.refreshed);
        for backfill in self.backfills.iter_mut().filter(|backfill| plan.finished.contains(&backfill.id)) {
            backfill.progress = Progress::Done;
        }
    }
}
