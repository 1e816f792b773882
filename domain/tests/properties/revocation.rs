//! What follows when an operator revokes a delivery.

use crate::strategies::{DAY, at, rules, window};
use chrono::Duration;
use domain::coverage::Completeness;
use domain::days::{DaysView, days};
use domain::job::{Job, JobState, Purpose};
use domain::ledger::Ledger;
use domain::reopening::Reopening;
use domain::rules::{Export, Rules};
use domain::slice::Slice;
use domain::spans::Spans;
use domain::window::Window;
use proptest::prelude::*;

fn mailing() -> Rules {
    let hour = std::time::Duration::from_hours(1);
    Rules { granularity: Duration::days(1), export: Some(Export { busy_retry: hour, patience: hour }), ..rules() }
}

fn any_ledger() -> impl Strategy<Value = Ledger> {
    prop::collection::vec((0..10_i64, 1..5_i64, any::<bool>(), 0..4_u8), 0..6).prop_map(|parts| {
        let mut ledger = Ledger::default();
        for (id, (from, length, is_final, kind)) in (1..).zip(parts) {
            let span = window(from * DAY, (from + length) * DAY);
            match kind {
                0 => {
                    let job = Job::new(Purpose::Settle, Slice::Export(span), at(0), std::time::Duration::ZERO);
                    let state = JobState::Parked { reason: "rows could not be read".to_owned() };
                    ledger.jobs.push(Job { id, state, ..job });
                }
                _ if is_final => ledger.coverage.settle(span),
                _ => ledger.coverage.hold(span),
            }
        }
        ledger
    })
}

proptest! {
    #[test]
    fn a_revoked_window_is_missing_and_requested_again(ledger in any_ledger(), from in 0..10_i64, length in 1..5_i64) {
        let revoked = window(from * DAY, (from + length) * DAY);
        let now = at(30 * DAY);
        let mut after = ledger.clone();
        let days = after.revoke(revoked, &mailing(), chrono_tz::UTC, now);

        let rest = |spans: &Spans| spans.windows().iter().flat_map(|span| span.minus([revoked])).collect::<Spans>();
        prop_assert_eq!(after.coverage.held(), &rest(ledger.coverage.held()), "nothing else is lost");
        prop_assert_eq!(after.coverage.settled(), &rest(ledger.coverage.settled()));
        let was_held = |day: &chrono::NaiveDate| {
            let day = Window::of_day(*day, chrono_tz::UTC).unwrap();
            !ledger.coverage.held().within(day).is_empty()
        };
        prop_assert_eq!(days, revoked.days(chrono_tz::UTC).into_iter().filter(was_held).collect::<Vec<_>>());
        let is_open = |job: &&Job| job.state == JobState::Waiting && job.due <= now;
        let exports: Spans = after.jobs.iter().filter(is_open).filter_map(|job| job.slice.window()).collect();
        prop_assert!(exports.covers(revoked));
        prop_assert!(after.blocked().iter().all(|parked| parked.intersect(&revoked).is_none()));

        let mut again = after.clone();
        prop_assert!(again.revoke(revoked, &mailing(), chrono_tz::UTC, now).is_empty());
        prop_assert_eq!(again, after, "a second time changes nothing");
    }

    #[test]
    fn the_reason_names_the_revoked_delivery(id in 1..99_i64) {
        let mut ledger = Ledger::default();
        ledger.coverage.settle(window(0, 3 * DAY));
        let rules = mailing();
        let days_of = |ledger: &Ledger| {
            let view = DaysView { ledger, rules: &rules, zone: chrono_tz::UTC, now: at(9 * DAY), due: at(9 * DAY) };
            let day = at(DAY).date_naive();
            days(view, day, day)[0].clone()
        };
        for day in ledger.revoke(window(DAY, 2 * DAY), &rules, chrono_tz::UTC, at(9 * DAY)) {
            let revoked_delivery = Some(id);
            ledger.reopenings.push(Reopening { day, at: at(9 * DAY), rows: 3, items: 0, times: 1, revoked_delivery });
        }
        let day = days_of(&ledger);
        prop_assert_eq!(day.state, Completeness::Missing);
        let reason = day.reason.unwrap();
        let words = format!("an operator revoked delivery {id}; too many rows for one answer");
        prop_assert!(reason.starts_with(&words), "{}", reason);
        ledger.coverage.hold(window(DAY, 2 * DAY));
        let reason = days_of(&ledger).reason.unwrap();
        prop_assert!(reason.contains(&format!(": an operator revoked delivery {id}; the worker reads")), "{}", reason);
    }
}
