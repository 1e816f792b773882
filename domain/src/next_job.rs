//! Picks the next job of a lane: live jobs start on time, and every other purpose keeps moving (promise P7).

use crate::job::{Job, Purpose};
use crate::slice::Slice;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The lane's state that decides which job goes next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LaneContext {
    /// When the next live job of this lane is due that is not yet planned.
    pub next_live: Option<DateTime<Utc>>,
    /// When a job other than a live one last started.
    pub last_background: Option<DateTime<Utc>>,
    /// When a backfill job last started.
    pub last_backfill: Option<DateTime<Utc>>,
    /// Today's requests and the daily quota, if the vendor has one.
    pub quota: Option<(u32, u32)>,
    /// Whether an export is outstanding; the vendor takes one at a time.
    pub is_exporting: bool,
    /// Whether another slot stays free for live jobs.
    pub has_spare: bool,
}

/// The most that a background job may delay the next live job. P7 allows 30 s; ten are reserved for requests that take
/// longer than expected.
const MOST_DELAY: TimeDelta = TimeDelta::seconds(20);
/// How long background jobs, and backfills among them, wait before one starts even if it delays a live job.
const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(10);
/// The share of the daily quota, in percent, at which background jobs stop.
const QUOTA_SHARE: u64 = 90;

/// Picks the job that the lane runs next, from those that are ready at `now`; `None` if the lane should stay idle.
///
/// A live job always goes first. A background job starts if it should end before the next live slot. A background job
/// that has waited for `LONGEST_WAIT` may delay that slot by up to `MOST_DELAY`, so that background work always
/// moves. If another slot stays free for live jobs, every job may start. Items and owed windows go before backfills,
/// but a backfill that has waited for `LONGEST_WAIT` goes first.
#[must_use]
pub fn next_job<'a>(ready: &'a [Job], context: &LaneContext, now: DateTime<Utc>) -> Option<&'a Job> {
    let may_export = |job: &Job| !(context.is_exporting && matches!(job.slice, Slice::Export(_)));
    let is_candidate = |live: bool| {
        move |job: &&'a Job| (job.purpose == Purpose::Live) == live && job.is_ready(now) && may_export(job)
    };
    if let Some(live) = ready.iter().filter(is_candidate(true)).min_by_key(|job| (job.due, job.id)) {
        return Some(live);
    }
    if context.quota.is_some_and(|(used, quota)| u64::from(used) * 100 >= u64::from(quota) * QUOTA_SHARE) {
        return None;
    }
    let has_waited = |last: Option<DateTime<Utc>>| last.is_none_or(|last| now - last >= LONGEST_WAIT);
    let delay = |job: &Job| context.next_live.map_or(TimeDelta::zero(), |slot| delta(job.expected) - (slot - now));
    // Not twice in a row while others wait, even if one job takes long.
    let backfill_first = has_waited(context.last_backfill)
        && context.last_backfill.is_none_or(|last| context.last_background > Some(last));
    let order = |job: &&Job| {
        let backfill = matches!(job.purpose, Purpose::Backfill(_));
        // An item of unknown time counts by the instant at which its fetch became due.
        let newest = -job.covered_window().map_or(job.due, |window| window.to()).timestamp();
        (backfill != backfill_first, job.purpose, newest, job.id)
    };
    let may_start = |job: &&Job| context.has_spare || delay(job) <= MOST_DELAY;
    let background = || ready.iter().filter(is_candidate(false));
    // The next live slot is too near for the first job in order, which fits after that slot. If shorter jobs overtook
    // it each time, it would never start.
    let is_near = |job: &&Job| !may_start(job) && delta(job.expected) <= MOST_DELAY;
    if background().min_by_key(order).is_some_and(|job| is_near(&job)) {
        return None;
    }
    let next = background().filter(may_start).min_by_key(order)?;
    // A job that does not fit waits for LONGEST_WAIT, and the others wait with it: shorter jobs that overtake it would
    // restart that wait each time.
    let fits = context.has_spare || delay(next) <= TimeDelta::zero();
    (fits || has_waited(context.last_background)).then_some(next)
}

/// The longest expected duration; a date further ahead cannot be stored.
const LONGEST: TimeDelta = TimeDelta::days(3650);

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).map_or(LONGEST, |delta| delta.min(LONGEST))
}
