//! Properties of the pace and the window length.

use crate::strategies::{HOUR, any_window, at, often, rules, window};
use chrono::TimeDelta;
use domain::pace::Pace;
use domain::rules::Rules;
use domain::window::Window;
use proptest::prelude::*;
use std::time::Duration;

/// What a pace learns from.
#[derive(Clone, Debug)]
enum Lesson {
    Answer { window: Window, rows: u64, elapsed: Duration },
    Capped { window: Window, rows: u64 },
    Timeout,
}

fn any_lesson() -> impl Strategy<Value = Lesson> {
    let elapsed = (0_u64..70_000).prop_map(Duration::from_millis);
    prop_oneof![
        4 => (any_window(3_000_000), 0_u64..2_000, elapsed).prop_map(|(window, rows, elapsed)| Lesson::Answer { window, rows, elapsed }),
        1 => (any_window(3_000_000), 1_000_u64..2_000).prop_map(|(window, rows)| Lesson::Capped { window, rows }),
        1 => Just(Lesson::Timeout),
    ]
}

fn teach(pace: &mut Pace, lessons: &[Lesson]) {
    for lesson in lessons {
        match lesson {
            Lesson::Answer { window, rows, elapsed } => pace.learn(*window, *rows, *elapsed),
            Lesson::Capped { window, rows } => pace.learn_capped(*window, *rows),
            Lesson::Timeout => pace.learn_timeout(),
        }
    }
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let step = prop::sample::select(vec![1_i64, 60, HOUR, 7 * HOUR, 24 * HOUR]);
    (step, 24_i64 * 7..24 * 40, 2_u64..100_000).prop_map(|(step, longest, row_cap)| Rules {
        step: TimeDelta::seconds(step),
        longest: TimeDelta::hours(longest),
        row_cap,
        ..rules()
    })
}

/// Requests windows of the advised length from a vendor that takes `base` plus `per_row` for each row.
fn ask_again_and_again(pace: &mut Pace, rules: &Rules, rows_per_day: u64, base: Duration, per_row: Duration) {
    for _ in 0..200 {
        let width = pace.window_length(rules);
        let window = Window::new(at(0), at(0) + width).unwrap();
        let rows = rows_per_day * u64::try_from(width.num_seconds()).unwrap() / 86_400;
        if rows >= rules.row_cap {
            pace.learn_capped(window, rows);
        } else {
            pace.learn(window, rows, base + per_row * u32::try_from(rows).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn a_window_length_is_whole_steps_up_to_the_longest(rules in any_rules(), lessons in prop::collection::vec(any_lesson(), 0..30)) {
        let mut pace = Pace::default();
        teach(&mut pace, &lessons);
        let width = pace.window_length(&rules);
        prop_assert!(rules.step <= width && width <= rules.longest, "{width}");
        prop_assert_eq!(width.num_milliseconds() % rules.step.num_milliseconds(), 0);
    }

    /// At a constant density one answer of any window is enough to stay below the cap.
    #[test]
    fn after_one_answer_windows_stay_below_the_cap(rules in any_rules(), hours in 1..24 * 31_i64, per_hour in 0_u64..5_000) {
        let mut pace = Pace::default();
        let whole = window(0, hours * HOUR);
        pace.learn(whole, per_hour * u64::try_from(hours).unwrap(), Duration::from_secs(1));
        let width = pace.window_length(&rules);
        let rows = per_hour * u64::try_from(width.num_seconds()).unwrap() / 3600;
        prop_assert!(rows < rules.row_cap || width == rules.step, "{rows} rows in {width}");
    }

    /// After a capped answer windows are shorter, and much shorter if it covered hours: a burst that fills a second
    /// predicts little.
    #[test]
    fn a_capped_answer_shortens_windows(rules in any_rules(), lessons in prop::collection::vec(any_lesson(), 0..10), extra in 0_u64..50) {
        let mut pace = Pace::default();
        teach(&mut pace, &lessons);
        let width = pace.window_length(&rules);
        let capped = Window::new(at(0), at(0) + width).unwrap();
        pace.learn_capped(capped, rules.row_cap + extra);
        let is_telling = width >= TimeDelta::hours(6) && width > rules.step;
        let after = pace.window_length(&rules);
        prop_assert!(after < width || after == width && !is_telling, "{width} and then {after}");
    }

    /// A vendor that becomes slow shortens windows within a few time-outs.
    #[test]
    fn a_few_timeouts_shorten_windows(answers in 0_usize..200) {
        let rules = Rules { row_cap: 60_000, ..rules() };
        let mut pace = Pace::default();
        for _ in 0..answers {
            pace.learn(window(0, 24 * HOUR), 50_000, Duration::from_millis(1_200));
        }
        pace.learn(window(0, 24 * HOUR), 50_000, Duration::from_millis(1_200));
        let before = pace.window_length(&rules);
        (0..4).for_each(|_| pace.learn_timeout());
        prop_assert!(pace.window_length(&rules) * 2 < before, "{} after {before}", pace.window_length(&rules));
    }

    /// After any past, a vendor that is fast again soon gets long windows.
    #[test]
    fn window_lengths_recover_after_a_burst(lessons in prop::collection::vec(any_lesson(), 0..20), timeouts in 0_usize..1_500, rows_per_day in 0_u32..20_000) {
        let rules = rules();
        let mut pace = Pace::default();
        teach(&mut pace, &lessons);
        (0..timeouts).for_each(|_| pace.learn_timeout());
        ask_again_and_again(&mut pace, &rules, u64::from(rows_per_day), Duration::from_millis(500), Duration::from_micros(200));
        let rows = f64::from(rows_per_day) * pace.window_length(&rules).as_seconds_f64() / 86_400.0;
        prop_assert!(rows > 400.0 || pace.window_length(&rules) > TimeDelta::days(20), "{rows} rows in {}, {pace:?}", pace.window_length(&rules));
    }

    /// A planned window is never expected to take so long that it could not start before a live slot.
    #[test]
    fn every_window_is_expected_to_end_in_time(lessons in prop::collection::vec(any_lesson(), 0..30), timeouts in 0_usize..1_500) {
        let rules = rules();
        let mut pace = Pace::default();
        teach(&mut pace, &lessons);
        (0..timeouts).for_each(|_| pace.learn_timeout());
        let expected = pace.expected(Window::new(at(0), at(0) + pace.window_length(&rules)).unwrap());
        // If the base alone exceeds the budget, five seconds more.
        let bound = Duration::from_secs(20).max(Duration::from_secs_f64(pace.base_seconds + 5.1));
        prop_assert!(expected <= bound || pace.window_length(&rules) == rules.step, "{expected:?}, {pace:?}");
        prop_assert!(pace.expected(window(0, 1)) < Duration::from_hours(100), "{pace:?}");
    }

    /// A slow base time falls even if only large answers follow.
    #[test]
    fn one_fast_answer_lowers_the_base_time(slow in 30_u64..70, rows in 200_u64..900) {
        let mut pace = Pace::default();
        (0..20).for_each(|_| pace.learn(window(0, HOUR), 0, Duration::from_secs(slow)));
        pace.learn(window(0, HOUR), rows, Duration::from_secs(1));
        prop_assert!(pace.base_seconds <= 1.0, "{pace:?}");
    }
}
