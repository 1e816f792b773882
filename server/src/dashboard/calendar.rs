//! The coverage calendar of an account: its last weeks, one cell per day, and a list of its gaps.

use super::format;
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::coverage::Completeness;
use domain::days::{Day, DaysView, days, unordered_days};
use domain::job::Job;
use domain::window::Window;
use maud::{Markup, html};

/// The number of weeks shown; the last is the current one.
const WEEKS: u64 = 5;
/// The word for a day that neither the live sync nor a backfill covers although older days are held.
const NEVER_REQUESTED: &str = "never requested";
/// The most gaps that are listed below the calendar.
const MAX_GAPS_LISTED: usize = 4;

/// The last weeks over all streams of an account.
#[derive(Debug)]
pub(crate) struct Calendar {
    /// The account's time zone.
    pub(crate) zone: Tz,
    /// The start of the span that the live sync must cover.
    pub(crate) since: DateTime<Utc>,
    /// From a Monday to today.
    cells: Vec<Cell>,
}

/// One day.
#[derive(Debug)]
struct Cell {
    day: NaiveDate,
    /// The lowest completeness of any stream; `None` where no stream has to cover the day.
    completeness: Option<Completeness>,
    /// Whether a stream holds older days, and neither its live sync nor a backfill covers this one.
    is_unordered: bool,
    reasons: Vec<String>,
}

/// Consecutive days that are missing or blocked for the same reason.
#[derive(Debug, PartialEq, Eq)]
struct Gap {
    first: NaiveDate,
    last: NaiveDate,
    completeness: Completeness,
    reason: String,
}

impl Calendar {
    /// A calendar of `WEEKS` weeks up to `now`, without streams.
    pub(crate) fn new(zone: Tz, now: DateTime<Utc>) -> Self {
        let today = now.with_timezone(&zone).date_naive();
        let days_back = u64::from(today.weekday().num_days_from_monday()) + (WEEKS - 1) * 7;
        let first = today.checked_sub_days(Days::new(days_back)).unwrap_or(today);
        let cell = |day| Cell { day, completeness: None, is_unordered: false, reasons: Vec::new() };
        Self { zone, since: now, cells: first.iter_days().take_while(|day| *day <= today).map(cell).collect() }
    }

    /// Adds a stream whose live sync must cover everything from `since` on. Reasons begin with `label` where there is one.
    pub(crate) fn add_stream(&mut self, label: Option<&str>, view: DaysView<'_>, since: DateTime<Utc>) {
        self.since = self.since.min(since);
        let (Some(first), Some(last)) = (self.cells.first(), self.cells.last()) else { return };
        let found = days(view, first.day, last.day);
        for (cell, day) in self.cells.iter_mut().zip(found) {
            let Some(window) = Window::of_day(day.day, self.zone) else { continue };
            if matches!(day.state, Completeness::Final | Completeness::Provisional) || is_requested(view, window, since)
            {
                cell.add(label, day);
            }
        }
        for (first, last) in unordered_days(view, since) {
            for cell in self.cells.iter_mut().filter(|cell| (first..=last).contains(&cell.day)) {
                cell.is_unordered = true;
            }
        }
    }

    /// Gives the missing days the reason why no request is sent for them.
    pub(crate) fn close_lane(&mut self, reason: &str) {
        for cell in self.cells.iter_mut().filter(|cell| cell.completeness == Some(Completeness::Missing)) {
            cell.reasons = vec![reason.to_owned()];
        }
    }

    /// The number of days in each state, each day with the state of its cell.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 5] {
        let states = ["final", "provisional", "missing", "blocked", NEVER_REQUESTED];
        states.map(|state| (state, self.cells.iter().filter(|cell| cell.state() == Some(state)).count() as u64))
    }

    /// The cells week by week, and the newest gaps in words.
    pub(crate) fn render(&self) -> Markup {
        let gaps = self.gaps();
        html! {
            div.weeks {
                @for week in self.cells.chunks(7) { (render_week(week)) }
            }
            @if !gaps.is_empty() {
                ul.gaps {
                    @for gap in gaps.iter().rev().take(MAX_GAPS_LISTED) {
                        li {
                            i class=(cell_class(Some(gap.completeness.as_str()))) {}
                            b { (format::day_range(gap.first, gap.last)) } " " (gap.completeness.as_str())
                            @if !gap.reason.is_empty() { ": " (gap.reason) }
                        }
                    }
                    @if gaps.len() > MAX_GAPS_LISTED {
                        li { "and " (gaps.len() - MAX_GAPS_LISTED) " more" }
                    }
                }
            }
        }
    }

    /// The missing and blocked days, oldest first.
    fn gaps(&self) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        for cell in &self.cells {
            let Some(completeness) =
                cell.completeness.filter(|state| matches!(state, Completeness::Missing | Completeness::Blocked))
            else {
                continue;
            };
            let reason = cell.reasons.join("; ");
            match gaps.last_mut() {
                Some(gap)
                    if gap.last.succ_opt() == Some(cell.day)
                        && gap.completeness == completeness
                        && gap.reason == reason =>
                {
                    gap.last = cell.day;
                }
                _ => gaps.push(Gap { first: cell.day, last: cell.day, completeness, reason }),
            }
        }
        gaps
    }
}

