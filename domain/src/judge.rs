//! Turns the result of an exchange into a verdict on the job and, if needed, a closure of the lane.

use crate::backoff;
use crate::fault::Fault;
use crate::job::{Job, Purpose};
use crate::lane::LaneClosure;
use crate::rules::Rules;
use crate::slice::Slice;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What happens to the job next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is full: the window is held and the job ends.
    Commit,
    /// The rows are stored but do not complete the job; fetch again at this instant.
    Recheck(DateTime<Utc>),
    /// The window holds too much for one answer: fetch smaller windows.
    Split,
    /// The window holds too much for any answer: request an export by mail.
    Export,
    /// The vendor answers by mail. Request again at this instant if no mail has arrived.
    Await(DateTime<Utc>),
    /// Try again at this instant; this is not a failure.
    Snooze(DateTime<Utc>),
    /// The job failed; try again at this instant.
    Retry(DateTime<Utc>),
    /// An operator must act; the reason says how.
    Park(String),
}

impl Verdict {
    /// The word that logs and metrics use for this verdict.
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

/// What happens to the job and to its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What happens to the job.
    pub verdict: Verdict,
    /// The closure of the lane for all workers, if the fault requires one.
    pub closure: Option<LaneClosure>,
}

/// An answer that was read to its end, as the judge needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The number of rows that the vendor sent, rejected ones included.
    pub rows: u64,
    /// The number of rows that could not be parsed and were rejected.
    pub rejects: u64,
    /// Whether the vendor sends the rows later, by mail.
    pub by_mail: bool,
    /// Whether the exchange ended before the last page, because it was over its budget of pages and items.
    pub is_over_budget: bool,
    /// The last instant at which the fetched item may still change; `None` if it has ended or the job fetched no item.
    pub open_until: Option<DateTime<Utc>>,
}

/// What the judgement depends on besides the job and the answer.
#[derive(Clone, Copy, Debug)]
pub struct JudgeContext {
    /// The instant of the judgement.
    pub now: DateTime<Utc>,
    /// When a daily quota begins anew: the next midnight in the vendor's time zone.
    pub next_day: DateTime<Utc>,
    /// A random number in `[0, 1)` that spreads retries.
    pub jitter: f64,
    /// Whether the stream's previous request, of any job, was answered.
    pub previous_request_answered: bool,
    /// How many times in a row the vendor had refused the lane's credential when the request was claimed.
    pub refusals: u32,
}

/// The failures after which a job that only fails itself is parked.
const MOST_FAILURES: u32 = 8;
/// How many times a window with rejected rows is fetched again before it is split or parked.
const MOST_RECHECKS: u32 = 3;
/// The longest wait between two fetches of an open item.
const LONGEST_PENDING: Duration = Duration::from_hours(1);
/// How many times an export is requested without a mail before it is parked.
const MOST_EXPORTS: u32 = 3;
/// The wait before the newest unit is fetched again while its answer is empty.
const EMPTY_WAIT: TimeDelta = TimeDelta::hours(1);
/// The shortest half that a failing window is split into. A vendor that is down must not turn one job into thousands.
const SHORTEST_HALF: TimeDelta = TimeDelta::hours(1);

/// The longest wait; a later date cannot be stored.
const YEAR: TimeDelta = TimeDelta::days(365);

/// How long a wait that the vendor asks for is believed. A vendor that writes a wrong date or a timestamp for a number of
/// seconds would otherwise shut the lane for years; after this time one request finds out.
pub const LONGEST_BELIEVED: TimeDelta = TimeDelta::hours(1);

/// The waits before a refused credential is tried again. Gateways answer 401 for a while when a vendor deploys or rotates its
/// keys, so that a person is called only after these.
pub const REFUSAL_WAITS: [TimeDelta; 3] = [TimeDelta::minutes(1), TimeDelta::minutes(5), TimeDelta::minutes(15)];

/// Judges the result of an exchange. An answer at the row cap is never committed; a retry is never earlier than the
/// wait that the vendor asked for, up to [`LONGEST_BELIEVED`].
#[must_use]
pub fn judge(rules: &Rules, job: &Job, result: Result<&Answer, &Fault>, at: JudgeContext) -> Judgement {
    match result {
        Ok(answer) => Judgement { verdict: judge_answer(rules, job, *answer, at), closure: None },
        Err(fault) => judge_fault(rules, job, fault, at),
    }
}

