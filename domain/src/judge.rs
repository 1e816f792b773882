//! What came back → what follows.

use crate::backoff;
use crate::fault::Fault;
use crate::job::{Job, Purpose, Slice};
use crate::lane::Closing;
use crate::rules::Rules;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What follows for the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answered in full: its window is held.
    Commit,
    /// Stored, but may still change: ask again then; not covered.
    Recheck(DateTime<Utc>),
    /// Too much for one answer: ask for its halves.
    Split,
    /// Too much for any answer: ask by the way that is meant for much.
    Export,
    /// Taken; the answer comes by mail. Ask again then, if it has not come.
    Await(DateTime<Utc>),
    /// Not now; that is no failure.
    Snooze(DateTime<Utc>),
    /// Failed; again then.
    Retry(DateTime<Utc>),
    /// A person must act.
    Park(String),
}

impl Verdict {
    /// One word for spans and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Recheck(_) => "recheck",
            Self::Split => "split",
            Self::Export => "export",
            Self::Await(_) => "await",
            Self::Snooze(_) => "snooze",
            Self::Retry(_) => "retry",
            Self::Park(_) => "park",
        }
    }
}

/// What follows for the job and for its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// For the job.
    pub verdict: Verdict,
    /// Where the lane must be shut for all workers.
    pub closing: Option<Closing>,
}

/// An answer that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How many rows the vendor sent, kept aside ones included.
    pub rows: u64,
    /// How many of them could not be read and were kept aside.
    pub rejects: u64,
    /// Whether the rows are still to come, by mail.
    pub awaited: bool,
    /// Until when what they tell may still change, where it is not at its end.
    pub open: Option<DateTime<Utc>>,
}

/// What a judgement depends on besides the answer.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// The time.
    pub now: DateTime<Utc>,
    /// When a spent daily quota is filled again: midnight where the vendor is.
    pub next_day: DateTime<Utc>,
    /// In `[0, 1)`.
    pub jitter: f64,
    /// Whether the vendor has answered the question before this one, whichever that was.
    pub others_answer: bool,
}

/// How often an unreadable answer for a past window is asked for again before a person is called.
const UNREADABLE: u32 = 8;
/// How often a window with rows kept aside is read again before a person is called.
const RECHECKS: u32 = 3;
/// The longest wait before what is not at its end is asked for again.
const PENDING: Duration = Duration::from_hours(1);
/// How often an export is asked for whose mail never comes, before a person is called.
const EXPORTS: u32 = 3;
/// The narrowest window that is cut because it failed, rather than because it was full: a vendor that is down must
/// not turn one job into thousands.
const NARROW: TimeDelta = TimeDelta::hours(1);

/// The longest wait there is.
const YEAR: TimeDelta = TimeDelta::days(365);

/// Decides. A full answer is never a commit; a throttle is never undercut.
#[must_use]
pub fn judge(rules: &Rules, job: &Job, heard: Result<&Answer, &Fault>, at: Circumstances) -> Judgement {
    match heard {
        Ok(answer) => Judgement { verdict: judge_answer(rules, job, *answer, at), closing: None },
        Err(fault) => judge_fault(rules, job, fault, at),
    }
}

