//! The days of one stream, as operators see them.

use crate::coverage::Completeness;
use crate::item_backlog::ItemCounts;
use crate::job::{Job, JobState};
use crate::ledger::Ledger;
use crate::reopening::Reopening;
use crate::rules::Rules;
use crate::slice::Slice;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use std::fmt;
use utoipa::ToSchema;

/// One day of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The date in the account's time zone.
    pub day: NaiveDate,
    /// How complete the day is.
    pub state: Completeness,
    /// Why the day is not final.
    pub reason: Option<String>,
}

/// The number of days in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayCounts {
    /// Days that equal what the vendor holds.
    pub r#final: u64,
    /// Days that are held and may still change.
    pub provisional: u64,
    /// Days of which a part was never answered in full.
    pub missing: u64,
    /// Days of which a part waits for an operator.
    pub blocked: u64,
}

/// The inputs of a report on one stream's days.
#[derive(Clone, Copy, Debug)]
pub struct DaysView<'a> {
    /// The stream's ledger.
    pub ledger: &'a Ledger,
    /// The account's rules in force.
    pub rules: &'a Rules,
    /// The account's time zone, in which days begin and end.
    pub zone: Tz,
    /// The instant of the report.
    pub now: DateTime<Utc>,
    /// The instant up to which the live sync should have fetched by now.
    pub due: DateTime<Utc>,
}

/// How long before the vendor deletes a missing day operators are warned.
pub const EXPIRY_WARNING: TimeDelta = TimeDelta::days(7);

/// The days from `first` to `last`, both included, oldest first. A day that has not begun is missing, whatever the ledger
/// holds: no answer can prove it, and a clock that was ahead may have left one.
#[must_use]
pub fn days(view: DaysView<'_>, first: NaiveDate, last: NaiveDate) -> Vec<Day> {
    let (blocked, known) = (view.ledger.blocked(), view.ledger.effective_coverage());
    first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter_map(|day| {
            let window = Window::of_day(day, view.zone)?;
            if window.from() > view.now {
                let reason = Some("the day has not begun".to_owned());
                return Some(Day { day, state: Completeness::Missing, reason });
            }
            let needed = view.needed(window);
            let state = match known.completeness(needed, &blocked, view.due) {
                Completeness::Missing if view.expired(needed).is_some() => Completeness::Blocked,
                // A clock that was ahead may have left an answer about the rest of the day.
                Completeness::Final if window.to() > view.now => Completeness::Provisional,
                state => state,
            };
            Some(Day { day, state, reason: view.reason(window, state) })
        })
        .collect()
}

/// The missing days that the vendor deletes within [`EXPIRY_WARNING`] from now, oldest first.
#[must_use]
pub fn expiring_days(view: DaysView<'_>, first: NaiveDate) -> Vec<NaiveDate> {
    let Some(oldest) = view.rules.oldest(view.now) else { return Vec::new() };
    let last = (oldest + EXPIRY_WARNING).with_timezone(&view.zone).date_naive();
    let later = DaysView { now: view.now + EXPIRY_WARNING, ..view };
    let expires = |day: &Day| {
        Window::of_day(day.day, view.zone).is_some_and(|window| later.expired(later.needed(window)).is_some())
    };
    let missing = days(view, first, last).into_iter().filter(|day| day.state == Completeness::Missing && expires(day));
    missing.map(|day| day.day).collect()
}

/// The days of a stream that wait for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedDays {
    /// The oldest of them.
    pub first: NaiveDate,
    /// How many there are.
    pub count: u64,
    /// Why the oldest is blocked.
    pub cause: String,
    /// Whether a job of the oldest is parked, so that a retry may complete the day.
    pub is_parked: bool,
}

impl fmt::Display for BlockedDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "{} is blocked: {}", self.first, self.cause),
            count => write!(f, "{count} days from {} on are blocked: {}", self.first, self.cause),
        }
    }
}

