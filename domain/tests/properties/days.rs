//! Laws of days as people see them: of vendors that file late, forget, and are asked by whole days.

use crate::any::{DAY, HOUR, any_window, at, certainly, often, ultimate, window};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::coverage::Completeness;
use domain::days::{Day, View, WARNING, at_risk, days};
use domain::job::{Job, JobState, Purpose, Slice};
use domain::ledger::Ledger;
use domain::plan::slot_at;
use domain::rules::Rules;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

/// The days looked at: fifty, before the tenth day of the month.
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

/// The files held and final, one a day, with few gaps; and when it is looked.
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

fn view<'a>(ledger: &'a Ledger, rules: &'a Rules, zone: Tz, now: DateTime<Utc>) -> View<'a> {
    View { ledger, rules, zone, now, due: slot_at(now, rules) }
}

fn date(day: i64) -> NaiveDate {
    at(day * DAY).date_naive()
}

fn all(view: View<'_>) -> Vec<Day> {
    days(view, date(FIRST), date(LAST))
}

/// The files, by their number, that hold something of `day`.
fn files(day: NaiveDate, zone: Tz, rules: &Rules) -> Vec<Window> {
    let day = Window::of_day(day, zone).unwrap();
    let whole = rules.expand(Window::new(day.from(), day.to() + rules.late_filing).unwrap());
    (0..whole.span().num_days())
        .map(|at| Window::new(whole.from() + TimeDelta::days(at), whole.from() + TimeDelta::days(at + 1)).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(often())]

    /// A day is final with all files that may hold something of it, and with none less; it is provisional only where
    /// they are all held that are there.
    #[test]
    fn a_day_is_final_with_its_files_and_the_next((ledger, now) in any_files(), zone in any_zone()) {
        let (rules, coverage) = (ultimate(), &ledger.coverage);
        let view = view(&ledger, &rules, zone, now);
        for day in all(view) {
            let files = files(day.day, zone, &rules);
            let settled = files.iter().all(|file| coverage.settled().covers(*file));
            prop_assert_eq!(day.state == Completeness::Final, settled, "{:?}", day);
            let held = files.iter().all(|file| coverage.held().covers(*file) || file.from() >= view.due);
            prop_assert_eq!(day.state >= Completeness::Provisional, held, "{:?}", day);
            prop_assert_eq!(day.reason.is_none(), settled);
        }
    }

    #[test]
    fn without_any_one_of_its_files_no_day_is_final((ledger, now) in any_files(), zone in any_zone(), which in 0_usize..3) {
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

    /// Missing and no longer to be had is for a person; the reason says so, unless another one stands in the way.
    #[test]
    fn what_the_vendor_forgot_is_blocked((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        let oldest = rules.oldest(now).unwrap();
        for day in all(view(&ledger, &rules, zone, now)) {
            let gone = files(day.day, zone, &rules).into_iter().any(|file| file.from() < oldest && !ledger.coverage.held().covers(file));
            prop_assert_eq!(day.state == Completeness::Blocked, gone, "{:?}", day);
            let says_so = day.reason.as_deref().is_some_and(|reason| reason.contains("older than the 30 days"));
            prop_assert_eq!(says_so, gone, "{:?}", day);
        }
    }

    /// The file is named as the vendor names it, by its day in UTC.
    #[test]
    fn a_reason_names_the_first_file_that_is_not_there((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        for day in all(view(&ledger, &rules, zone, now)) {
            let lost = files(day.day, zone, &rules).into_iter().find(|file| !ledger.coverage.held().covers(*file));
            let (Some(reason), Some(file)) = (day.reason, lost.map(|file| file.from().date_naive())) else { continue };
            match day.state {
                Completeness::Missing => prop_assert_eq!(reason, format!("the file of {} is missing: never asked for", file)),
                Completeness::Provisional => prop_assert!(reason.starts_with(&format!("waits for the file of {file};")), "{reason}"),
                Completeness::Blocked | Completeness::Final => {}
            }
        }
    }

    /// Exactly those that are missing now and will be blocked in a week, if nothing comes.
    #[test]
    fn at_risk_is_what_is_forgotten_within_a_week((ledger, now) in any_files(), zone in any_zone()) {
        let rules = ultimate();
        let now_view = view(&ledger, &rules, zone, now);
        let later = all(View { now: now + WARNING, ..now_view });
        let expected: Vec<NaiveDate> = all(now_view)
            .iter()
            .zip(&later)
            .filter(|(today, then)| today.state == Completeness::Missing && then.state == Completeness::Blocked)
            .map(|(day, _)| day.day)
            .collect();
        prop_assert_eq!(at_risk(now_view, date(FIRST)), expected);
        let kept = Rules { retention: None, ..ultimate() };
        prop_assert_eq!(at_risk(View { rules: &kept, ..now_view }, date(FIRST)), Vec::new());
    }

    /// What is known of a job is said of the days that wait for it, and of no other.
    #[test]
    fn a_reason_tells_how_the_missing_part_is_asked_for(asked in any_window(9 * DAY), kind in 0_usize..6, zone in any_zone()) {
        let rules = certainly();
        let until = at(11 * DAY);
        let fresh = Job::new(Purpose::Settle, Slice::Export(asked), at(0), Duration::ZERO);
        let (job, words) = match kind {
            0 => (Job { rechecks: 1, requested_at: Some(at(0)), state: JobState::Awaiting { until }, ..fresh }, "a mailed export is on its way"),
            1 => (Job { state: JobState::Awaiting { until }, ..fresh }, "the vendor is busy with another export"),
            5 => (Job { failures: 1, ..fresh }, "asked once without an answer"),
            2 => (Job { failures: 3, ..fresh }, "asked 3 times without an answer"),
            3 => (fresh, "too much for one answer; waits for a mailed export"),
            _ => (Job { slice: Slice::Window(asked), ..fresh }, "being asked for"),
        };
        let ledger = Ledger { jobs: vec![job], ..Ledger::default() };
        let view = View { ledger: &ledger, rules: &rules, zone, now: at(10 * DAY), due: at(10 * DAY) };
        for day in days(view, date(-1), date(8)) {
            let touches = Window::of_day(day.day, zone).unwrap().intersect(&asked).is_some();
            prop_assert_eq!((day.state, day.reason.as_deref()), (Completeness::Missing, Some(if touches { words } else { "never asked for" })));
        }
    }
}

/// A person's no is told as it is, also of a day that only waits for the next one's file.
#[test]
fn a_parked_file_blocks_its_day_and_the_one_before() {
    let rules = ultimate();
    let mut ledger = Ledger::default();
    ledger.coverage.settle(window(-9 * DAY, 0));
    ledger.coverage.settle(window(DAY, 4 * DAY));
    let parked = JobState::Parked { reason: "the vendor said no".to_owned() };
    let job = Job::new(Purpose::Settle, Slice::Window(window(0, DAY)), at(0), Duration::ZERO);
    ledger.jobs = vec![Job { state: parked, ..job }];
    let now = at(5 * DAY + 2 * HOUR);
    let listed = days(view(&ledger, &rules, chrono_tz::UTC, now), date(-2), date(3));
    let told: Vec<_> = listed.iter().map(|day| (day.state, day.reason.as_deref())).collect();
    let no = (Completeness::Blocked, Some("the vendor said no"));
    let missing = (Completeness::Missing, Some("the file of 2026-10-05 is missing: never asked for"));
    assert_eq!(
        told,
        [(Completeness::Final, None), no, no, (Completeness::Final, None), (Completeness::Final, None), missing]
    );
}