fn judge_answer(rules: &Rules, job: &Job, answer: Answer, at: JudgeContext) -> Verdict {
    if answer.by_mail {
        return match rules.export {
            Some(export) if job.rechecks < MOST_EXPORTS => Verdict::Await(at.now + delta(export.patience)),
            _ => Verdict::Park(format!(
                "requested the export {MOST_EXPORTS} times and no mail arrived; check the mailbox, then retry the job"
            )),
        };
    }
    if !job.has_ended && answer.open_until.is_some_and(|until| at.now < until) {
        let wait = rules.pending.saturating_mul(1 << job.rechecks.min(10)).min(LONGEST_PENDING.max(rules.pending));
        return Verdict::Recheck(at.now + delta(wait));
    }
    if job.is_past_retention(rules.oldest(at.now)) {
        // The vendor no longer keeps all of this window and answers with the rest, which would look complete. The next
        // plan replaces the job by one for what the vendor keeps.
        return Verdict::Snooze(at.now + delta(rules.retry_min));
    }
    if answer.is_over_budget {
        // The exchange has this budget only where its window can be cut.
        return Verdict::Split;
    }
    if let Slice::Window(window) = job.slice
        && answer.rows >= rules.row_cap
    {
        return match rules.halves(window) {
            Some(_) => Verdict::Split,
            None if rules.export.is_some() => Verdict::Export,
            None => Verdict::Park(format!(
                "the shortest window holds {} rows or more, the most of one answer; import these rows as a file",
                rules.row_cap
            )),
        };
    }
    let next_unit = next_unit_published(rules, job).filter(|published| at.now < *published);
    if answer.rejects > 0 {
        // The rechecks of a newest unit were for empty answers.
        let is_last = job.rechecks >= MOST_RECHECKS && next_unit.is_none();
        if is_last && can_halve(rules, job) {
            // Splitting confines the unreadable rows, so that they block an hour and not the live sync.
            return Verdict::Split;
        }
        if is_last {
            return Verdict::Park(format!(
                "{} rows could not be parsed; see the table rejects, then retry the job",
                answer.rejects
            ));
        }
        return Verdict::Recheck(at.now + delta(rules.refresh));
    }
    match next_unit {
        // The vendor may not have built the unit yet. Once it has built the next one, an empty answer is believed.
        Some(published) if answer.rows == 0 => Verdict::Recheck(published.min(at.now + EMPTY_WAIT)),
        _ => Verdict::Commit,
    }
}

/// When the vendor publishes the unit after the job's window; `None` if the vendor does not publish whole units.
fn next_unit_published(rules: &Rules, job: &Job) -> Option<DateTime<Utc>> {
    let Slice::Window(window) = job.slice else { return None };
    Some(rules.ceil(window.to()) + rules.granularity + rules.ready_after?)
}