/// The blocked ones of `days`; `None` if no day is blocked.
#[must_use]
pub fn blocked_days(view: DaysView<'_>, days: &[Day]) -> Option<BlockedDays> {
    let mut blocked = days.iter().filter(|day| day.state == Completeness::Blocked);
    let first = blocked.next()?;
    let needed = Window::of_day(first.day, view.zone).map(|window| view.needed(window));
    let is_parked = view.ledger.blocked().iter().any(|stop| needed.is_some_and(|day| stop.intersect(&day).is_some()));
    let cause = first.reason.clone().unwrap_or_else(|| "no reason is stored".to_owned());
    Some(BlockedDays { first: first.day, count: 1 + blocked.count() as u64, cause, is_parked })
}

/// The days before the start of the live sync at `since` that are not held although older ones are, and that no backfill or
/// job covers: each range by its first and last day, newest first. Days that the vendor no longer keeps are left out.
#[must_use]
pub fn unordered_days(view: DaysView<'_>, since: DateTime<Utc>) -> Vec<(NaiveDate, NaiveDate)> {
    let held = view.ledger.coverage.held();
    let oldest = view.rules.oldest(view.now).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let Some(span) = held.windows().first().and_then(|first| Window::new(first.from().max(oldest), since)) else {
        return Vec::new();
    };
    let backfills = view.ledger.backfills.iter().map(|backfill| backfill.window);
    let ordered = backfills.chain(view.ledger.jobs.iter().filter_map(Job::covered_window));
    let gaps = span.minus(held.windows().iter().copied().chain(ordered));
    let range = |gap: &Window| (view.date_of(gap.from()), view.date_of(gap.to() - TimeDelta::milliseconds(1)));
    gaps.iter().rev().map(range).collect()
}

/// Gives the days that requests can still complete the reason why none is sent: the lane is closed, whatever is planned.
pub fn explain_closed_lane(days: &mut [Day], view: DaysView<'_>, reason: &str) {
    for day in days.iter_mut().filter(|day| day.state == Completeness::Missing) {
        if Window::of_day(day.day, view.zone).is_some_and(|window| window.from() <= view.now) {
            day.reason = Some(reason.to_owned());
        }
    }
}

/// Counts the days in each state.
#[must_use]
pub fn count<'a>(days: impl IntoIterator<Item = &'a Day>) -> DayCounts {
    days.into_iter().fold(DayCounts::default(), |mut counts, day| {
        match day.state {
            Completeness::Final => counts.r#final += 1,
            Completeness::Provisional => counts.provisional += 1,
            Completeness::Missing => counts.missing += 1,
            Completeness::Blocked => counts.blocked += 1,
        }
        counts
    })
}

impl DayCounts {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            r#final: self.r#final + other.r#final,
            provisional: self.provisional + other.provisional,
            missing: self.missing + other.missing,
            blocked: self.blocked + other.blocked,
        }
    }
}