impl Cell {
    fn add(&mut self, label: Option<&str>, day: Day) {
        self.completeness = Some(self.completeness.map_or(day.state, |completeness| completeness.min(day.state)));
        let reason = day.reason.filter(|_| day.state != Completeness::Final);
        self.reasons.extend(reason.map(|reason| match label {
            Some(label) => format!("{label} {}: {reason}", day.state.as_str()),
            None => reason,
        }));
    }

    fn render(&self) -> Markup {
        let state = match self.state() {
            Some(NEVER_REQUESTED) => "never requested: between held days and the live sync",
            state => state.unwrap_or("not requested: before the live sync begins"),
        };
        let mut description = format!("{}: {state}", self.day.format("%A, %-d %B %Y"));
        if !self.reasons.is_empty() {
            description = format!("{description} ({})", self.reasons.join("; "));
        }
        html! {
            li class=(cell_class(self.state())) title=(description) {
                span.visually-hidden { (description) }
            }
        }
    }

    /// The word for the day's worst stream; `None` where no stream has to cover the day.
    fn state(&self) -> Option<&'static str> {
        match self.completeness {
            Some(state @ (Completeness::Missing | Completeness::Blocked)) => Some(state.as_str()),
            _ if self.is_unordered => Some(NEVER_REQUESTED),
            state => state.map(Completeness::as_str),
        }
    }
}

/// Explains the patterns of the cells.
pub(crate) fn legend() -> Markup {
    let entries = [
        (Some("final"), "equals what the vendor holds"),
        (Some("provisional"), "held, may still change"),
        (Some("missing"), "not held yet"),
        (Some("blocked"), "needs a person"),
        (Some(NEVER_REQUESTED), "between held days and the live sync"),
        (None, "before the live sync begins"),
    ];
    html! {
        ul.legend {
            @for (state, meaning) in entries {
                li {
                    i class=(cell_class(state)) {}
                    span { b { (state.unwrap_or("not requested")) } " " (meaning) }
                }
            }
        }
    }
}

/// Whether the live sync, a backfill or an open job asks for the day.
fn is_requested(view: DaysView<'_>, day: Window, since: DateTime<Utc>) -> bool {
    let touches_day = |job: &Job| job.slice.window().is_some_and(|window| window.intersect(&day).is_some());
    day.to() > since
        || view.ledger.backfills.iter().any(|backfill| backfill.window.intersect(&day).is_some())
        || view.ledger.jobs.iter().any(touches_day)
}

fn render_week(week: &[Cell]) -> Markup {
    html! {
        @if let Some(monday) = week.first() {
            div.week {
                span.week-start aria-hidden="true" { (format::day(monday.day)) }
                ol {
                    @for cell in week { (cell.render()) }
                }
            }
        }
    }
}

