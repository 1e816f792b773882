//! Properties of the weekly profile and of the windows cut by it.

use crate::strategies::{DAY, HOUR, any_window, at, certainly, full_answer, often, rules, tile, window};
use chrono::TimeDelta;
use domain::forecast::Forecast;
use domain::job::{Job, Purpose};
use domain::judge::Verdict;
use domain::ledger::{AnswerSummary, Ledger};
use domain::pace::Pace;
use domain::planner::windows_for;
use domain::row_histogram::RowHistogram;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::week_profile::WeekProfile;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

fn any_profile() -> impl Strategy<Value = WeekProfile> {
    let lesson = (any_window(20 * DAY), 0_u64..5_000, 0.0_f64..20_000.0);
    prop::collection::vec(lesson, 0..40).prop_map(|lessons| {
        let mut profile = WeekProfile::default();
        for (window, rows, per_day) in lessons {
            profile.learn(window, rows, per_day);
        }
        profile
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let step = prop::sample::select(vec![1_i64, 60, HOUR]);
    (step, any::<bool>(), 2_u64..2_000, 2_i64..32).prop_map(|(step, by_days, row_cap, longest)| {
        let base = if by_days { certainly() } else { Rules { step: TimeDelta::seconds(step), ..rules() } };
        Rules { row_cap, longest: TimeDelta::days(longest), ..base }
    })
}

/// Rows in office hours only, on each day of four weeks.
fn by_day() -> WeekProfile {
    let mut profile = WeekProfile::default();
    for day in 0..28 {
        profile.learn(window(day * DAY, day * DAY + 8 * HOUR), 0, 500.0);
        profile.learn(window(day * DAY + 8 * HOUR, day * DAY + 18 * HOUR), 500, 500.0);
        profile.learn(window(day * DAY + 18 * HOUR, (day + 1) * DAY), 0, 500.0);
    }
    profile
}

proptest! {
    #![proptest_config(often())]

    /// Whatever a profile says, windows tile the span, are as long as the rules permit at most, and end on steps.
    #[test]
    fn a_wrong_profile_only_costs_requests(profile in any_profile(), rules in any_rules(), per_day in 0.0_f64..50_000.0, days in 1_i64..90) {
        let pace = Pace { rows_per_day: Some(per_day), ..Pace::default() };
        let ledger = Ledger { profile, pace, ..Ledger::default() };
        let whole = window(-days * DAY, 0);
        let mut parts = windows_for(&[whole], &ledger, &rules);
        prop_assert!(parts.windows(2).all(|pair| pair[0].from() == pair[1].to()), "not newest first");
        for part in &parts {
            prop_assert!(rules.expand(*part).span() <= rules.longest, "{part} is too long");
            prop_assert_eq!((part.from() - at(0)).num_milliseconds() % rules.step.max(rules.granularity).num_milliseconds(), 0);
        }
        parts.reverse();
        prop_assert!(tile(whole, &parts));
    }

    /// The chunks are few: by the forecast, none but the shortest possible holds more than one answer should.
    #[test]
    fn no_window_is_expected_to_be_full(profile in any_profile(), per_day in 1.0_f64..5_000.0, row_cap in 20_u64..2_000, days in 1_i64..40) {
        let rules = Rules { row_cap, ..rules() };
        let pace = Pace { rows_per_day: Some(per_day), ..Pace::default() };
        let forecast = Forecast::new(pace, &profile);
        let ledger = Ledger { profile, pace, ..Ledger::default() };
        let cap = f64::from(u32::try_from(row_cap).unwrap());
        for part in windows_for(&[window(-days * DAY, 0)], &ledger, &rules) {
            prop_assert!(forecast.rows(part) < cap || part.span() == rules.step, "{} rows in {part}", forecast.rows(part));
        }
    }

    /// The weighted days of two adjacent windows add up.
    #[test]
    fn weighted_days_add_up(profile in any_profile(), whole in any_window(40 * DAY), percent in 1_i32..100) {
        let weights = profile.weights(500.0);
        let middle = whole.from() + whole.span() / 100 * percent;
        let part = |from, to| Window::new(from, to).map_or(0.0, |part| weights.days(part));
        let sum = part(whole.from(), middle) + part(middle, whole.to());
        prop_assert!((sum - weights.days(whole)).abs() < 1e-6 * (1.0 + sum), "{sum} instead of {}", weights.days(whole));
        prop_assert!(weights.days(whole) > 0.0);
    }

    #[test]
    fn a_stored_profile_loads_unchanged(profile in any_profile(), noise in prop::collection::vec(any::<u8>(), 0..1_400)) {
        let bytes = profile.to_bytes();
        prop_assert_eq!(bytes.as_deref().map(WeekProfile::from_bytes).unwrap_or_default(), profile);
        prop_assert!(bytes.is_none_or(|bytes| bytes.len() == 168 * 8), "the profile is bounded");
        // Bytes that no profile wrote cost requests and nothing else.
        let days = WeekProfile::from_bytes(&noise).weights(500.0).days(window(0, DAY));
        prop_assert!(days.is_finite() && days > 0.0);
    }
}

/// A window that ends in the evening covers less time than one that ends in the morning.
#[test]
fn windows_are_short_where_rows_are_dense() {
    let (rules, profile) = (Rules { row_cap: 250, ..rules() }, by_day());
    let forecast = Forecast::new(Pace { rows_per_day: Some(500.0), ..Pace::default() }, &profile);
    let before = |hour| forecast.newest(window(0, 20 * DAY + hour * HOUR), &rules).span();
    assert!(before(18) < TimeDelta::hours(6) && before(8) > TimeDelta::hours(14), "{} and {}", before(18), before(8));
}

/// A profile follows a rhythm that has changed: within six weeks the new one outweighs the old one.
#[test]
fn old_observations_lose_weight() {
    let mut profile = by_day();
    let night = |profile: &WeekProfile| profile.weights(500.0).days(window(0, 8 * HOUR));
    let before = night(&profile);
    for day in 28..84 {
        profile.learn(window(day * DAY, day * DAY + 8 * HOUR), 400, 500.0);
        profile.learn(window(day * DAY + 8 * HOUR, (day + 1) * DAY), 100, 500.0);
    }
    assert!(before < 0.05 && night(&profile) > 0.5, "{before} and then {}", night(&profile));
}

/// The first rows after a quiet time do not make all windows tiny.
#[test]
fn windows_stay_long_after_a_quiet_time() {
    let rules = rules();
    let mut ledger = Ledger::default();
    for hour in 0..700 {
        let asked = window(hour * HOUR, (hour + 1) * HOUR);
        let rows: u64 = if (48..600).contains(&hour) { 0 } else { 5 };
        let mut histogram = RowHistogram::new(asked, asked.to(), &rules);
        (0..rows).for_each(|_| histogram.add(asked.from() + TimeDelta::minutes(9)));
        let answer = AnswerSummary { histogram: Some(histogram), ..full_answer(asked.to(), rows) };
        ledger.jobs =
            vec![Job { id: 7, ..Job::new(Purpose::Settle, Slice::Window(asked), asked.to(), Duration::ZERO) }];
        ledger.settle(7, &Verdict::Commit, Some(&answer), &rules, asked.to());
        let next = ledger.forecast_for(Purpose::Settle).newest(window((hour - 1440) * HOUR, hour * HOUR), &rules);
        assert!(next.span() >= TimeDelta::hours(12), "windows of {} after {hour} hours", next.span());
    }
}
