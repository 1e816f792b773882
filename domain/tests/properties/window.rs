//! Properties of windows, and of days in time zones.

use crate::strategies::{any_window, any_windows, are_in_order, at, often, seconds, tile};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::{America, Europe, Pacific, Tz};
use domain::window::{Window, midnight};
use proptest::prelude::*;

const END: i64 = 240;

/// Zones without changes, with changes at midnight, with two changes around a moving month, and by half an hour.
const ZONES: [Tz; 5] = [
    America::Bogota,
    America::Santiago,
    chrono_tz::Africa::Casablanca,
    Europe::Berlin,
    chrono_tz::Australia::Lord_Howe,
];

fn any_day() -> impl Strategy<Value = NaiveDate> {
    (0_u64..2200).prop_map(|days| date(2024, 1, 1) + chrono::Days::new(days))
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn hours(day: NaiveDate, zone: Tz) -> f64 {
    Window::of_day(day, zone).unwrap().span().as_seconds_f64() / 3600.0
}

fn moment(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
}

proptest! {
    #![proptest_config(often())]

    /// Only a window of less than two steps has no halves; halves differ by less than two steps.
    #[test]
    fn halves_tile_and_meet_on_a_step(window in any_window(100_000), step in prop::sample::select(vec![1_i64, 7, 60, 3600])) {
        let whole = TimeDelta::seconds(step);
        match window.halves(whole) {
            Some((older, newer)) => {
                prop_assert!(tile(window, &[older, newer]));
                prop_assert_eq!(older.span().num_seconds() % step, 0);
                prop_assert!((newer.span() - older.span()).abs() < whole * 2);
            }
            None => prop_assert!(window.span() < whole * 2),
        }
    }

    /// A window is halved at most as many times as its length has binary digits.
    #[test]
    fn repeated_halving_ends(window in any_window(100_000), newer_first: bool) {
        let mut rest = Some(window);
        let mut cuts = 0;
        while let Some((older, newer)) = rest.and_then(|window| window.halves(TimeDelta::seconds(1))) {
            rest = Some(if newer_first { newer } else { older });
            cuts += 1;
        }
        prop_assert!(cuts <= 17, "{cuts} cuts");
    }

    /// The rest and the removed windows fill the window, also if they overlap.
    #[test]
    fn minus_and_the_removed_windows_tile(window in any_window(END), others in any_windows(END)) {
        let left = window.minus(others.iter().copied());
        prop_assert!(are_in_order(&left));
        let (inside, taken, left) = (seconds([&window], END), seconds(&others, END), seconds(&left, END));
        for second in 0..inside.len() {
            prop_assert_eq!(left[second], inside[second] && !taken[second]);
        }
    }

    #[test]
    fn an_intersection_holds_what_both_hold(one in any_window(END), other in any_window(END)) {
        let both = seconds(one.intersect(&other).as_ref(), END);
        let expected: Vec<bool> =
            seconds([&one], END).into_iter().zip(seconds([&other], END)).map(|(one, other)| one && other).collect();
        prop_assert_eq!(both, expected);
        prop_assert_eq!(one.covers(&other), one.intersect(&other) == Some(other));
    }

    #[test]
    fn the_newest_part_and_the_rest_tile(window in any_window(END), width in 1..END) {
        let (newest, rest) = window.newest(TimeDelta::seconds(width));
        prop_assert!(newest.span() <= TimeDelta::seconds(width));
        prop_assert_eq!(newest.to(), window.to());
        prop_assert!(tile(window, &rest.into_iter().chain([newest]).collect::<Vec<_>>()));
    }

    /// Each day ends where the next begins, and holds exactly the instants at which clocks show its date.
    #[test]
    fn days_tile_the_calendar(day in any_day(), zone in prop::sample::select(ZONES.to_vec()), second in 0_i64..90_000) {
        let window = Window::of_day(day, zone).unwrap();
        prop_assert_eq!(window.to(), Window::of_day(day.succ_opt().unwrap(), zone).unwrap().from());
        let moment = TimeDelta::milliseconds(1);
        for instant in [window.from() - moment, window.from(), window.to() - moment, window.to(), window.from() + TimeDelta::seconds(second)] {
            let shown = instant.with_timezone(&zone).date_naive();
            prop_assert_eq!(window.contains(instant), shown == day, "{} shows {}", instant, shown);
        }
    }

    /// The days of a window are those that share an instant with it.
    #[test]
    fn a_window_overlaps_its_days(window in any_window(10 * 86_400), zone in prop::sample::select(ZONES.to_vec())) {
        let days = window.days(zone);
        let parts: Vec<Window> = days.iter().map(|day| Window::of_day(*day, zone).unwrap().intersect(&window).unwrap()).collect();
        prop_assert!(tile(window, &parts));
    }
}

#[test]
fn a_day_has_23_24_or_25_hours() {
    assert!((hours(date(2026, 3, 29), Europe::Berlin) - 23.0).abs() < 1e-9);
    assert!((hours(date(2026, 10, 25), Europe::Berlin) - 25.0).abs() < 1e-9);
    assert!((hours(date(2026, 10, 25), America::Bogota) - 24.0).abs() < 1e-9);
    assert!((hours(date(2026, 9, 6), America::Santiago) - 23.0).abs() < 1e-9);
    assert!((hours(date(2026, 4, 4), America::Santiago) - 25.0).abs() < 1e-9);
    assert!((hours(date(2026, 4, 5), chrono_tz::Australia::Lord_Howe) - 24.5).abs() < 1e-9);
    assert!((hours(date(2026, 10, 4), chrono_tz::Australia::Lord_Howe) - 23.5).abs() < 1e-9);
}

/// In Santiago clocks jump from 24:00 to 01:00.
#[test]
fn a_skipped_midnight_is_the_instant_clocks_jump_to() {
    assert_eq!(midnight(date(2026, 9, 6), America::Santiago), moment("2026-09-06T04:00:00Z"));
}

/// In Havana clocks fall back from 01:00 to 00:00; the day begins with the first midnight.
#[test]
fn the_first_of_two_midnights_counts() {
    let day = Window::of_day(date(2026, 11, 1), America::Havana).unwrap();
    assert_eq!(day, Window::new(moment("2026-11-01T04:00:00Z"), moment("2026-11-02T05:00:00Z")).unwrap());
}

/// Samoa skipped a whole day to cross the date line.
#[test]
fn a_skipped_day_has_no_window_and_leaves_no_gap() {
    let before = Window::of_day(date(2011, 12, 29), Pacific::Apia).unwrap();
    let after = Window::of_day(date(2011, 12, 31), Pacific::Apia).unwrap();
    assert_eq!(Window::of_day(date(2011, 12, 30), Pacific::Apia), None);
    assert_eq!(before.to(), after.from());
}

#[test]
fn an_empty_window_is_rejected() {
    assert_eq!(Window::new(at(5), at(5)), None);
    assert_eq!(Window::new(at(6), at(5)), None);
}