fn judge_fault(rules: &Rules, job: &Job, fault: &Fault, at: JudgeContext) -> Judgement {
    let later = |failures| at.now + delta(backoff::delay(failures, rules.retry_min, rules.retry_max, at.jitter));
    let close = |until: DateTime<Utc>| Judgement {
        verdict: Verdict::Snooze(until),
        closure: Some(LaneClosure { until: Some(until), reason: fault.to_string() }),
    };
    let verdict_only = |verdict| Judgement { verdict, closure: None };
    match fault {
        // Without a stated wait, the delay of a third failure.
        Fault::Throttled { retry_after: None, .. } => close(later(3)),
        Fault::Throttled { retry_after: Some(wait), .. } => close_as_asked(rules, *wait, fault, at.now),
        // The vendor counts anew each midnight, as it documents. Until then each request would be one over the quota.
        Fault::QuotaSpent(_) => close(at.next_day.max(at.now)),
        // The vendor's present export may be this one: a worker may have requested it and crashed before storing that.
        Fault::Busy(_) => verdict_only(match rules.export {
            Some(export) => Verdict::Await(at.now + delta(export.busy_retry)),
            None => Verdict::Retry(later(job.failures + 1)),
        }),
        Fault::Maintenance(_) => close(at.now + delta(rules.maintenance_pause)),
        Fault::Unauthorised(_) => match REFUSAL_WAITS.get(usize::try_from(at.refusals).unwrap_or(usize::MAX)) {
            Some(wait) => close(at.now + *wait),
            None => Judgement {
                verdict: Verdict::Snooze(at.now),
                closure: Some(LaneClosure { until: None, reason: fault.to_string() }),
            },
        },
        Fault::TooLarge(_) if can_halve(rules, job) => verdict_only(Verdict::Split),
        // The window of the live sync grows until it can be split, which 8 attempts give time for.
        Fault::TooLarge(text) if job.purpose != Purpose::Live || job.failures >= MOST_FAILURES => {
            verdict_only(Verdict::Park(format!("the vendor's answer is over a limit of size: {text}")))
        }
        Fault::TimedOut(_) | Fault::Malformed(_) if is_worth_splitting(rules, job) => verdict_only(Verdict::Split),
        Fault::Malformed(text) if job.purpose != Purpose::Live && job.failures >= MOST_FAILURES => {
            verdict_only(Verdict::Park(format!("the answer could not be parsed {} times: {text}", job.failures + 1)))
        }
        // Never in parts: a part of few rows may lack all of them and be believed, and all parts together would then lack what
        // the whole answer was doubted for.
        Fault::Incomplete(text) if job.purpose != Purpose::Live && job.failures >= MOST_FAILURES => {
            verdict_only(Verdict::Park(format!("{} times in a row: {text}", job.failures + 1)))
        }
        // A vendor that is down comes back by itself. An item that fails while others are answered does not.
        Fault::Unreachable(_) | Fault::TimedOut(_) if fails_alone(job, at) => verdict_only(Verdict::Park(format!(
            "failed {} times while the vendor answered other requests: {fault}",
            job.failures + 1
        ))),
        Fault::Unreachable(_)
        | Fault::TimedOut(_)
        | Fault::Malformed(_)
        | Fault::Incomplete(_)
        | Fault::TooLarge(_)
        | Fault::Database(_) => verdict_only(Verdict::Retry(later(job.failures + 1))),
        Fault::Refused(text) => verdict_only(Verdict::Park(text.clone())),
    }
}

/// Closes the lane for the wait that the vendor asks for, or until a request probes a wait that is too long to believe. The
/// reason then tells both instants apart.
fn close_as_asked(rules: &Rules, wait: Duration, fault: &Fault, now: DateTime<Utc>) -> Judgement {
    let asked = now + delta(wait);
    let until = asked.min(now + LONGEST_BELIEVED).max(now + delta(rules.retry_min));
    let reason = if asked > until {
        format!(
            "{fault}; the vendor asks to wait until {}, and one request probes it earlier",
            asked.format("%Y-%m-%d %H:%M UTC")
        )
    } else {
        fault.to_string()
    };
    Judgement { verdict: Verdict::Snooze(until), closure: Some(LaneClosure { until: Some(until), reason }) }
}

/// Whether an item or partition fails repeatedly while the vendor answers other requests.
fn fails_alone(job: &Job, at: JudgeContext) -> bool {
    job.slice.is_named() && job.failures >= MOST_FAILURES && at.previous_request_answered
}

/// Whether to fetch a failing window in halves: after its second failure, since it may hold too much for one answer.
fn is_worth_splitting(rules: &Rules, job: &Job) -> bool {
    job.failures > 0 && can_halve(rules, job)
}

/// Whether the halves of the job's window are long enough to split it without being full.
fn can_halve(rules: &Rules, job: &Job) -> bool {
    let Slice::Window(window) = job.slice else { return false };
    rules.halves(window).is_some_and(|(older, _)| rules.expand(older).span() >= SHORTEST_HALF)
}

/// The duration as a `TimeDelta`, at most a year: a vendor may state any wait, and later dates cannot be stored.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).map_or(YEAR, |delta| delta.min(YEAR))
}
