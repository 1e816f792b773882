//! Properties of the retention of history.

use crate::strategies::{any_window, at, often};
use chrono::{TimeDelta, Utc};
use domain::coverage::{Completeness, Coverage};
use domain::retention::{
    HistoryTable, Retention, RetentionPeriod, SHORTEST_RETENTION, is_needed, pruning_time, span_of_day,
};
use domain::window::Window;
use proptest::prelude::*;

fn any_period() -> impl Strategy<Value = RetentionPeriod> {
    prop_oneof![
        4 => (8_i64..4_000).prop_map(|days| RetentionPeriod::Limited(TimeDelta::days(days))),
        1 => Just(RetentionPeriod::Forever),
        1 => Just(RetentionPeriod::Limited(TimeDelta::MAX)),
    ]
}

fn any_retention() -> impl Strategy<Value = Retention> {
    prop::collection::vec(any_period(), 6).prop_map(|periods| Retention {
        requests: periods[0],
        deliveries: periods[1],
        rejects: periods[2],
        items: periods[3],
        backfills: periods[4],
        reopened_days: periods[5],
    })
}

proptest! {
    #![proptest_config(often())]

    /// No row is old before its period has passed, and a row once old stays old.
    #[test]
    fn rows_grow_old_after_their_period(retention in any_retention(), table in 0_usize..7, now in 0_i64..400_000_000, later in 0_i64..400_000_000) {
        let table = HistoryTable::ALL[table];
        let (horizon, next) = (retention.horizon(table, at(now)), retention.horizon(table, at(now + later)));
        match retention.period(table) {
            RetentionPeriod::Forever => prop_assert_eq!((horizon, next), (None, None)),
            RetentionPeriod::Limited(period) => {
                prop_assert!(horizon.is_none_or(|horizon| at(now) - horizon == period));
                prop_assert!(horizon <= next);
            }
        }
    }

    /// Rows grow old by the clock that is furthest behind: that of the database or of a vendor.
    #[test]
    fn no_clock_that_is_ahead_makes_rows_old(now in 0_i64..400_000_000, skews in prop::collection::vec(-400_000_000_i64..400_000_000, 0..5)) {
        let time = pruning_time(at(now), skews.iter().map(|skew| TimeDelta::seconds(*skew)));
        prop_assert!(time <= at(now));
        prop_assert!(skews.iter().all(|skew| time <= at(now + skew)));
        prop_assert!(time == at(now) || skews.iter().any(|skew| time == at(now + skew)));
    }

    /// A row is deleted only if all of its time is final.
    #[test]
    fn a_row_about_a_time_that_is_not_final_is_needed(
        window in any_window(1_000_000), held in prop::collection::vec((any_window(1_000_000), any::<bool>()), 0..6),
    ) {
        let coverage = Coverage::from_stored(held);
        let is_final = coverage.completeness(window, &[], window.to()) == Completeness::Final;
        prop_assert_eq!(is_needed(Some(window), coverage.settled()), !is_final);
    }

    /// The span of a day contains the day in the zones that are furthest ahead and behind.
    #[test]
    fn the_span_of_a_day_contains_it_everywhere(days in 0_u64..30_000) {
        let day = chrono::NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + chrono::Days::new(days);
        let span = span_of_day(day).unwrap();
        for zone in [chrono_tz::Pacific::Kiritimati, chrono_tz::Etc::GMTPlus12, chrono_tz::America::Bogota] {
            prop_assert!(Window::of_day(day, zone).is_none_or(|window| span.covers(&window)), "{day} in {zone}");
        }
    }
}

/// With extreme values.
#[test]
fn extreme_values_never_panic() {
    assert_eq!(pruning_time(chrono::DateTime::<Utc>::MIN_UTC, [TimeDelta::MIN]), chrono::DateTime::<Utc>::MIN_UTC);
    assert_eq!(span_of_day(chrono::NaiveDate::MAX), None);
    assert!(!is_needed(None, Coverage::default().settled()), "a row about no time is evidence of nothing");
    assert!(SHORTEST_RETENTION > TimeDelta::days(7), "reports count the webhooks of seven days");
    let names: Vec<_> = HistoryTable::ALL.iter().map(|table| table.as_str()).collect();
    assert!(names.iter().all(|name| !name.is_empty()) && names.len() == 7);
}
