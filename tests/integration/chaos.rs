//! Three processes on PostgreSQL and Redis survive kills, pauses and the loss of Redis (P1 to P6, P8, P9).

use crate::harness::{
    AccountSettings, Engine, Process, RedisServer, TestDatabase, WolkvoxVendor, convosync, history, until, within,
};
use chrono::TimeDelta;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::wolkvox::Config;
use std::time::Duration;

/// The lease of a lane in this test.
const LEASE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_vendor_rules_survive_kills_pauses_and_redis_losses() {
    let vendor = WolkvoxVendor::start(Config {
        row_cap: 100,
        latency: Duration::from_millis(80),
        live_every: Some(Duration::from_secs(2)),
        closes_after: Duration::from_secs(20),
        blank_ids: 0.01,
        duplicates: 0.02,
        faults: Faults {
            server_500: 0.02,
            cut_body: 0.02,
            throttle_429: 0.01,
            retry_after: Duration::from_secs(1),
            ..Faults::default()
        },
        ..history(25, 300.0)
    })
    .await;
    let mut redis = RedisServer::start().await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account =
        AccountSettings::new("a", &vendor.base, "simulated-token").with("row_cap", "100").with("settle", "5m");
    let settings = account.file(&database.url, &redis.url());
    let mut first = Process::run(&settings, &[]);
    let second = Process::run(&settings, &[]);
    let third = Process::run(&settings, &[]);
    let (from, to) = vendor.days();
    let ordered = convosync(&settings, &["backfill", "start", "a", "--from", &from, "--to", &to]).await;
    assert!(ordered.status.success(), "{}", String::from_utf8_lossy(&ordered.stderr));

    wait_for_windows(&database, 15).await;
    first.signal("KILL");
    first.ended(Duration::from_secs(5)).await;
    assert_work_continues(&database, "kill -9 of one process", LEASE + Duration::from_secs(5)).await;

    second.signal("STOP");
    tokio::time::sleep(LEASE + Duration::from_secs(2)).await;
    second.signal("CONT");
    assert_work_continues(&database, "a pause past the lease", LEASE + Duration::from_secs(5)).await;

    redis::cmd("FLUSHALL").query_async::<()>(&mut redis.connection().await).await.unwrap();
    assert_work_continues(&database, "FLUSHALL", Duration::from_mins(1)).await;

    redis.restart(Duration::from_secs(2)).await;
    assert_work_continues(&database, "a Redis restart", Duration::from_mins(1)).await;
    let first = Process::run(&settings, &[]);

    until("every window to be answered", async || {
        database.number("SELECT COUNT(*) FROM backfills WHERE state = 'done'").await == 1
    })
    .await;
    vendor.wolkvox.set_faults(Faults::default());
    vendor.freeze_and_catch_up(&database.database, "a").await;
    assert_consistent(&vendor, &database).await;
    drop((first, second, third));
}

async fn assert_consistent(vendor: &WolkvoxVendor, database: &TestDatabase) {
    vendor.assert_no_breach();
    let compared = vendor.compare(&database.database, "a").await;
    assert!(compared.is_equal() && compared.vendor > 5_000, "P2, P3: {compared:?}");
    let parked = database.number("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await;
    assert_eq!(parked, 0, "parked windows");
    // Coverage without a gap: the service holds every requested window, and each answer was complete (P4).
    let gaps = "SELECT COUNT(*) FROM (SELECT from_at, LAG(to_at) OVER (ORDER BY from_at) AS before FROM coverage) AS c WHERE \
                before IS NOT NULL AND from_at <> before";
    assert_eq!(database.number(gaps).await, 0, "gaps in the coverage");
    let twice = "SELECT COUNT(*) FROM (SELECT to_at FROM requests WHERE purpose = 'live' AND verdict = 'commit' GROUP BY to_at HAVING \
                 COUNT(*) > 1) AS c";
    assert_eq!(database.number(twice).await, 0, "P9: one due slot gives one job");
}

async fn wait_for_windows(database: &TestDatabase, windows: i64) {
    until("the backfill to move", async || {
        database.number("SELECT COUNT(*) FROM requests WHERE purpose = 'backfill' AND verdict = 'commit'").await
            >= windows
    })
    .await;
}

/// Checks that three further jobs commit within `patience`.
async fn assert_work_continues(database: &TestDatabase, after: &str, patience: Duration) {
    let count = async || database.number("SELECT COUNT(*) FROM requests WHERE verdict = 'commit'").await;
    let now = count().await;
    // Answers that were in flight at the time of the fault do not count.
    within(patience, &format!("work to go on after {after}"), async || count().await >= now + 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_worker_claims_a_dead_workers_job_within_the_lease_and_5_seconds() {
    let vendor = WolkvoxVendor::start(Config { latency: Duration::from_millis(1500), ..history(3, 50.0) }).await;
    let redis = RedisServer::start().await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").with("interval", "1h");
    let settings = account.file(&database.url, &redis.url());
    let first = Process::run(&settings, &[]);
    until("a request in flight", async || {
        database.number("SELECT COUNT(*) FROM jobs WHERE state = 'running'").await == 1
    })
    .await;
    let second = Process::run(&settings, &["--role", "scheduler,worker"]);
    first.signal("KILL");
    let killed = vendor.now();
    until("the job to be answered", async || {
        database.number("SELECT COUNT(*) FROM requests WHERE verdict = 'commit'").await >= 1
    })
    .await;
    let texts = database.texts("SELECT CAST(sent_at AS TEXT) FROM requests ORDER BY id LIMIT 1").await;
    let asked = chrono::DateTime::parse_from_str(&format!("{}00", texts[0]), "%Y-%m-%d %H:%M:%S%.f%z").unwrap();
    let waited = asked.to_utc() - killed;
    assert!(waited <= TimeDelta::from_std(LEASE).unwrap() + TimeDelta::seconds(5), "P5: taken up after {waited}");
    vendor.assert_no_breach();
    drop(second);
}
