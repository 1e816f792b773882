//! Properties of the day report, for vendors that file late, delete old rows and publish whole days.

use crate::strategies::{DAY, HOUR, any_window, at, certainly, often, ultimate, window};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::coverage::Completeness;
use domain::days::{Day, DaysView, EXPIRY_WARNING, blocked_days, days, expiring_days};
use domain::job::{Job, JobState, Purpose};
use domain::ledger::Ledger;
use domain::live_slot::slot_at;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

/// The fifty days before the tenth day of the month.
const FIRST: i64 = -40;
const LAST: i64 = 10;

fn any_zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![
        chrono_tz::UTC,
        chrono_tz::America::Bogota,
        chrono_tz::Asia::Tokyo,
        chrono_tz::Europe::Berlin,
    ])
}

/// The held and the final files, one per day, with few gaps; and the instant of the report.
fn any_files() -> impl Strategy<Value = (Ledger, DateTime<Utc>)> {
    let lost = prop::collection::vec(FIRST - 2..LAST, 0..5);
    let young = prop::collection::vec(FIRST - 2..LAST, 0..5);
    (lost, young, 0_i64..12 * DAY, FIRST..LAST).prop_map(|(lost, young, now, begins)| {
        let now = at(now) + TimeDelta::microseconds(77);
        let slot = slot_at(now, &ultimate());
        let mut ledger = Ledger::default();
        for day in begins - 2..LAST + 2 {
            let file = window(day * DAY, (day + 1) * DAY);
            if lost.contains(&day) || file.to() > slot {
            } else if young.contains(&day) {
                ledger.coverage.hold(file);
            } else {
                ledger.coverage.settle(file);
            }
        }
        (ledger, now)
    })
}

fn view<'a>(ledger: &'a Ledger, rules: &'a Rules, zone: Tz, now: DateTime<Utc>) -> DaysView<'a> {
    DaysView { ledger, rules, zone, now, due: slot_at(now, rules) }
}

fn date(day: i64) -> NaiveDate {
    at(day * DAY).date_naive()
}

fn all(view: DaysView<'_>) -> Vec<Day> {
    days(view, date(FIRST), date(LAST))
}

/// The days that have begun. The others are always missing.
fn begun(view: DaysView<'_>) -> Vec<Day> {
    let has_begun = |day: &Day| Window::of_day(day.day, view.zone).unwrap().from() <= view.now;
    all(view).into_iter().filter(has_begun).collect()
}

