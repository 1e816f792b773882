//! How much each live poll of an account with the default settings asks for.

use super::super::rules::defaults;
use super::*;
use chrono::TimeDelta;
use domain::ledger::Ledger;
use domain::planner::plan;
use domain::window::Window;

/// The polls of a service that has run for two days, at each slot until three hours later.
fn polls() -> Vec<Window> {
    let rules = defaults();
    let began = utc("2026-08-10T00:00:00Z");
    let mut now = utc("2026-08-12T00:00:00Z");
    let mut ledger =
        Ledger { slot: Some(now), refreshed: Some(now), live_rows_per_day: Some(500.0), ..Ledger::default() };
    ledger.coverage.hold(Window::new(began, now).unwrap());
    let mut polls = Vec::new();
    for _ in 0..36 {
        now += TimeDelta::minutes(5);
        let plan = plan(now, began, &rules, &ledger);
        assert_eq!(plan.jobs.len(), 1, "{plan:?}");
        let window = plan.jobs[0].slice.window().unwrap();
        ledger.accept(plan);
        // The vendor answers in full.
        ledger.jobs.clear();
        ledger.coverage.hold(window);
        polls.push(window);
    }
    polls
}

#[test]
fn a_poll_between_two_refreshes_asks_for_about_an_hour() {
    let (refreshes, between): (Vec<_>, Vec<_>) =
        polls().into_iter().partition(|poll| poll.to().timestamp() % 3600 == 0);
    for poll in &between {
        assert_eq!(poll.span(), TimeDelta::minutes(65), "{poll}: the overlap and the time since the last poll");
    }
    assert_eq!((refreshes.len(), between.len()), (3, 33));
    // A chat may change until the vendor closes it: once an hour the worker reads all that may still change.
    assert!(refreshes.iter().all(|poll| poll.span() >= defaults().settle), "{refreshes:?}");
}
