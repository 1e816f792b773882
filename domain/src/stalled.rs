//! Finds running backfills that have windows left and no job, although the planner could add one.

use crate::backfill::{Backfill, Progress};
use crate::job::{Job, Purpose};
use crate::ledger::Ledger;
use crate::planner::plan;
use crate::rules::Rules;
use crate::slice::Slice;
use crate::window::Window;
use chrono::{DateTime, TimeDelta, Utc};

/// The running backfills that have windows left, none of which has a job, and for which the planner would add none now or
/// soon. A correct planner leaves none: a backfill moves, waits for a job that is due soon, or is done.
#[must_use]
pub fn stalled_backfills(now: DateTime<Utc>, since: DateTime<Utc>, rules: &Rules, ledger: &Ledger) -> Vec<i64> {
    let plan = plan(now, since, rules, ledger);
    let is_planned = |id: i64| plan.jobs.iter().any(|job| job.purpose == Purpose::Backfill(id));
    let running = ledger.backfills.iter().filter(|backfill| backfill.progress == Progress::Running);
    let unplanned = running.filter(|backfill| !plan.finished.contains(&backfill.id) && !is_planned(backfill.id));
    let waits = ledger.jobs.iter().chain(&plan.jobs).any(|job| is_next(job, now, rules));
    let stalled = unplanned.filter(|backfill| !waits && !has_work(backfill, rules, ledger));
    stalled.map(|backfill| backfill.id).collect()
}

/// Whether a job covers a part of the remaining windows, or items that the backfill's lists have named are still unread.
fn has_work(backfill: &Backfill, rules: &Rules, ledger: &Ledger) -> bool {
    let left = backfill.remaining(&ledger.coverage, rules);
    let touches = |window: Window| left.iter().any(|left| left.intersect(&window).is_some());
    let has_job = ledger.jobs.iter().filter_map(Job::covered_window).any(touches);
    has_job || ledger.untried_items() > 0 || !ledger.unread_spans().within(backfill.window).is_empty()
}

/// Whether the job's window is fetched soon, so that a backfill may wait for it: while the rows per day are unknown, the
/// planner opens one window at a time.
fn is_next(job: &Job, now: DateTime<Utc>, rules: &Rules) -> bool {
    let longest = rules.interval.max(rules.refresh).max(rules.retry_max);
    let soon = now + TimeDelta::from_std(longest).unwrap_or(TimeDelta::days(1));
    matches!(job.slice, Slice::Window(_)) && !job.is_parked() && job.due <= soon
}
