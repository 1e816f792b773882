//! The service meets the faults of a vendor: errors, throttling, a refused token and a spent quota.

use crate::harness::{
    AccountSettings, Engine, Process, TestDatabase, WolkvoxVendor, convosync, history, is_held, until, until_refused,
    zone,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::window::midnight;
use serde_json::Value;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::wolkvox::{Config, EmptyAnswer, WolkvoxFaults};
use std::time::Duration;

async fn status(settings: &str) -> Value {
    let shown = convosync(settings, &["--output", "json", "status"]).await;
    serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&shown.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_equals_the_vendor_after_every_kind_of_fault() {
    let vendor = WolkvoxVendor::start(Config {
        faults: Faults {
            throttle_429: 0.05,
            retry_after: Duration::from_secs(1),
            server_500: 0.05,
            html_200: 0.05,
            cut_body: 0.05,
            slow: 0.02,
            slow_for: Duration::from_secs(4),
            ..Faults::default()
        },
        wolkvox_faults: WolkvoxFaults {
            maintenance_403: 0.03,
            simultaneous_403: 0.03,
            error_in_200: 0.05,
            ..WolkvoxFaults::default()
        },
        row_cap: 100,
        empty: EmptyAnswer::NullData,
        blank_ids: 0.05,
        duplicates: 0.05,
        odd_columns: true,
        closes_after: Duration::from_secs(10),
        ..history(12, 120.0)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token")
        .with("row_cap", "100")
        .with("since", &vendor.days().0);
    let settings = account.file(&database.url, "memory:");
    let days = vendor.days();
    let days = (days.0.parse().unwrap(), days.1.parse().unwrap());
    let process = Process::run(&settings, &[]);
    until("the backlog", async || {
        is_held(&settings, "a", days).await
            && database.number("SELECT COUNT(*) FROM jobs WHERE purpose <> 'live'").await == 0
    })
    .await;
    vendor.wolkvox.set_faults(Faults::default());
    vendor.wolkvox.set_wolkvox_faults(WolkvoxFaults::default());
    vendor.freeze_and_catch_up(&database.database, "a").await;
    let compared = vendor.compare(&database.database, "a").await;
    assert!(compared.is_equal() && compared.vendor > 1_000, "{compared:?}\n{}", process.log());
    let kinds = database.texts("SELECT DISTINCT outcome FROM requests").await;
    assert!(kinds.len() >= 4, "the run met only {kinds:?}");
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_parks_its_lane_until_an_operator_opens_it() {
    let vendor = WolkvoxVendor::start(Config { tokens: vec!["another".to_owned()], ..history(3, 20.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::new("a", &vendor.base, "refused").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until_refused(&database).await;
    let asked = vendor.wolkvox.requests().len();
    assert_eq!(asked, 4, "one request, and one after each of the waits");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(vendor.wolkvox.requests().len(), asked, "a parked lane sends no request");
    let shown = status(&settings).await;
    assert_eq!(shown["accounts"][0]["state"], "parked", "{shown}");
    assert!(shown["accounts"][0]["last_error"].as_str().unwrap().contains("VALIDATE TOKEN"), "{shown}");
    assert_eq!(convosync(&settings, &["doctor"]).await.status.code(), Some(8));
    let (from, to) = vendor.days();
    let waited = convosync(&settings, &["backfill", "start", "a", "--from", &from, "--to", &to, "--wait"]).await;
    assert_eq!(waited.status.code(), Some(5), "a wait on a parked lane ends with an error");
    vendor.wolkvox.set_tokens(vec!["refused".to_owned()]);
    assert!(convosync(&settings, &["lanes", "open", "a"]).await.status.success());
    until("work to go on", async || {
        database.number("SELECT COUNT(*) FROM requests WHERE verdict = 'commit'").await > 0
    })
    .await;
    assert_eq!(status(&settings).await["accounts"][0]["state"], "ok");
    drop(process);
}

/// A gateway that refuses every credential for a while, as during a deployment, needs no operator.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_a_refused_token_opens_the_lane() {
    let vendor = WolkvoxVendor::start(Config { tokens: vec!["another".to_owned()], ..history(3, 20.0) }).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let settings = AccountSettings::new("a", &vendor.base, "refused").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let refusals = async || database.number("SELECT CAST(COALESCE(MAX(refusals), 0) AS bigint) FROM lanes").await;
    until("the first refusal", async || refusals().await >= 1).await;
    let shown = status(&settings).await;
    assert_ne!(shown["accounts"][0]["state"], "parked", "{shown}");
    assert!(shown["accounts"][0]["reasons"].to_string().contains("token_probed"), "{shown}");
    database.end_closures().await;
    until("the second refusal", async || refusals().await >= 2).await;
    vendor.wolkvox.set_tokens(vec!["refused".to_owned()]);
    database.end_closures().await;
    until("work to go on", async || {
        database.number("SELECT COUNT(*) FROM lanes WHERE closed_at IS NULL AND refusals = 0").await == 1
    })
    .await;
    assert_eq!(status(&settings).await["accounts"][0]["state"], "ok", "{}", process.log());
    assert_eq!(vendor.wolkvox.most_in_flight(), 1, "P1");
}

/// Some vendors write a timestamp where a number of seconds belongs: `Retry-After: 1795277400` would be 57 years.
#[tokio::test(flavor = "multi_thread")]
async fn a_wait_of_many_years_is_probed_within_an_hour() {
    let wait = Duration::from_mins(1_795_277_400 / 60);
    let faults = Faults { throttle_429: 1.0, retry_after: wait, real_wait: Some(Duration::ZERO), ..Faults::default() };
    let vendor = WolkvoxVendor::start(Config { faults, ..history(3, 20.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::new("a", &vendor.base, "simulated-token").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the lane to close", async || {
        database.number("SELECT COUNT(*) FROM lanes WHERE closed_until IS NOT NULL").await == 1
    })
    .await;
    let lane = status(&settings).await["lanes"][0].clone();
    let until_at: DateTime<Utc> = lane["closed_until"].as_str().unwrap().parse().unwrap();
    assert!(until_at <= vendor.now() + TimeDelta::hours(1), "{lane}");
    let because = lane["closed_because"].as_str().unwrap();
    assert!(because.contains("the vendor asks to wait until 20") && because.contains("closed until"), "{lane}");
    vendor.wolkvox.set_faults(Faults::default());
    database.end_closures().await;
    until("work to go on", async || {
        database.number("SELECT COUNT(*) FROM requests WHERE verdict = 'commit'").await > 0
    })
    .await;
    assert_eq!(database.number("SELECT COUNT(*) FROM lanes WHERE closed_at IS NOT NULL").await, 0);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_closes_the_lane_until_midnight_and_backfills_stop_before() {
    let vendor = WolkvoxVendor::start(Config { daily_quota: Some(60), row_cap: 20, ..history(20, 100.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token")
        .with("row_cap", "20")
        .with("daily_quota", "60")
        .with("interval", "1h")
        .with("since", &vendor.days().0);
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let asked = async || database.number("SELECT COUNT(*) FROM requests").await;
    until("nine tenths of the quota to be spent", async || asked().await >= 54).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(asked().await, 54, "background work stops at 90 % of the daily quota");
    vendor.assert_no_breach();
    drop(process);
    // Another client spends the rest of the quota. The vendor says so, and the lane closes until tomorrow.
    vendor.wolkvox.set_daily_quota(Some(1));
    let before = vendor.now();
    let process = Process::run(&account.with("interval", "1s").file(&database.url, "memory:"), &[]);
    until("the lane to close", async || {
        database.number("SELECT COUNT(*) FROM lanes WHERE closed_until IS NOT NULL").await == 1
    })
    .await;
    let until = status(&settings).await["lanes"][0]["closed_until"].as_str().unwrap().to_owned();
    let until: DateTime<Utc> = until.parse().unwrap();
    let next_midnight =
        |now: DateTime<Utc>| midnight(now.with_timezone(&zone()).date_naive() + TimeDelta::days(1), zone());
    assert!([before, vendor.now()].map(next_midnight).contains(&until), "the vendor's next midnight, not {until}");
    drop(process);
}

/// The database fails while it stores answers, and is mended. Each failure is recorded with its reason and frees the lane.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_database_is_visible_and_the_work_goes_on_once_it_is_mended() {
    let vendor = WolkvoxVendor::start(history(3, 40.0)).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    database.run("ALTER TABLE wolkvox_chats ADD CONSTRAINT broken CHECK (account <> 'a')").await;
    let settings = AccountSettings::new("a", &vendor.base, "simulated-token")
        .with("since", &vendor.days().0)
        .with("retry_min", "1s")
        .with("retry_max", "2s")
        .file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("two recorded failures", async || {
        database.number("SELECT COUNT(*) FROM requests WHERE outcome = 'database' AND verdict = 'retry'").await >= 2
    })
    .await;
    let account = status(&settings).await["accounts"][0].clone();
    assert!(account["last_error"].as_str().unwrap().contains("broken"), "{account}");
    database.run("ALTER TABLE wolkvox_chats DROP CONSTRAINT broken").await;
    let days = vendor.days();
    let days = (days.0.parse().unwrap(), days.1.parse().unwrap());
    until("all days", async || is_held(&settings, "a", days).await).await;
    vendor.freeze_and_catch_up(&database.database, "a").await;
    let compared = vendor.compare(&database.database, "a").await;
    assert!(compared.is_equal() && compared.vendor > 50, "{compared:?}\n{}", process.log());
    vendor.assert_no_breach();
}