/// The numbers of the files that hold rows of `day`.
fn files(day: NaiveDate, zone: Tz, rules: &Rules) -> Vec<Window> {
    let day = Window::of_day(day, zone).unwrap();
    let whole = rules.expand(Window::new(day.from(), day.to() + rules.late_filing).unwrap());
    (0..whole.span().num_days())
        .map(|at| Window::new(whole.from() + TimeDelta::days(at), whole.from() + TimeDelta::days(at + 1)).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(often())]

    /// A day is final exactly if all files that may hold rows of it are final; it is provisional only if all files
    /// that are published are held.
    #[test]
    fn a_day_is_final_with_its_own_file_and_the_next((ledger, now) in any_files(), zone in any_zone()) {
        let (rules, coverage) = (ultimate(), &ledger.coverage);
        let view = view(&ledger, &rules, zone, now);
        for day in begun(view) {
            let files = files(day.day, zone, &rules);
            let settled = files.iter().all(|file| coverage.settled().covers(*file));
            prop_assert_eq!(day.state == Completeness::Final, settled, "{:?}", day);
            let held = files.iter().all(|file| coverage.held().covers(*file) || file.from() >= view.due);
            prop_assert_eq!(day.state >= Completeness::Provisional, held, "{:?}", day);
            prop_assert_eq!(day.reason.is_none(), settled);
        }
    }

    /// A day that has not begun is missing, whatever the ledger holds: a clock that was ahead may have left answers there.
    #[test]
    fn a_day_that_has_not_begun_is_missing((ledger, now) in any_files(), zone in any_zone(), back in 0..9 * DAY) {
        let rules = ultimate();
        let now = now - TimeDelta::seconds(back);
        for day in all(view(&ledger, &rules, zone, now)) {
            let has_begun = Window::of_day(day.day, zone).unwrap().from() <= now;
            let says_so = day.reason.as_deref() == Some("the day has not begun");
            prop_assert_eq!(says_so, !has_begun, "{:?}", &day);
            prop_assert!(has_begun || day.state == Completeness::Missing, "{:?}", day);
        }
    }

    #[test]
    fn a_day_without_one_of_its_files_is_not_final((ledger, now) in any_files(), zone in any_zone(), which in 0_usize..3) {
        let rules = ultimate();
        for day in all(view(&ledger, &rules, zone, now)).into_iter().filter(|day| day.state == Completeness::Final) {
            let files = files(day.day, zone, &rules);
            let lost = files[which % files.len()];
            let mut without = Ledger::default();
            for part in ledger.coverage.settled().windows().iter().flat_map(|held| held.minus([lost])) {
                without.coverage.settle(part);
            }
            let state = days(view(&without, &rules, zone, now), day.day, day.day)[0].state;
            prop_assert!(state != Completeness::Final, "{} is final without {lost}", day.day);
        }
    }

    /// A missing day beyond the retention is blocked, and the reason says so.
    #[test]
    fn days_beyond_retention_are_blocked((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        let oldest = rules.oldest(now).unwrap();
        for day in all(view(&ledger, &rules, zone, now)) {
            let gone = files(day.day, zone, &rules).into_iter().any(|file| file.from() < oldest && !ledger.coverage.held().covers(file));
            prop_assert_eq!(day.state == Completeness::Blocked, gone, "{:?}", day);
            let says_so = day.reason.as_deref().is_some_and(|reason| reason.contains("older than the 30 days"));
            prop_assert_eq!(says_so, gone, "{:?}", day);
        }
    }

    /// The warning exists exactly if a day is blocked, and names the oldest one with its reason.
    #[test]
    fn a_blocked_day_raises_a_warning((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        let view = view(&ledger, &rules, zone, now);
        let days = all(view);
        let warning = blocked_days(view, &days).map(|blocked| blocked.to_string());
        let oldest = days.iter().find(|day| day.state == Completeness::Blocked);
        prop_assert_eq!(warning.is_some(), oldest.is_some());
        for (warning, day) in warning.iter().zip(oldest) {
            prop_assert!(warning.contains(&day.day.to_string()) && warning.contains(day.reason.as_deref().unwrap()));
        }
    }

    /// A file is named by its day in UTC, as the vendor names it.
    #[test]
    fn the_reason_names_the_first_missing_file((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        for day in begun(view(&ledger, &rules, zone, now)) {
            let lost = files(day.day, zone, &rules).into_iter().find(|file| !ledger.coverage.held().covers(*file));
            let (Some(reason), Some(file)) = (day.reason, lost.map(|file| file.from().date_naive())) else { continue };
            match day.state {
                Completeness::Missing => prop_assert_eq!(reason, format!("the file of {} is missing: not requested yet", file)),
                Completeness::Provisional => prop_assert!(reason.starts_with(&format!("waits for the file of {file};")), "{reason}"),
                Completeness::Blocked | Completeness::Final => {}
            }
        }
    }

    /// The expiring days are exactly those that are missing now and blocked in a week.
    #[test]
    fn expiring_days_are_those_deleted_within_a_week((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        let now_view = view(&ledger, &rules, zone, now);
        let later = all(DaysView { now: now + EXPIRY_WARNING, ..now_view });
        let expected: Vec<NaiveDate> = all(now_view)
            .iter()
            .zip(&later)
            .filter(|(today, then)| today.state == Completeness::Missing && then.state == Completeness::Blocked)
            .map(|(day, _)| day.day)
            .collect();
        prop_assert_eq!(expiring_days(now_view, date(FIRST)), expected);
        let kept = Rules { retention: None, ..ultimate() };
        prop_assert_eq!(expiring_days(DaysView { rules: &kept, ..now_view }, date(FIRST)), Vec::new());
    }

    /// A job's state is the reason of the days in its window, and of no other day.
    #[test]
    fn the_reason_names_the_state_of_the_open_job(asked in any_window(9 * DAY), kind in 0_usize..6, zone in any_zone()) {
        let rules = certainly();
        let until = at(11 * DAY);
        let fresh = Job::new(Purpose::Settle, Slice::Export(asked), at(0), Duration::ZERO);
        let (job, words) = match kind {
            0 => (Job { rechecks: 1, requested_at: Some(at(0)), state: JobState::Awaiting { until }, ..fresh }, "the vendor accepted the export; its mail has not arrived yet"),
            1 => (Job { state: JobState::Awaiting { until }, ..fresh }, "the vendor is busy with another export; the request is repeated later"),
            5 => (Job { failures: 1, ..fresh }, "1 request failed; the worker will retry"),
            2 => (Job { failures: 3, ..fresh }, "3 requests failed; the worker will retry"),
            3 => (fresh, "too many rows for one answer; an export by mail is planned"),
            _ => (Job { slice: Slice::Window(asked), ..fresh }, "a request is planned or running"),
        };
        let ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        let view = DaysView { ledger: &ledger, rules: &rules, zone, now: at(10 * DAY), due: at(10 * DAY) };
        for day in days(view, date(-1), date(8)) {
            let touches = Window::of_day(day.day, zone).unwrap().intersect(&asked).is_some();
            prop_assert_eq!((day.state, day.reason.as_deref()), (Completeness::Missing, Some(if touches { words } else { "not requested yet" })));
        }
    }
}

/// The reason of a parked job is shown as it is, also for a day that only waits for the next day's file.
#[test]
fn a_parked_file_blocks_its_day_and_the_day_before() {
    let rules = ultimate();
    let mut ledger = Ledger::default();
    ledger.coverage.settle(window(-9 * DAY, 0));
    ledger.coverage.settle(window(DAY, 4 * DAY));
    let parked = JobState::Parked { reason: "the vendor said no".to_owned() };
    let job = Job::new(Purpose::Settle, Slice::Window(window(0, DAY)), at(0), Duration::ZERO);
    ledger.jobs = vec![Job { state: parked, ..job }];
    let now = at(5 * DAY + 2 * HOUR);
    let listed = days(view(&ledger, &rules, chrono_tz::UTC, now), date(-2), date(3));
    let states: Vec<_> = listed.iter().map(|day| (day.state, day.reason.as_deref())).collect();
    let no = (Completeness::Blocked, Some("the vendor said no"));
    let missing = (Completeness::Missing, Some("the file of 2026-10-05 is missing: not requested yet"));
    assert_eq!(
        states,
        [(Completeness::Final, None), no, no, (Completeness::Final, None), (Completeness::Final, None), missing]
    );
}

/// A file that the vendor has not built yet, as an empty answer shows it, is no day without rows.
#[test]
fn a_day_whose_answer_was_empty_says_when_it_is_asked_for_again() {
    let rules = ultimate();
    let mut ledger = Ledger::default();
    ledger.coverage.settle(window(-9 * DAY, 0));
    let job = Job::new(Purpose::Live, Slice::Window(window(0, DAY)), at(DAY + 3 * HOUR), Duration::ZERO);
    ledger.jobs = vec![Job { rechecks: 2, ..job }];
    let day = &days(view(&ledger, &rules, chrono_tz::UTC, at(DAY + 2 * HOUR)), date(0), date(0))[0];
    let reason = "the file of 2026-10-01 is missing: the last answer was empty, or had rows that could not be parsed; \
                  the worker asks again at 2026-10-02 03:00 UTC";
    assert_eq!((day.state, day.reason.as_deref()), (Completeness::Missing, Some(reason)));
}
