//! On SIGTERM the request in flight ends and commits, and the other jobs return to the queue.

use crate::harness::{AccountSettings, Engine, Process, RedisServer, TestDatabase, WolkvoxVendor, history, until};
use sea_orm::ConnectionTrait;
use simulator::SimulatedVendor;
use simulator::wolkvox::Config;
use std::time::Duration;

async fn stop_during_a_request(engine: Engine, queue: &str, redis: Option<&RedisServer>) {
    let vendor = WolkvoxVendor::start(Config { latency: Duration::from_millis(1500), ..history(5, 100.0) }).await;
    let database = TestDatabase::fresh(engine).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").with("since", &vendor.days().0);
    let queue = redis.map_or(queue.to_owned(), RedisServer::url);
    let mut process = Process::run(&account.file(&database.url, &queue), &[]);
    until("a request in flight", async || vendor.wolkvox.requests().len() == 2).await;
    process.signal("TERM");
    let status = process.ended(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(0), "{}", process.log());
    let asked = i64::try_from(vendor.wolkvox.requests().len()).unwrap();
    let answered = database.number("SELECT COUNT(*) FROM requests WHERE verdict = 'commit'").await;
    assert_eq!(answered, asked, "each answer is stored\n{}", process.log());
    let open = database.number("SELECT COUNT(*) FROM jobs WHERE state IN ('running', 'dispatched')").await;
    assert_eq!(open, 0, "the other jobs are waiting again");
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_request_in_flight_commit_in_process() {
    stop_during_a_request(Engine::Sqlite, "memory:", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_the_request_in_flight_commit_on_redis() {
    let redis = RedisServer::start().await;
    stop_during_a_request(Engine::Postgres, "", Some(&redis)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_the_process_at_once() {
    let vendor = WolkvoxVendor::start(Config { latency: Duration::from_secs(2), ..history(2, 10.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token");
    let mut process = Process::run(&account.file(&database.url, "memory:"), &[]);
    until("a request in flight", async || vendor.wolkvox.requests().len() == 1).await;
    process.signal("TERM");
    tokio::time::sleep(Duration::from_millis(200)).await;
    process.signal("TERM");
    let status = process.ended(Duration::from_secs(1)).await;
    assert_eq!(status.code(), Some(1), "{}", process.log());
    assert_eq!(database.number("SELECT COUNT(*) FROM requests").await, 0);
}

/// The service starts, and another process migrates for as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_process_that_waits_for_a_migration() {
    let vendor = WolkvoxVendor::start(history(2, 10.0)).await;
    let database = TestDatabase::empty(Engine::Postgres).await;
    let migrating = database.database.begin().await.unwrap();
    migrating.execute_unprepared("SELECT pg_advisory_xact_lock(7203884561)").await.unwrap();
    let account = AccountSettings::new("a", &vendor.base, "simulated-token");
    let mut process = Process::run(&account.file(&database.url, "memory:"), &[]);
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
    until("the process to wait", async || database.number(waiting).await == 1).await;
    process.signal("TERM");
    let status = process.ended(Duration::from_mins(5)).await;
    assert_eq!(status.code(), Some(0), "{}", process.log());
    migrating.rollback().await.unwrap();
}