fn judge_answer(rules: &Rules, job: &Job, answer: Answer, at: Circumstances) -> Verdict {
    if answer.awaited {
        return match rules.export {
            Some(export) if job.rechecks < EXPORTS => Verdict::Await(at.now + delta(export.patience)),
            _ => Verdict::Park(format!("asked {EXPORTS} times for a mailed export, and none has come")),
        };
    }
    if !job.has_ended && answer.open.is_some_and(|until| at.now < until) {
        let wait = rules.pending.saturating_mul(1 << job.rechecks.min(10)).min(PENDING.max(rules.pending));
        return Verdict::Recheck(at.now + delta(wait));
    }
    if job.is_forgotten(rules.oldest(at.now)) {
        // Whoever is asked for what it no longer keeps answers with what is left. The next plan jobs what can be had.
        return Verdict::Snooze(at.now + delta(rules.retry_min));
    }
    if let Slice::Window(window) = job.slice
        && answer.rows >= rules.row_cap
    {
        return match rules.halves(window) {
            Some(_) => Verdict::Split,
            None if rules.export.is_some() => Verdict::Export,
            None => {
                Verdict::Park(format!("the finest window holds {} rows or more, the cap of one answer", rules.row_cap))
            }
        };
    }
    if answer.rejects > 0 {
        if job.rechecks >= RECHECKS && is_wide(rules, job) {
            // What cannot be read is hemmed in, so that it blocks an hour and not the live sync.
            return Verdict::Split;
        }
        if job.rechecks >= RECHECKS {
            return Verdict::Park(format!("{} rows could not be read; see the table rejects", answer.rejects));
        }
        return Verdict::Recheck(at.now + delta(rules.refresh));
    }
    Verdict::Commit
}

fn judge_fault(rules: &Rules, job: &Job, fault: &Fault, at: Circumstances) -> Judgement {
    let later = |failures| at.now + delta(backoff::delay(failures, rules.retry_min, rules.retry_max, at.jitter));
    let shut = |until: DateTime<Utc>| Judgement {
        verdict: Verdict::Snooze(until),
        closing: Some(Closing { until: Some(until), reason: fault.to_string() }),
    };
    let verdict_only = |verdict| Judgement { verdict, closing: None };
    match fault {
        // Without a stated wait, as long as after a third failure.
        Fault::Throttled { retry_after, .. } => {
            shut(retry_after.map_or(later(3), |wait| at.now + delta(wait.max(rules.retry_min))))
        }
        Fault::QuotaSpent(_) => shut(at.next_day.max(at.now)),
        // The one that the vendor works on may be ours: asked for by a process that died before it could note it.
        Fault::Busy(_) => verdict_only(match rules.export {
            Some(export) => Verdict::Await(at.now + delta(export.busy_retry)),
            None => Verdict::Retry(later(job.failures + 1)),
        }),
        Fault::Maintenance(_) => shut(at.now + delta(rules.maintenance_pause)),
        Fault::Unauthorised(_) => Judgement {
            verdict: Verdict::Snooze(at.now),
            closing: Some(Closing { until: None, reason: fault.to_string() }),
        },
        Fault::TimedOut(_) | Fault::Malformed(_) if is_worth_splitting(rules, job) => verdict_only(Verdict::Split),
        Fault::Malformed(text) if job.purpose != Purpose::Live && job.failures >= UNREADABLE => {
            verdict_only(Verdict::Park(format!("unreadable {} times: {text}", job.failures + 1)))
        }
        // A vendor that is down comes back by itself. Not so one thing that fails while others are answered.
        Fault::Unreachable(_) | Fault::TimedOut(_) if is_alone(job, at) => verdict_only(Verdict::Park(format!(
            "failed {} times, while other questions are answered: {fault}",
            job.failures + 1
        ))),
        Fault::Unreachable(_) | Fault::TimedOut(_) | Fault::Malformed(_) => {
            verdict_only(Verdict::Retry(later(job.failures + 1)))
        }
        Fault::Refused(text) => verdict_only(Verdict::Park(text.clone())),
    }
}

/// Whether it fails and fails, and nothing else does.
fn is_alone(job: &Job, at: Circumstances) -> bool {
    job.slice.is_named() && job.failures >= UNREADABLE && at.others_answer
}

/// A window that keeps failing may hold too much: after a second failure its halves are tried.
fn is_worth_splitting(rules: &Rules, job: &Job) -> bool {
    job.failures > 0 && is_wide(rules, job)
}

fn is_wide(rules: &Rules, job: &Job) -> bool {
    let Slice::Window(window) = job.slice else { return false };
    rules.halves(window).is_some_and(|(older, _)| rules.expand(older).span() >= NARROW)
}

/// A vendor may ask for any wait; more than a year is no date that could be stored.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).map_or(YEAR, |delta| delta.min(YEAR))
}
