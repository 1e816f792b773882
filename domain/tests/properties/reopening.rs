//! Properties of reopened days: an answer that changes a final day makes it provisional, and nothing else.

use crate::strategies::{DAY, HOUR, any_windows, at, certainly, often, rules, seconds, ultimate, window};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::coverage::Completeness;
use domain::days::{DaysView, days};
use domain::job::{Job, Purpose};
use domain::ledger::Ledger;
use domain::reopening::{Reopening, day_changes};
use domain::row_changes::RowChanges;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::window::Window;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const END: i64 = 9 * DAY;

fn any_instants() -> impl Strategy<Value = Vec<DateTime<Utc>>> {
    prop::collection::vec((0..END).prop_map(at), 0..6)
}

fn any_vendor() -> impl Strategy<Value = Rules> {
    prop::sample::select(vec![rules(), certainly(), ultimate()])
}

fn any_zone() -> impl Strategy<Value = Tz> {
    prop::sample::select(vec![chrono_tz::UTC, chrono_tz::America::Bogota, chrono_tz::Asia::Kolkata])
}

/// A ledger that holds whole units, most of them final.
fn any_ledger() -> impl Strategy<Value = Ledger> {
    let settled = prop::collection::vec((0_i64..9, 1_i64..9), 0..4);
    let held = prop::collection::vec((0_i64..9, 1_i64..9), 0..3);
    (settled, held).prop_map(|(settled, held)| {
        let mut ledger = Ledger::default();
        let whole = |(from, days): (i64, i64)| window(from * DAY, (from + days) * DAY);
        for held in held {
            ledger.coverage.hold(whole(held));
        }
        for settled in settled {
            ledger.coverage.settle(whole(settled));
        }
        ledger
    })
}

fn changes(rows: &[DateTime<Utc>]) -> RowChanges {
    let mut changes = RowChanges::default();
    for at in rows {
        changes.add(*at);
    }
    changes
}

/// The ledger after an answer that changes `rows` and names `items`.
fn after(ledger: &Ledger, rows: &[DateTime<Utc>], items: &[DateTime<Utc>], rules: &Rules, zone: Tz) -> Ledger {
    let mut after = ledger.clone();
    for change in day_changes(ledger, &changes(rows), items, rules, zone) {
        for window in change.windows {
            after.coverage.unsettle(window);
        }
    }
    after
}

