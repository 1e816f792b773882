//! Properties of the row histogram.

use crate::strategies::{DAY, HOUR, any_window, at, certainly, often, rules, tile, window};
use chrono::TimeDelta;
use domain::forecast::Forecast;
use domain::pace::Pace;
use domain::row_histogram::RowHistogram;
use domain::rules::Rules;
use domain::week_profile::WeekProfile;
use domain::week_weights::WeekWeights;
use domain::window::Window;
use proptest::prelude::*;

/// The answer of a vendor with `per_day` rows a day: the rows at one end, up to the cap.
fn cut_off(asked: Window, per_day: &[u64], rules: &Rules, is_newest_first: bool) -> RowHistogram {
    let mut instants = Vec::new();
    for (day, rows) in (0_i64..).zip(per_day) {
        let step = DAY * 1_000 / i64::try_from(*rows).unwrap().max(1);
        instants
            .extend((0..i64::try_from(*rows).unwrap()).map(|row| at(day * DAY) + TimeDelta::milliseconds(row * step)));
    }
    instants.retain(|instant| rules.scanned(asked, asked.to()).contains(*instant));
    if is_newest_first {
        instants.reverse();
    }
    let mut histogram = RowHistogram::new(asked, asked.to(), rules);
    instants.into_iter().take(usize::try_from(rules.row_cap).unwrap()).for_each(|instant| histogram.add(instant));
    histogram
}

/// A forecast of `per_day` rows on each day, with all hours the same.
fn even(per_day: f64) -> Forecast {
    Forecast::new(Pace { rows_per_day: Some(per_day), ..Pace::default() }, &WeekProfile::default())
}

/// The total span and the rows of the complete buckets.
fn complete(histogram: &RowHistogram) -> (TimeDelta, u64) {
    let buckets = histogram.complete_buckets(&WeekWeights::default());
    buckets.fold((TimeDelta::zero(), 0), |(span, sum), (bucket, rows)| (span + bucket.span(), sum + rows))
}

fn any_days() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![6 => 0_u64..300, 1 => 300_u64..2_000], 12)
}

proptest! {
    #![proptest_config(often())]

    /// For any rows the parts tile the window, newest first, and each is shorter than the window.
    #[test]
    fn sub_windows_tile_the_window(asked in any_window(9 * DAY), by_days: bool, rows in prop::collection::vec(0..9 * DAY, 0..700), per_day in 0.0_f64..5_000.0) {
        let rules = if by_days { certainly() } else { Rules { row_cap: 200, ..rules() } };
        let (mut histogram, looked) = (RowHistogram::new(asked, asked.to(), &rules), rules.scanned(asked, asked.to()));
        for row in &rows {
            histogram.add(at(*row));
        }
        prop_assert_eq!(histogram.rows(), rows.iter().filter(|row| looked.contains(at(**row))).count() as u64);
        if let Some(parts) = histogram.sub_windows(&rules, &even(per_day)) {
            let mut windows: Vec<Window> = parts.iter().map(|part| part.window).collect();
            prop_assert!(windows.iter().all(|part| *part != asked));
            prop_assert!(windows.is_sorted_by(|newer, older| newer.from() >= older.to()));
            windows.reverse();
            prop_assert!(tile(asked, &windows));
        }
    }

    /// A part marked as full holds the cap or more and cannot be cut.
    #[test]
    fn only_windows_over_the_cap_are_full(per_day in any_days(), is_newest_first: bool, first in 0_i64..5, days in 2_i64..8) {
        let (rules, asked) = (certainly(), window(first * DAY, (first + days) * DAY));
        let histogram = cut_off(asked, &per_day, &rules, is_newest_first);
        for part in histogram.sub_windows(&rules, &even(100.0)).unwrap_or_default().iter().filter(|part| part.is_full) {
            let day = usize::try_from((part.window.from() - at(0)).num_days()).unwrap();
            prop_assert!(part.window.span() == TimeDelta::days(1) && per_day[day] >= rules.row_cap);
        }
    }

    /// Whichever end is missing, with equal days each part fits one answer, and few parts are needed.
    #[test]
    fn sub_windows_of_even_days_fit_one_answer(per_day in 60_u64..480, is_newest_first: bool, days in 2_i64..12, minutes in 0..24 * 60_i64) {
        let (rules, asked) = (certainly(), window(0, days * DAY - minutes * 60));
        let histogram = cut_off(asked, &[per_day; 12], &rules, is_newest_first);
        prop_assume!(histogram.rows() >= rules.row_cap);
        let rate = f64::from(u32::try_from(per_day).unwrap());
        let parts = histogram.sub_windows(&rules, &even(rate)).unwrap();
        let rows = |part: &Window| u64::try_from(rules.scanned(*part, asked.to()).span().num_minutes()).unwrap() * per_day / 1_440;
        prop_assert!(parts.iter().all(|part| rows(&part.window) < rules.row_cap), "{parts:?}");
        let fewest = (u64::try_from(days).unwrap()).div_ceil((rules.row_cap - 1) / per_day);
        prop_assert!(parts.len() as u64 <= fewest * 2 + 1, "{} parts, {fewest} would do", parts.len());
    }

    /// Only the complete part of the answer teaches the density.
    #[test]
    fn only_complete_buckets_teach(per_day in 60_u64..200, is_newest_first: bool) {
        let (rules, asked) = (certainly(), window(0, 12 * DAY));
        let (span, rows) = complete(&cut_off(asked, &[per_day; 12], &rules, is_newest_first));
        prop_assert_eq!(rows, u64::try_from(span.num_days()).unwrap() * per_day);
        prop_assert!(u64::try_from(span.num_days()).unwrap() >= (rules.row_cap - 1) / per_day - 1);
    }
}

/// Rows over the whole window do not show which rows are missing.
#[test]
fn a_cut_off_answer_is_not_taken_for_the_whole() {
    let mut histogram = RowHistogram::new(window(0, 4 * DAY), at(4 * DAY), &certainly());
    (0..4 * 24).for_each(|hour| histogram.add(at(hour * HOUR + HOUR / 2)));
    let weights = WeekWeights::default();
    let empty = RowHistogram::new(window(0, DAY), at(DAY), &certainly());
    assert!(!histogram.is_cut_off(&weights) && !empty.is_cut_off(&weights));
    let mut half = RowHistogram::new(window(0, 4 * DAY), at(4 * DAY), &certainly());
    (2 * 24..4 * 24).for_each(|hour| half.add(at(hour * HOUR + HOUR / 2)));
    assert!(half.is_cut_off(&weights) && complete(&half) == (TimeDelta::days(1), 24));
}
