//! One stream's days, for people.

use crate::coverage::Completeness;
use crate::job::{Job, JobState, Slice};
use crate::ledger::Ledger;
use crate::rules::Rules;
use crate::window::Window;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use utoipa::ToSchema;

/// One day of one stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// As the account's clocks have it.
    pub day: NaiveDate,
    /// How much it can be trusted.
    pub state: Completeness,
    /// Why it is not final, where there is more to say than that.
    pub reason: Option<String>,
}

/// How many days stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayCounts {
    /// Days that equal what the vendor holds.
    pub r#final: u64,
    /// Days that are held and may still change.
    pub provisional: u64,
    /// Days of which a part was never answered in full.
    pub missing: u64,
    /// Days of which a part waits for a person.
    pub blocked: u64,
}

/// One stream, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What is known of it.
    pub ledger: &'a Ledger,
    /// The account's rules.
    pub rules: &'a Rules,
    /// Where its days begin and end.
    pub zone: Tz,
    /// The time.
    pub now: DateTime<Utc>,
    /// The instant up to which live work should have asked.
    pub due: DateTime<Utc>,
}

/// How long before the vendor forgets a day people are told that it is still missing.
pub const WARNING: TimeDelta = TimeDelta::days(7);

/// The days from `first` to `last`, both included.
#[must_use]
pub fn days(view: View<'_>, first: NaiveDate, last: NaiveDate) -> Vec<Day> {
    let (blocked, known) = (view.ledger.blocked(), view.ledger.known());
    first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter_map(|day| {
            let window = Window::of_day(day, view.zone)?;
            let needed = view.needed(window);
            let state = match known.completeness(needed, &blocked, view.due) {
                Completeness::Missing if view.forgotten(needed).is_some() => Completeness::Blocked,
                state => state,
            };
            Some(Day { day, state, reason: view.reason(window, state) })
        })
        .collect()
}

/// The days that are missing and that the vendor will soon have forgotten: in less than [`WARNING`] from now.
#[must_use]
pub fn at_risk(view: View<'_>, first: NaiveDate) -> Vec<NaiveDate> {
    let Some(oldest) = view.rules.oldest(view.now) else { return Vec::new() };
    let last = (oldest + WARNING).with_timezone(&view.zone).date_naive();
    let later = View { now: view.now + WARNING, ..view };
    let is_forgotten = |day: &Day| {
        Window::of_day(day.day, view.zone).is_some_and(|window| later.forgotten(later.needed(window)).is_some())
    };
    let missing =
        days(view, first, last).into_iter().filter(|day| day.state == Completeness::Missing && is_forgotten(day));
    missing.map(|day| day.day).collect()
}

/// Counts them.
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

impl View<'_> {
    /// What must be held for all of `day`: the vendor may file some of it later.
    fn needed(&self, day: Window) -> Window {
        Window::new(day.from(), day.to() + self.rules.late_filing).unwrap_or(day)
    }

    /// What of `needed` is not held and cannot be asked for any more.
    fn forgotten(&self, needed: Window) -> Option<Window> {
        let past = Window::new(needed.from(), needed.to().min(self.rules.oldest(self.now)?))?;
        self.ledger.coverage.held().gaps(past).first().copied()
    }

    fn reason(&self, day: Window, state: Completeness) -> Option<String> {
        let needed = self.needed(day);
        match state {
            Completeness::Final => None,
            Completeness::Provisional => Some(self.why_provisional(day, needed)),
            Completeness::Blocked => self.why_blocked(needed),
            Completeness::Missing => Some(self.why_missing(needed)),
        }
    }

    fn why_provisional(&self, day: Window, needed: Window) -> String {
        match self.ledger.coverage.held().gaps(needed).first() {
            Some(gap) if !self.rules.late_filing.is_zero() => {
                format!("waits for the file of {}; a day is complete with its own file and the next", file_of(*gap))
            }
            _ if day.to() > self.due => "not over yet".to_owned(),
            _ => "answers may still change".to_owned(),
        }
    }

    fn why_blocked(&self, needed: Window) -> Option<String> {
        let parked = self.touching(needed).find_map(|job| match &job.state {
            JobState::Parked { reason } => Some(reason.clone()),
            JobState::Waiting | JobState::Dispatched { .. } | JobState::Running { .. } | JobState::Awaiting { .. } => {
                None
            }
        });
        parked.or_else(|| {
            let kept = self.rules.retention?.num_days();
            Some(format!("never held, and older than the {kept} days that the vendor keeps"))
        })
    }

    fn why_missing(&self, needed: Window) -> String {
        let asked = match self.touching(needed).max_by_key(|job| (job.is_awaiting(self.now), job.failures)) {
            Some(job) if job.is_awaiting(self.now) && job.is_taken() => "a mailed export is on its way".to_owned(),
            Some(job) if job.is_awaiting(self.now) => "the vendor is busy with another export".to_owned(),
            Some(job) if job.failures == 1 => "asked once without an answer".to_owned(),
            Some(job) if job.failures > 0 => format!("asked {} times without an answer", job.failures),
            Some(job) if matches!(job.slice, Slice::Export(_)) => {
                "too much for one answer; waits for a mailed export".to_owned()
            }
            Some(_) => "being asked for".to_owned(),
            None => "never asked for".to_owned(),
        };
        match self.ledger.coverage.held().gaps(needed).first() {
            Some(gap) if !self.rules.late_filing.is_zero() => {
                format!("the file of {} is missing: {asked}", file_of(*gap))
            }
            _ => asked,
        }
    }

    fn touching(&self, window: Window) -> impl Iterator<Item = &Job> {
        let touches = move |job: &&Job| job.concerns().is_some_and(|of| of.intersect(&window).is_some());
        self.ledger.jobs.iter().filter(touches)
    }
}

/// The name of the file that begins a gap: the vendor's days are those of UTC.
fn file_of(gap: Window) -> NaiveDate {
    gap.from().date_naive()
}
