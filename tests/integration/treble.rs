//! Treble: the worker lists polls, their sessions by pages and the history of each session, and it accepts webhooks.

use crate::harness::{
    Engine, Process, RedisServer, TestDatabase, TrebleVendor, convosync, coverage, free_address, is_held, until,
};
use chrono::TimeDelta;
use chrono_tz::Tz;
use convosync::clock::SystemClock;
use demo::compare::{Comparison, treble, treble_events};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use simulator::gateway::{Faults, Limits};
use simulator::treble::Config;
use simulator::webhook_outbox::{DeliveryPlan, Origin, WebhookFaults};
use simulator::{SimulatedVendor, WebhookVendor};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A vendor with `days` days of two polls that have `per_day` sessions each. It permits more requests than the real one.
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
async fn every_listed_session_is_stored_with_its_history() {
    let vendor = TrebleVendor::start(Config {
        repeats: 1.0,
        faults: Faults { throttle_429: 0.01, retry_after: Duration::from_secs(1), ..Faults::default() },
        ..sessions(10, 30.0)
    })
    .await;
    vendor.treble.freeze();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    // The vendor is frozen, so the service need not read a list again.
    let account = vendor.account("t").with("since", &vendor.day(9).to_string()).with("refresh", "1h");
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(9), vendor.day(0));
    until("all days", async || is_held(&settings, "t", days).await).await;
    assert_equal(&vendor.compare(&database.database, "t", 9).await, &process);
    for day in coverage(&settings, "t", (vendor.day(9), vendor.day(8))).await {
        assert_eq!(day["state"], "final", "{day}");
    }
    let seen = vendor.treble.requests();
    let pages: Vec<_> = seen.iter().filter(|seen| seen.facts.path.contains("next_id") && seen.status == 200).collect();
    let rows: usize = seen.iter().filter(|seen| seen.outcome == "sessions").map(|seen| seen.rows).sum();
    let stored = database.number("SELECT COUNT(*) FROM treble_sessions").await;
    assert!(pages.len() >= 2, "the list must have several pages: {pages:?}");
    assert!(
        i64::try_from(rows).unwrap() > stored,
        "{rows} sessions on the pages, {stored} stored: no session came twice"
    );
    assert!(seen.iter().any(|seen| seen.status == 429), "never throttled");
    assert_eq!(vendor.treble.breaches(), []);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_session_is_fetched_until_it_ends() {
    let vendor = TrebleVendor::start(Config {
        live_every: Some(Duration::from_millis(800)),
        lasts_for: Some(Duration::from_secs(8)),
        never_close: 0.0,
        ..sessions(3, 4.0)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(2).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let open = "SELECT session_id FROM treble_sessions WHERE session_id LIKE '9000%' AND finished_at IS NULL";
    until("sessions that go on", async || database.texts(open).await.len() > 2).await;
    let before = database.texts(open).await;
    // The sessions end.
    tokio::time::sleep(Duration::from_secs(9)).await;
    vendor.treble.freeze();
    until("the tables to equal the vendor", async || {
        vendor.compare(&database.database, "t", 2).await.values().all(Comparison::is_equal)
    })
    .await;
    assert_equal(&vendor.compare(&database.database, "t", 2).await, &process);
    let after = database.texts(open).await;
    assert!(before.iter().any(|id| !after.contains(id)), "{before:?} never ended");
    assert_eq!(vendor.treble.breaches(), []);
    drop(process);
}

/// The test kills the service halfway.
#[tokio::test(flavor = "multi_thread")]
async fn the_tables_equal_the_vendor_after_webhook_faults_and_a_kill() {
    let vendor = TrebleVendor::start(Config {
        live_every: Some(Duration::from_millis(300)),
        lasts_for: Some(Duration::from_secs(4)),
        webhook_faults: WebhookFaults {
            lost: 0.05,
            duplicate: 0.05,
            disorder: 0.05,
            forged: 0.02,
            ..WebhookFaults::default()
        },
        faults: Faults { throttle_429: 0.03, retry_after: Duration::from_secs(1), ..Faults::default() },
        ..sessions(3, 4.0)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let (server, redis) = (free_address().to_string(), RedisServer::start().await);
    let settings = vendor.account("t").with("since", &vendor.day(2).to_string()).file(&database.url, &redis.url());
    let settings = settings.replace("127.0.0.1:0", &server);
    let process = Process::run(&settings, &[]);
    until("the server", async || process.address().is_some()).await;
    let url = TrebleVendor::hooks(&server, "t");
    let stopping = CancellationToken::new();
    let sending = vendor.treble.send_webhooks(&url, stopping.clone()).unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    process.kill().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let process = Process::run(&settings, &[]);
    tokio::time::sleep(Duration::from_secs(8)).await;
    vendor.treble.freeze();
    // The vendor checks for new sessions once more.
    tokio::time::sleep(Duration::from_millis(100)).await;
    until("each webhook to be sent", async || vendor.treble.pending_deliveries() == 0).await;
    stopping.cancel();
    sending.stopped().await;
    // Open sessions would be fetched again in five minutes; the test makes them due now.
    database
        .run("UPDATE jobs SET due_at = CURRENT_TIMESTAMP WHERE slice_key LIKE 'session/%' AND state = 'waiting'")
        .await;
    until("the tables to equal the vendor", async || {
        vendor.compare(&database.database, "t", 2).await.values().all(Comparison::is_equal)
    })
    .await;
    assert_equal(&vendor.compare(&database.database, "t", 2).await, &process);
    let (sent, events) = (vendor.treble.attempts(), vendor.treble.events());
    let count = |fate| events.iter().filter(|event| event.delivery == fate).count();
    assert!(
        count(DeliveryPlan::Lost) > 0 && count(DeliveryPlan::Twice) > 0 && count(DeliveryPlan::Late) > 0,
        "{events:?}"
    );
    let delivered = events.iter().filter(|event| event.delivery != DeliveryPlan::Lost);
    // Events of flows have no id: two in one second count as one.
    let delivered: BTreeSet<_> = delivered.map(|event| (&event.subject, event.action, event.at)).collect();
    let stored = treble_events(&database.database, "t", &vendor.treble).await.unwrap();
    assert!(stored.is_equal() && stored.vendor == delivered.len(), "{stored:?} of {}", delivered.len());
    let forged: Vec<_> = sent.iter().filter(|sent| sent.origin == Origin::Forged).collect();
    assert!(!forged.is_empty() && forged.iter().all(|sent| sent.status == Some(401)), "{forged:?}");
    let noted = database.number("SELECT COUNT(*) FROM deliveries WHERE kind = 'webhook'").await;
    assert_eq!(usize::try_from(noted).unwrap(), stored.vendor, "each event is stored once");
    assert_eq!(vendor.treble.breaches(), []);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_poll_does_not_stop_other_polls() {
    let faults = Faults { throttle_429: 0.05, retry_after: Duration::from_secs(1), ..Faults::default() };
    let vendor = TrebleVendor::start(Config { polls: 4, failing_polls: vec![1], faults, ..sessions(9, 2.0) }).await;
    vendor.treble.freeze();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(8).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let failing = vendor.treble.polls()[1].id;
    let sessions = vendor.treble.dataset(vendor.since(8)).sessions;
    let of_failing = sessions.iter().filter(|session| session.poll_id == failing).count();
    let mut compared = BTreeMap::new();
    until("the other polls", async || {
        compared = vendor.compare(&database.database, "t", 8).await;
        compared["treble_sessions"].missing.len() == of_failing && {
            let read = "SELECT DISTINCT session_id FROM treble_messages";
            database.texts(read).await.len() == sessions.len() - of_failing
        }
    })
    .await;
    for (table, compared) in &compared {
        assert_eq!(compared.surplus, [""; 0], "{table}\n{}", process.log());
    }
    let of_failing: Vec<_> = sessions.iter().filter(|session| session.poll_id == failing).collect();
    assert!(of_failing.len() > 8 && compared["treble_polls"].is_equal());
    for session in of_failing {
        let name = format!("{} of {}", session.id, session.created_at.to_rfc3339());
        assert!(compared["treble_sessions"].missing.contains(&name), "{name}: {compared:?}");
    }
    let days = coverage(&settings, "t", (vendor.day(8), vendor.day(0))).await;
    assert!(days.len() == 9 && days.iter().all(|day| day["state"] != "final"), "{days:?}");
    assert_eq!(vendor.treble.breaches(), []);
    drop(process);
}

/// The days stay held during the backfill, and the backfill fetches no session of other days.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_in_mode_all_fetches_ended_sessions_again_and_removes_no_row() {
    let vendor = TrebleVendor::start(Config { never_close: 0.0, ..sessions(11, 6.0) }).await;
    vendor.treble.freeze();
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = vendor.account("t").with("since", &vendor.day(10).to_string()).with("refresh", "1h");
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("all days", async || is_held(&settings, "t", (vendor.day(10), vendor.day(0))).await).await;
    let days = (vendor.day(9), vendor.day(8));
    let states = async || {
        let days = coverage(&settings, "t", days).await;
        days.iter().map(|day| day["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until("both to be final", async || states().await == ["final", "final"]).await;
    let asked = |since: usize| {
        let seen = vendor.treble.requests().split_off(since);
        seen.into_iter().filter(|seen| seen.outcome == "history").map(|seen| seen.facts.path).collect::<Vec<_>>()
    };
    let before = vendor.treble.requests().len();
    database.run("DELETE FROM treble_messages").await;
    let (from, to) = (days.0.to_string(), days.1.to_string());
    let order = ["backfill", "start", "t", "--from", &from, "--to", &to, "--mode", "all"];
    assert!(convosync(&settings, &order).await.status.success());
    let mut observed = BTreeSet::new();
    until("the backfill", async || {
        observed.extend(states().await);
        database.number("SELECT COUNT(*) FROM backfills WHERE state = 'done'").await == 1
    })
    .await;
    assert!(!observed.contains("missing") && !observed.contains("blocked"), "{observed:?}");
    // The answers added rows to days that were final, so the next refresh, an hour later, reads the days again.
    assert_eq!(states().await, ["provisional", "provisional"]);
    let window = Window::new(midnight(days.0, Tz::UTC), midnight(days.1 + TimeDelta::days(1), Tz::UTC)).unwrap();
    let dataset = vendor.treble.dataset(window);
    let mut again = asked(before);
    again.sort();
    let mut named: Vec<_> =
        dataset.sessions.iter().map(|session| format!("/devapi/session/{}/history", session.id)).collect();
    named.sort();
    assert!(named.len() > 5);
    assert_eq!(again, named, "the backfill fetches each session once, and no other");
    let compared = treble(&database.database, "t", &vendor.treble, window).await.unwrap();
    let compared: BTreeMap<_, _> = compared.into();
    assert_equal(&compared, &process);
    drop(process);
}

/// Whether the tables equal the vendor and the stored events equal the events that the vendor delivered.
async fn is_equal(vendor: &TrebleVendor, database: &TestDatabase) -> bool {
    let tables = vendor.compare(&database.database, "t", 2).await;
    let events = treble_events(&database.database, "t", &vendor.treble).await.unwrap();
    tables.values().all(Comparison::is_equal) && events.is_equal()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_detects_a_change_in_every_column() {
    let vendor = TrebleVendor::start(Config {
        live_every: Some(Duration::from_millis(250)),
        lasts_for: Some(Duration::from_secs(2)),
        never_close: 0.0,
        ..sessions(3, 3.0)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(2).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the server", async || process.address().is_some()).await;
    let stopping = CancellationToken::new();
    let url = TrebleVendor::hooks(&process.address().unwrap(), "t");
    let sending = vendor.treble.send_webhooks(&url, stopping.clone()).unwrap();
    let closes = "SELECT COUNT(*) FROM treble_events WHERE event_type = 'session.close'";
    until("ends", async || database.number(closes).await > 2).await;
    vendor.treble.freeze();
    until("the tables to equal the vendor", async || is_equal(&vendor, &database).await).await;
    stopping.cancel();
    sending.stopped().await;
    drop(process);
    let rows = [
        ("treble_polls", "poll_id <> ''"),
        ("treble_sessions", "finished_at IS NOT NULL"),
        ("treble_messages", "entry_type = 'MESSAGE'"),
        ("treble_messages", "entry_type = 'EVENT'"),
        ("treble_events", "event_type = 'session.close'"),
    ];
    for (table, which) in rows {
        database.run(&format!("CREATE TABLE kept AS SELECT * FROM {table}")).await;
        let columns = format!("SELECT name || ' ' || type FROM pragma_table_info('{table}')");
        for column in database.texts(&columns).await {
            let (name, kind) = column.split_once(' ').unwrap();
            let value = match kind.to_lowercase().as_str() {
                _ if ["account", "digest", "synced_at"].contains(&name) => continue,
                kind if kind.contains("timestamp") => "'2026-01-01T00:00:00.000001+00:00'",
                kind if kind.contains("json") => r#"'{"odd": [1]}'"#,
                kind if kind.contains("int") => "77",
                _ => "'odd'",
            };
            let one = format!("rowid = (SELECT MIN(rowid) FROM {table} WHERE {which})");
            database.run(&format!("UPDATE {table} SET \"{name}\" = {value} WHERE {one}")).await;
            assert!(!is_equal(&vendor, &database).await, "{table}.{name}, {which}");
            database.run(&format!("DELETE FROM {table}")).await;
            assert!(!is_equal(&vendor, &database).await, "nothing in {table}");
            database.run(&format!("INSERT INTO {table} SELECT * FROM kept")).await;
            assert!(is_equal(&vendor, &database).await, "{table} as it was");
        }
        database.run("DROP TABLE kept").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tables_equal_the_vendor_after_every_fault() {
    let faults = Faults {
        throttle_429: 0.05,
        retry_after: Duration::from_secs(1),
        real_wait: None,
        server_500: 0.05,
        html_200: 0.05,
        cut_body: 0.05,
        slow: 0.02,
        slow_for: Duration::from_millis(3500),
        gateway_504: 0.05,
    };
    let vendor = TrebleVendor::start(Config { faults, ..sessions(5, 5.0) }).await;
    vendor.treble.freeze();
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = vendor.account("t").with("since", &vendor.day(4).to_string()).with("refresh", "1h");
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(4), vendor.day(0));
    until("all days", async || is_held(&settings, "t", days).await).await;
    assert_equal(&vendor.compare(&database.database, "t", 4).await, &process);
    let kinds = database.texts("SELECT DISTINCT outcome FROM requests").await;
    assert!(kinds.len() >= 5, "the run met only {kinds:?}");
    assert_eq!(vendor.treble.breaches(), []);
    drop(process);
}