fn cell_class(state: Option<&str>) -> &'static str {
    match state {
        Some("final") => "day final",
        Some("provisional") => "day provisional",
        Some("missing") => "day missing",
        Some("blocked") => "day blocked",
        Some(_) => "day unordered",
        None => "day outside",
    }
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Cell, Gap, Job, NEVER_REQUESTED};
    use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
    use chrono_tz::America::Bogota;
    use domain::coverage::Completeness;
    use domain::days::DaysView;
    use domain::job::{JobState, Purpose};
    use domain::ledger::Ledger;
    use domain::rules::Rules;
    use domain::slice::Slice;
    use domain::window::{Window, midnight};
    use std::time::Duration;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).expect("a day of November")
    }

    fn held(first: u32, last: u32) -> Window {
        Window::new(midnight(day(first), Bogota), midnight(day(last + 1), Bogota)).expect("some days")
    }

    /// Saturday evening in Bogota, Sunday morning in UTC.
    fn now() -> DateTime<Utc> {
        midnight(day(21), Bogota) + TimeDelta::hours(20)
    }

    fn blocked(window: Window) -> Job {
        let mut job = Job::new(Purpose::Settle, Slice::Window(window), now(), Duration::ZERO);
        job.state = JobState::Parked { reason: "a single second at the cap".to_owned() };
        job
    }

    /// Typical rules; the tests depend on `retention` only.
    fn rules() -> Rules {
        let (second, minute) = (Duration::from_secs(1), Duration::from_mins(1));
        Rules {
            longest: TimeDelta::days(31),
            step: TimeDelta::seconds(1),
            granularity: TimeDelta::seconds(1),
            ready_after: None,
            late_filing: TimeDelta::zero(),
            retention: None,
            export: None,
            items_per_list: None,
            row_cap: 60_000,
            spacing: second,
            max_in_flight: 1,
            daily_quota: None,
            interval: minute,
            settle: TimeDelta::hours(48),
            refresh: minute,
            overlap: TimeDelta::hours(1),
            timeout: minute,
            lease: minute * 2,
            retry_min: second,
            retry_max: minute,
            pending: minute,
            maintenance_pause: minute,
            requests_per_second: None,
        }
    }

    #[test]
    fn shows_five_weeks_up_to_today_in_the_accounts_zone() {
        let calendar = Calendar::new(Bogota, now());
        let ends = (calendar.cells.first().map(|cell| cell.day), calendar.cells.last().map(|cell| cell.day));
        assert_eq!(ends, (NaiveDate::from_ymd_opt(2026, 10, 19), Some(day(21))));
    }

    #[test]
    fn joins_consecutive_days_into_one_gap_and_ignores_days_before_the_sync() {
        let mut ledger = Ledger::default();
        ledger.coverage.settle(held(2, 9));
        ledger.coverage.settle(held(13, 20));
        ledger.jobs.push(blocked(held(12, 12)));
        let mut calendar = Calendar::new(Bogota, now());
        let rules = rules();
        let view = DaysView { ledger: &ledger, rules: &rules, zone: Bogota, now: now(), due: now() };
        calendar.add_stream(None, view, midnight(day(2), Bogota));
        let gap =
            |first, last, completeness, reason: &str| Gap { first, last, completeness, reason: reason.to_owned() };
        assert_eq!(
            calendar.gaps(),
            [
                gap(day(10), day(11), Completeness::Missing, "not requested yet"),
                gap(day(12), day(12), Completeness::Blocked, "a single second at the cap"),
                gap(day(21), day(21), Completeness::Missing, "not requested yet"),
            ]
        );
        assert!(calendar.cells.iter().filter(|cell| cell.day < day(2)).all(|cell| cell.completeness.is_none()));
        // The same holds for days older than the vendor keeps.
        let with_retention = Rules { retention: Some(TimeDelta::days(20)), ..rules };
        let mut calendar = Calendar::new(Bogota, now());
        calendar.add_stream(None, DaysView { rules: &with_retention, ..view }, midnight(day(2), Bogota));
        assert!(calendar.cells.iter().filter(|cell| cell.day < day(2)).all(|cell| cell.completeness.is_none()));
    }

    #[test]
    fn a_hole_between_a_backfill_and_the_live_sync_is_a_gap_of_its_own() {
        let mut ledger = Ledger::default();
        ledger.coverage.settle(held(2, 4));
        ledger.coverage.settle(held(9, 19));
        ledger.coverage.hold(held(20, 20));
        let mut calendar = Calendar::new(Bogota, now());
        let rules = rules();
        let due = midnight(day(21), Bogota);
        let view = DaysView { ledger: &ledger, rules: &rules, zone: Bogota, now: now(), due };
        calendar.add_stream(None, view, midnight(day(9), Bogota));
        let state = |number| calendar.cells.iter().find(|cell| cell.day == day(number)).and_then(Cell::state);
        assert_eq!((state(1), state(4)), (None, Some("final")));
        assert!((5..=8).all(|number| state(number) == Some(NEVER_REQUESTED)));
        let counts = [("final", 14), ("provisional", 2), ("missing", 0), ("blocked", 0), (NEVER_REQUESTED, 4)];
        assert_eq!(calendar.counts(), counts, "each day once, and every day that is drawn");
    }

    #[test]
    fn shows_the_worst_stream_of_a_day() {
        let (mut complete, mut with_gap) = (Ledger::default(), Ledger::default());
        complete.coverage.settle(held(2, 20));
        with_gap.coverage.settle(held(2, 8));
        with_gap.coverage.settle(held(10, 20));
        let rules = rules();
        let mut calendar = Calendar::new(Bogota, now());
        for (label, ledger) in [("polls", &complete), ("sessions", &with_gap)] {
            let due = midnight(day(21), Bogota);
            let view = DaysView { ledger, rules: &rules, zone: Bogota, now: now(), due };
            calendar.add_stream(Some(label), view, midnight(day(2), Bogota));
        }
        let reason = "sessions missing: not requested yet".to_owned();
        assert_eq!(calendar.gaps(), [Gap { first: day(9), last: day(9), completeness: Completeness::Missing, reason }]);
    }
}
