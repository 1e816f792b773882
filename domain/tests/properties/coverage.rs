//! Properties of coverage and completeness.

use crate::strategies::{any_window, any_windows, are_in_order, at, often, rules, seconds};
use domain::coverage::{Completeness, Coverage};
use domain::days;
use domain::ledger::Ledger;
use domain::window::Window;
use proptest::prelude::*;

const END: i64 = 240;

fn any_coverage() -> impl Strategy<Value = Coverage> {
    prop::collection::vec((any_window(END), any::<bool>()), 0..9).prop_map(|windows| {
        let mut coverage = Coverage::default();
        for (window, settle) in windows {
            if settle { coverage.settle(window) } else { coverage.hold(window) }
        }
        coverage
    })
}

proptest! {
    #![proptest_config(often())]

    #[test]
    fn coverage_survives_store_and_load(coverage in any_coverage()) {
        let stored = coverage.to_stored();
        prop_assert!(are_in_order(&stored.iter().map(|(window, _)| *window).collect::<Vec<_>>()));
        prop_assert_eq!(Coverage::from_stored(stored), coverage);
    }

    #[test]
    fn settled_spans_are_held(coverage in any_coverage()) {
        prop_assert!(coverage.settled().windows().iter().all(|window| coverage.held().covers(*window)));
    }

    #[test]
    fn order_and_repetition_do_not_matter(stored in prop::collection::vec((any_window(END), any::<bool>()), 0..9)) {
        let twice = stored.iter().rev().chain(&stored).copied();
        prop_assert_eq!(Coverage::from_stored(twice), Coverage::from_stored(stored.clone()));
    }

    /// The model, second by second: final if all is settled; blocked if a parked job meets a second that is not final;
    /// provisional if all is held that is due; else missing.
    #[test]
    fn completeness_matches_a_model_by_seconds(coverage in any_coverage(), window in any_window(END), blocked in any_windows(END), due in 0..END) {
        let (held, settled) = (seconds(coverage.held().windows(), END), seconds(coverage.settled().windows(), END));
        let stopped = seconds(&blocked, END);
        let inside: Vec<usize> = (0..END).filter(|second| window.contains(at(*second))).map(|second| usize::try_from(second).unwrap()).collect();
        let mut past = inside.iter().copied().filter(|second| i64::try_from(*second).unwrap() < due);
        let expected = if inside.iter().all(|second| settled[*second]) {
            Completeness::Final
        } else if past.clone().any(|second| stopped[second] && !settled[second]) {
            Completeness::Blocked
        } else if past.all(|second| held[second]) {
            Completeness::Provisional
        } else {
            Completeness::Missing
        };
        prop_assert_eq!(coverage.completeness(window, &blocked, at(due)), expected);
    }

    #[test]
    fn holding_more_never_lowers_completeness(coverage in any_coverage(), window in any_window(END), blocked in any_windows(END), due in 0..END, more in any_window(END), settle: bool) {
        let mut after = coverage.clone();
        if settle { after.settle(more) } else { after.hold(more) }
        prop_assert!(after.completeness(window, &blocked, at(due)) >= coverage.completeness(window, &blocked, at(due)));
    }

    #[test]
    fn proven_until_has_no_gap_before_it(coverage in any_coverage(), since in 0..END) {
        let proven = coverage.proven_until(at(since));
        prop_assert!(Window::new(at(since), proven).is_none_or(|window| coverage.held().covers(window)));
        prop_assert!(!coverage.held().contains(proven) || proven == at(since) && !coverage.held().contains(at(since)));
    }

    /// Each day of the span is listed and counted once.
    #[test]
    fn each_day_is_listed_and_counted_once(days in 0_u64..40, zone in prop::sample::select(vec![chrono_tz::America::Santiago, chrono_tz::Europe::Berlin])) {
        let first = at(0).date_naive();
        let last = first + chrono::Days::new(days);
        let (ledger, rules) = (Ledger::default(), rules());
        let view = days::DaysView { ledger: &ledger, rules: &rules, zone, now: at(0), due: at(0) };
        let listed = days::days(view, first, last);
        prop_assert_eq!(listed.iter().map(|day| day.day).collect::<Vec<_>>(), first.iter_days().take(listed.len()).collect::<Vec<_>>());
        prop_assert_eq!(listed.len() as u64, days + 1);
        let counts = days::count(&listed);
        prop_assert_eq!(counts.r#final + counts.provisional + counts.missing + counts.blocked, days + 1);
    }
}
