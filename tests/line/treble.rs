//! Treble: polls that lead to their sessions, page by page, and sessions that lead to their histories; and webhooks.

use crate::stage::{Engine, Process, TestDatabase, TrebleVendor, coverage, is_held, until};
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use convosync::compare::{Comparison, treble_events};
use domain::clock::Clock;
use simulator::gateway::{Faults, Limits};
use simulator::post::{Fate, Kind, Shares};
use simulator::treble::Config;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// `days` days of two polls with `per_day` sessions each, at a vendor that is quicker than the real one.
fn sessions(days: i64, per_day: f64) -> Config {
    let limits = Limits { requests_per_second: 40.0, ..Config::default().limits };
    let history_from = SystemClock::start().now() - TimeDelta::days(days);
    Config { polls: 2, history_from, sessions_per_day: per_day, limits, ..Config::default() }
}

fn assert_equal(compared: &BTreeMap<&'static str, Comparison>, process: &Process) {
    for (table, compared) in compared {
        assert!(compared.is_equal() && compared.vendor > 1, "{table}: {compared:?}\n{}", process.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_of_the_lists_is_held_with_its_history() {
    // More than a page of each poll in a window of ten days, and a third of the sessions is not over when it is first listed.
    let vendor = TrebleVendor::start(Config {
        repeats: 1.0,
        faults: Faults { throttle_429: 0.02, retry_after: Duration::from_secs(1), ..Faults::default() },
        ..sessions(10, 14.0)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(9).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(9), vendor.day(0));
    until("all days", Duration::from_mins(2), async || is_held(&settings, "t", days).await).await;
    let compared = vendor.compare(&database.database, "t", 9).await;
    assert_equal(&compared, &process);
    for day in coverage(&settings, "t", (vendor.day(9), vendor.day(8))).await {
        assert_eq!(day["state"], "final", "{day}");
    }
    assert_eq!(vendor.treble.breaches(), []);
    drop(process);
}