proptest! {
    #![proptest_config(often())]

    /// P3: no row that an answer has just changed lies in a final span, and no day of such a row is final.
    #[test]
    fn nothing_that_changed_stays_final(ledger in any_ledger(), rows in any_instants(), items in any_instants(), rules in any_vendor(), zone in any_zone()) {
        let after = after(&ledger, &rows, &items, &rules, zone);
        let view = DaysView { ledger: &after, rules: &rules, zone, now: at(30 * DAY), due: at(30 * DAY) };
        for changed in rows.iter().chain(&items) {
            prop_assert!(!rows.contains(changed) || !after.coverage.settled().contains(*changed), "{changed} is final");
            let day = changed.with_timezone(&zone).date_naive();
            prop_assert!(days(view, day, day)[0].state != Completeness::Final, "{day} is final");
        }
    }

    /// What no row touched stays as it was: the held spans, and the final spans outside the days of the changed rows.
    #[test]
    fn nothing_else_changes(ledger in any_ledger(), rows in any_instants(), items in any_instants(), rules in any_vendor(), zone in any_zone()) {
        let after = after(&ledger, &rows, &items, &rules, zone);
        prop_assert_eq!(after.coverage.held(), ledger.coverage.held());
        let touched: BTreeSet<_> = rows.iter().chain(&items).map(|at| at.with_timezone(&zone).date_naive()).collect();
        let touched: Vec<Window> = touched.into_iter().filter_map(|day| Window::of_day(day, zone)).map(|day| rules.expand(day)).collect();
        for settled in ledger.coverage.settled().windows() {
            for kept in settled.minus(touched.iter().copied()) {
                prop_assert!(after.coverage.settled().covers(kept), "{kept} is provisional");
            }
        }
    }

    /// A day counts as reopened exactly if it was final and a row or an item of it changed, and once.
    #[test]
    fn a_final_day_that_changes_is_reopened_once(ledger in any_ledger(), rows in any_instants(), items in any_instants(), rules in any_vendor(), zone in any_zone()) {
        let view = DaysView { ledger: &ledger, rules: &rules, zone, now: at(30 * DAY), due: at(30 * DAY) };
        let (first, last) = (at(-DAY).date_naive(), at(END + DAY).date_naive());
        let in_day = |instants: &[DateTime<Utc>], day| instants.iter().filter(|at| at.with_timezone(&zone).date_naive() == day).count();
        let expected: Vec<_> = days(view, first, last)
            .into_iter()
            .filter(|day| day.state == Completeness::Final)
            .map(|day| (day.day, in_day(&rows, day.day) as u64, in_day(&items, day.day) as u64))
            .filter(|(_, rows, items)| rows + items > 0)
            .collect();
        let found: Vec<_> = day_changes(&ledger, &changes(&rows), &items, &rules, zone)
            .into_iter()
            .filter(|change| change.was_final)
            .map(|change| (change.day, change.rows, change.items))
            .collect();
        prop_assert_eq!(found, expected);
    }

    /// The day of an open item is not final, so that its answer reopens nothing.
    #[test]
    fn a_day_with_an_open_item_is_not_reopened(mut ledger in any_ledger(), rows in any_instants(), item in 0..END, zone in any_zone()) {
        let scope = window(item, item + 1);
        let job = Job::new(Purpose::Item, Slice::Item("1".to_owned()), at(0), Duration::ZERO);
        ledger.jobs.push(Job { scope: Some(scope), ..job });
        let day = at(item).with_timezone(&zone).date_naive();
        let found = day_changes(&ledger, &changes(&rows), &[], &rules(), zone);
        prop_assert!(found.iter().all(|change| change.day != day || !change.was_final));
    }

    /// The reason of a reopened day says when and what, until the day is final again.
    #[test]
    fn the_reason_names_the_reopening(changed in 0_u64..9, named in 0_u64..3, times in 1_u64..4) {
        let mut ledger = Ledger::default();
        ledger.coverage.hold(window(0, 3 * DAY));
        let day = at(DAY).date_naive();
        let reopening =
            Reopening { day, at: at(5 * DAY + HOUR), rows: changed, items: named, times, revoked_delivery: None };
        ledger.reopenings.push(reopening);
        let rules = rules();
        let reason = |ledger: &Ledger| {
            let view = DaysView { ledger, rules: &rules, zone: chrono_tz::UTC, now: at(9 * DAY), due: at(9 * DAY) };
            days(view, day, day)[0].reason.clone()
        };
        let text = reason(&ledger).unwrap();
        prop_assert!(text.starts_with("reopened on 2026-10-06 01:00 UTC: a later answer "), "{text}");
        prop_assert_eq!(text.contains(&format!("changed {changed} row")), changed > 0 || named == 0);
        prop_assert_eq!(text.contains(&format!("named {named} unknown item")), named > 0);
        prop_assert_eq!(text.contains(&format!("(reopened {times} times)")), times > 1);
        ledger.coverage.settle(window(0, 3 * DAY));
        prop_assert_eq!(reason(&ledger), None);
    }

    /// Each counted instant lies in a span, the number of rows is kept, and neither order nor grouping matters.
    #[test]
    fn row_changes_lose_no_row(groups in prop::collection::vec(any_instants(), 0..5)) {
        let all: Vec<_> = groups.concat();
        let whole = changes(&all);
        let joined = groups.iter().rev().map(|group| changes(group)).fold(RowChanges::default(), RowChanges::and);
        prop_assert_eq!(&joined, &whole);
        prop_assert!(all.iter().all(|at| whole.spans().any(|(span, _)| span.contains(*at))));
        prop_assert_eq!(whole.spans().map(|(_, rows)| rows).sum::<u64>(), all.len() as u64);
        prop_assert_eq!(whole.is_empty(), all.is_empty());
    }

    /// However far the rows lie apart, the number of spans is bounded and no row is lost.
    #[test]
    fn row_changes_are_bounded(count in 1_i64..6_000, step in 1_i64..40) {
        let (mut one, mut other) = (RowChanges::default(), RowChanges::default());
        for row in 0..count {
            one.add(at(row * step * HOUR));
            other.add(at(-row * HOUR));
        }
        let both = one.and(other);
        prop_assert!(both.spans().count() <= RowChanges::MOST_SPANS);
        prop_assert_eq!(both.spans().map(|(_, rows)| rows).sum::<u64>(), u64::try_from(2 * count).unwrap());
        let newest = at((count - 1) * step * HOUR);
        prop_assert!(both.spans().any(|(span, _)| span.contains(newest)));
    }

    /// Outside a window, no span meets the window, and all others are kept.
    #[test]
    fn row_changes_outside_a_window(rows in any_instants(), from in 0..END, length in 1..DAY) {
        let excluded = window(from, from + length);
        let rest = changes(&rows).outside(excluded);
        prop_assert!(rest.spans().all(|(span, _)| span.intersect(&excluded).is_none()));
        let near = Window::new(excluded.from() - TimeDelta::minutes(15), excluded.to() + TimeDelta::minutes(15)).unwrap();
        let far = rows.iter().filter(|at| !near.contains(**at));
        prop_assert!(far.into_iter().all(|at| rest.spans().any(|(span, _)| span.contains(*at))));
    }

    #[test]
    fn unsettling_leaves_no_final_instant_inside(settled in any_windows(240), held in any_windows(240), from in 0_i64..239, length in 1_i64..60) {
        let mut coverage = domain::coverage::Coverage::default();
        for window in &held {
            coverage.hold(*window);
        }
        for window in &settled {
            coverage.settle(*window);
        }
        let before = coverage.clone();
        let undone = window(from, from + length);
        coverage.unsettle(undone);
        prop_assert_eq!(coverage.held(), before.held());
        let expected: Vec<bool> = seconds(before.settled().windows(), 240)
            .into_iter()
            .enumerate()
            .map(|(second, is)| is && !undone.contains(at(i64::try_from(second).unwrap())))
            .collect();
        prop_assert_eq!(seconds(coverage.settled().windows(), 240), expected);
    }
}
