//! The test harness: databases, servers, simulated vendors and the binary.

mod account;
mod certainly;
mod database;
mod dovecot;
mod files;
mod mail;
mod process;
mod redis_server;
mod service;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

pub use account::AccountSettings;
pub use certainly::{BOT, CertainlyVendor, messages};
pub use database::{Engine, TestDatabase};
pub use dovecot::{ACCESS_TOKEN, Dovecot, PASSWORD, USER};
pub use files::write_dated;
pub use mail::{deliver_to_maildir, report_mail};
pub use process::{Process, convosync, convosync_in, convosync_with_closed_pipe, convosync_without_settings};
pub use redis_server::RedisServer;
pub use service::TestService;
pub use treble::TrebleVendor;
pub use truora::TruoraVendor;
pub use ultimate::{UltimateVendor, conversations, is_download};
pub use wolkvox::{WolkvoxVendor, history, zone};

use chrono::NaiveDate;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Waits until `is_so` holds. Panics with `what` after five minutes, so that a slow machine does not fail the test.
pub async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(Duration::from_mins(5), what, is_so).await;
}

/// As [`until`], with another limit than five minutes.
pub async fn within(patience: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(patience, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited {patience:?} for {what}");
}

/// Waits until the lane whose credential is refused waits for an operator. The waits between the attempts pass at once.
pub async fn until_refused(database: &TestDatabase) {
    until("the lane to be parked", async || {
        database.end_closures().await;
        database.number("SELECT COUNT(*) FROM lanes WHERE closed_at IS NOT NULL AND closed_until IS NULL").await == 1
    })
    .await;
}

/// Whether `convosync coverage` shows each day of `account` from `from` to `to` as final or provisional.
pub async fn is_held(settings: &str, account: &str, (from, to): (NaiveDate, NaiveDate)) -> bool {
    let days = coverage(settings, account, (from, to)).await;
    !days.is_empty() && days.iter().all(|day| matches!(day["state"].as_str(), Some("final" | "provisional")))
}

/// The days of `account` in the output of `convosync coverage`.
pub async fn coverage(settings: &str, account: &str, (from, to): (NaiveDate, NaiveDate)) -> Vec<Value> {
    let (from, to) = (from.to_string(), to.to_string());
    let days = json(settings, &["coverage", account, "--from", &from, "--to", &to]).await;
    days.as_array().unwrap().clone()
}

/// Runs a command that must succeed and returns its JSON.
pub async fn json(settings: &str, arguments: &[&str]) -> Value {
    let output = convosync(settings, &[&["--output", "json"], arguments].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A free address, for a server that restarts on the same address.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