impl DaysView<'_> {
    /// The date of `at` in the account's time zone.
    #[must_use]
    pub fn date_of(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }

    /// The window that must be held for `day` to be complete: the day, and the span in which the vendor may file late
    /// rows.
    fn needed(&self, day: Window) -> Window {
        self.rules.with_late_filing(day)
    }

    /// The first part of `needed` that is not held and that the vendor no longer keeps.
    fn expired(&self, needed: Window) -> Option<Window> {
        let past = Window::new(needed.from(), needed.to().min(self.rules.oldest(self.now)?))?;
        self.ledger.coverage.held().gaps(past).first().copied()
    }

    /// Why the day has this state, in one sentence for operators.
    fn reason(&self, day: Window, state: Completeness) -> Option<String> {
        let needed = self.needed(day);
        match state {
            Completeness::Final => None,
            Completeness::Provisional => Some(self.why_provisional(day, needed)),
            Completeness::Blocked => self.why_blocked(needed),
            Completeness::Missing => Some(self.why_missing(day, needed)),
        }
    }

    fn why_provisional(&self, day: Window, needed: Window) -> String {
        match self.ledger.coverage.held().gaps(needed).first() {
            Some(gap) if !self.rules.late_filing.is_zero() => {
                format!("waits for the file of {}; a day needs its own file and the next one", file_of(*gap))
            }
            _ if day.to() > self.due => "the day is not over yet".to_owned(),
            _ if let Some(reopening) = self.reopening(day) => reopening.reason(),
            _ => match self.items_in(needed).open {
                0 => "stored in full; the vendor may still change rows".to_owned(),
                open => format!("{} of the day may still change", items(open)),
            },
        }
    }

    /// The latest reopening of `day`.
    fn reopening(&self, day: Window) -> Option<&Reopening> {
        let date = day.from().with_timezone(&self.zone).date_naive();
        self.ledger.reopenings.iter().find(|reopening| reopening.day == date)
    }

    fn why_blocked(&self, needed: Window) -> Option<String> {
        let parked = self.jobs_in(needed).find_map(|job| match &job.state {
            JobState::Parked { reason } => Some(reason.clone()),
            JobState::Waiting | JobState::Dispatched { .. } | JobState::Running { .. } | JobState::Awaiting { .. } => {
                None
            }
        });
        let items_parked = self.items_in(needed).parked;
        let parked = parked.or_else(|| {
            (items_parked > 0).then(|| format!("{} of the day could not be fetched; see the jobs", items(items_parked)))
        });
        parked.or_else(|| {
            let kept = self.rules.retention?.num_days();
            Some(format!("never fetched, and older than the {kept} days that the vendor keeps, so it is lost there"))
        })
    }

    fn why_missing(&self, day: Window, needed: Window) -> String {
        let cause = self.what_is_missing(needed);
        match self.reopening(day).and_then(Reopening::revocation) {
            Some(revocation) => format!("{revocation}; {cause}"),
            None => cause,
        }
    }

    fn what_is_missing(&self, needed: Window) -> String {
        let cause = match self.jobs_in(needed).max_by_key(|job| (job.awaits_mail(self.now), job.failures)) {
            Some(job) if job.awaits_mail(self.now) && job.is_accepted_export() => {
                "the vendor accepted the export; its mail has not arrived yet".to_owned()
            }
            Some(job) if job.awaits_mail(self.now) => {
                "the vendor is busy with another export; the request is repeated later".to_owned()
            }
            Some(job) if job.failures == 1 => "1 request failed; the worker will retry".to_owned(),
            Some(job) if job.failures > 0 => format!("{} requests failed; the worker will retry", job.failures),
            Some(job) if matches!(job.slice, Slice::Window(_)) && job.rechecks > 0 => format!(
                "the last answer was empty, or had rows that could not be parsed; the worker asks again at {}",
                job.due.format("%Y-%m-%d %H:%M UTC")
            ),
            Some(job) if matches!(job.slice, Slice::Export(_)) => {
                "too many rows for one answer; an export by mail is planned".to_owned()
            }
            other => {
                let counts = self.items_in(needed);
                match (counts.unread, other) {
                    (0, Some(_)) => "a request is planned or running".to_owned(),
                    (0, None) => "not requested yet".to_owned(),
                    (unread, _) if counts.failures > 0 => {
                        format!("{}, and some requests failed; the worker will retry", waiting_items(unread))
                    }
                    (unread, _) => waiting_items(unread),
                }
            }
        };
        match self.ledger.coverage.held().gaps(needed).first() {
            Some(gap) if !self.rules.late_filing.is_zero() => {
                format!("the file of {} is missing: {cause}", file_of(*gap))
            }
            _ => cause,
        }
    }

    /// The open items that began in `window`.
    fn items_in(&self, window: Window) -> ItemCounts {
        self.ledger.items.within(window)
    }

    /// The open jobs that report on a part of `window`.
    fn jobs_in(&self, window: Window) -> impl Iterator<Item = &Job> {
        let touches =
            move |job: &&Job| job.covered_window().is_some_and(|covered| covered.intersect(&window).is_some());
        self.ledger.jobs.iter().filter(touches)
    }
}

fn waiting_items(count: u64) -> String {
    if count == 1 {
        "1 item of the day waits for its fetch".to_owned()
    } else {
        format!("{count} items of the day wait for their fetch")
    }
}

fn items(count: u64) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

/// The date of the vendor's file that begins a gap. The vendor's days are UTC days.
fn file_of(gap: Window) -> NaiveDate {
    gap.from().date_naive()
}
