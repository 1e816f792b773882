//! The ledger of one stream: its coverage, its open jobs and its backfills. Everything else can be rebuilt from it.
//!
//! Map: `settle` applies a verdict; `split` replaces a job by smaller ones; `exports` adds and merges mailed exports;
//! `items` adds and tracks jobs that lists and webhooks name; `pacing` learns from answers; `revocation` takes a
//! delivery back; `answer_summary` is the input of all others.

mod answer_summary;
mod exports;
mod items;
mod pacing;
mod revocation;
mod settle;
mod split;

use crate::backfill::{Backfill, Progress};
use crate::clock_skew::latest_past;
use crate::coverage::Coverage;
use crate::item_backlog::ItemBacklog;
use crate::job::{Job, JobState, Purpose};
use crate::live_slot::slot_at;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::reopening::Reopening;
use crate::rules::Rules;
use crate::week_profile::WeekProfile;
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
    /// How dense rows are in each hour of the week, as all answers show it.
    pub profile: WeekProfile,
    /// The newest live slot for which a job was planned.
    pub slot: Option<DateTime<Utc>>,
    /// The live slot at which the unsettled window was last planned in full.
    pub refreshed: Option<DateTime<Utc>>,
    /// The first instant that the newest answer was asked for and that lay beyond the vendor's or the database's clock. The
    /// next live job asks for it again.
    pub unproven: Option<DateTime<Utc>>,
    /// Whether the vendor's answers state its own time. Coverage then never reaches beyond that time.
    pub has_vendor_clock: bool,
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

    /// The newest live slot at `now`, if coverage reaches into the future: then a clock that was ahead has left it.
    #[must_use]
    pub fn future_coverage(&self, now: DateTime<Utc>, rules: &Rules) -> Option<DateTime<Utc>> {
        let newest = self.coverage.held().windows().last()?;
        (newest.to() > latest_past(now)).then(|| slot_at(now, rules))
    }

    /// Removes coverage that reaches into the future at `now`, from the newest live slot on. What was asked for meanwhile is
    /// asked for again.
    pub fn forget_future(&mut self, now: DateTime<Utc>, rules: &Rules) {
        if let Some(end) = self.future_coverage(now, rules) {
            self.coverage.cut(end);
        }
    }

    /// Applies a plan. Applying it twice, or by two schedulers at once, adds nothing the second time. An outdated plan
    /// for a slot that was planned before adds no live job, even if that slot's job has been answered since.
    pub fn accept(&mut self, plan: Plan) {
        if let Some(end) = plan.coverage_end {
            self.coverage.cut(end);
        }
        let is_reset = plan.future_slot.is_some() && plan.future_slot == self.slot;
        if is_reset {
            (self.slot, self.refreshed) = (None, None);
        }
        let is_outdated = self.slot.is_some_and(|planned| plan.slot.is_none_or(|slot| slot <= planned));
        // A job that a worker has claimed since the plan was made runs to its end.
        self.jobs.retain(|job| job.id == 0 || job.is_running() || !plan.obsolete.contains(&job.id));
        for job in plan.jobs {
            let exists = self.jobs.iter().any(|open| open.purpose == job.purpose && open.slice == job.slice);
            if !exists && (!is_outdated || job.purpose != Purpose::Live) {
                self.jobs.push(job);
            }
        }
        if plan.slot > self.slot {
            self.unproven = None;
        }
        self.slot = self.slot.max(plan.slot);
        self.refreshed = self.refreshed.max(plan.refreshed);
        for backfill in self.backfills.iter_mut().filter(|backfill| plan.finished.contains(&backfill.id)) {
            backfill.progress = Progress::Done;
        }
    }
}
