//! Another transaction holds an account's tables: a webhook is recorded and answered, and a worker keeps its lease.

use crate::harness::{AccountSettings, Engine, Process, TestDatabase, TrebleVendor, WolkvoxVendor, history, until};
use entities::rows::RowBatch;
use entities::treble_polls::{Entity, Model};
use sea_orm::ConnectionTrait;
use serde_json::json;
use simulator::SimulatedVendor;
use simulator::treble::Config;
use std::time::Duration;
use storage::transaction::Transaction;

const EVENT: &str = r#"{"event_type":"session.close","event_id":"e-1","timestamp":"2026-08-08T15:00:00.000Z",
    "session":{"external_id":"c3f0-11"},"user":{"country_code":"+57","cellphone":"3001112233"}}"#;
const STORED: &str = "SELECT COUNT(*) FROM treble_events WHERE event_id = 'e-1'";

/// Posts the event; returns the status, the header `Retry-After` and the body.
#[expect(clippy::disallowed_methods, reason = "a test posts to the service as the vendor does")]
async fn post(url: &str) -> (u16, Option<String>, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let reply = reqwest::Client::new().post(url).body(EVENT).send().await.unwrap();
    let wait = reply.headers().get("retry-after").map(|wait| wait.to_str().unwrap().to_owned());
    (reply.status().as_u16(), wait, reply.text().await.unwrap())
}

/// A transaction that has written a row of the account, as an exchange does while its answer arrives.
async fn exchange(database: &TestDatabase) -> Transaction {
    let tx = database.database.begin().await.unwrap();
    let poll = Model {
        account: "t".to_owned(),
        poll_id: "1".to_owned(),
        name: None,
        settings: None,
        created_at: None,
        extra: json!({}),
        digest: "x".to_owned(),
        synced_at: chrono::DateTime::UNIX_EPOCH,
    };
    let now = database.database.now(&tx).await.unwrap();
    let rows = RowBatch::of::<Entity>(&[poll]);
    storage::upsert::upsert(&tx, &rows, &domain::spans::Spans::default(), now).await.unwrap();
    // An exchange that has already stored an event with this id and not committed yet.
    tx
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_answered_with_200_while_an_exchange_holds_the_account() {
    let vendor = TrebleVendor::start(Config::default()).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let settings = vendor.account("t").file(&database.url, "memory:");
    let process = Process::run(&settings, &["--role", "server"]);
    until("the server", async || process.address().is_some()).await;
    let url = TrebleVendor::hooks(&process.address().unwrap(), "t");
    let tx = exchange(&database).await;
    for _ in 0..20 {
        let (status, _, body) = post(&url).await;
        assert_eq!((status, body.as_str()), (200, "{\"success\":true}"), "{}", process.log());
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM deliveries WHERE kind = 'webhook'").await, 1);
    assert_eq!(database.number(STORED).await, 0, "the exchange holds the account");
    // A crash loses nothing: another process takes the recorded event up.
    process.kill().await;
    tx.rollback().await.unwrap();
    let process = Process::run(&settings, &["--role", "scheduler,worker"]);
    until("the row", async || database.number(STORED).await == 1).await;
    until("the end", async || {
        database.number("SELECT COUNT(*) FROM deliveries WHERE state = 'committed' AND payload IS NULL").await == 1
    })
    .await;
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_sqlite_file_is_answered_with_503_and_a_wait() {
    let vendor = TrebleVendor::start(Config::default()).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").file(&database.url, "memory:");
    let process = Process::run(&settings, &["--role", "server"]);
    until("the server", async || process.address().is_some()).await;
    let url = TrebleVendor::hooks(&process.address().unwrap(), "t");
    // The process writes while it starts, and must not wait for the transaction below.
    until("the process", async || database.number("SELECT COUNT(*) FROM processes").await == 1).await;
    let tx = database.database.begin().await.unwrap();
    tx.execute_unprepared("UPDATE lanes SET max_in_flight = max_in_flight").await.unwrap();
    let (status, wait, body) = post(&url).await;
    assert_eq!((status, wait.is_some()), (503, true), "{body}");
    tx.rollback().await.unwrap();
    let (status, _, body) = post(&url).await;
    assert_eq!((status, body.as_str()), (200, "{\"success\":true}"), "{}", process.log());
    until("the row", async || database.number(STORED).await == 1).await;
    drop(process);
}

/// A commit that waits for longer than the lease keeps the lane: the vendor gets no second request meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_renewed_while_a_commit_waits() {
    let vendor = WolkvoxVendor::start(history(3, 40.0)).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let settings = AccountSettings::new("t", &vendor.base, "simulated-token")
        .with("since", &vendor.days().0)
        .with("timeout", "1s")
        .with("lease", "2s")
        .file(&database.url, "memory:");
    let tx = exchange(&database).await;
    let process = Process::run(&settings, &[]);
    until("the first request", async || !vendor.wolkvox.requests().is_empty()).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(vendor.wolkvox.requests().len(), 1, "four leases have passed\n{}", process.log());
    assert_eq!(database.number("SELECT COUNT(*) FROM wolkvox_chats").await, 0, "the commit waits");
    tx.rollback().await.unwrap();
    until("the rows", async || database.number("SELECT COUNT(*) FROM wolkvox_chats").await > 0).await;
    assert_eq!(database.number("SELECT COUNT(*) FROM requests WHERE outcome <> 'answer'").await, 0);
    vendor.assert_no_breach();
    drop(process);
}
