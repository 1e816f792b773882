//! What a test plays on.

mod account;
mod certainly;
mod database;
mod dovecot;
mod files;
mod process;
mod redis_server;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

pub use account::AccountSettings;
pub use certainly::{BOT, CertainlyVendor, messages};
pub use database::{Engine, TestDatabase};
pub use dovecot::{Dovecot, PASSWORD, USER};
pub use files::write_dated;
pub use process::{Process, convosync, convosync_in};
pub use redis_server::RedisServer;
pub use treble::TrebleVendor;
pub use truora::TruoraVendor;
pub use ultimate::{UltimateVendor, conversations, is_download};
pub use wolkvox::{WolkvoxVendor, history, zone};

use chrono::NaiveDate;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// Waits until `is_so`, looking often; panics with `what` after five minutes: what stands still, not what is slow.
pub async fn until(what: &str, is_so: impl AsyncFnMut() -> bool) {
    within(Duration::from_mins(5), what, is_so).await;
}

/// As [`until`], where the time is what is promised, or known to be long.
pub async fn within(patience: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(patience, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited {patience:?} for {what}");
}

/// Whether every day of `account` from `from` to `to` is held, final or not, by what `convosync coverage` says.
pub async fn is_held(settings: &str, account: &str, (from, to): (NaiveDate, NaiveDate)) -> bool {
    let days = coverage(settings, account, (from, to)).await;
    !days.is_empty() && days.iter().all(|day| matches!(day["state"].as_str(), Some("final" | "provisional")))
}

/// The days of `account` as `convosync coverage` tells them.
pub async fn coverage(settings: &str, account: &str, (from, to): (NaiveDate, NaiveDate)) -> Vec<Value> {
    let (from, to) = (from.to_string(), to.to_string());
    let days = json(settings, &["coverage", account, "--from", &from, "--to", &to]).await;
    days.as_array().unwrap().clone()
}

/// What a command that succeeds tells as JSON.
pub async fn json(settings: &str, arguments: &[&str]) -> Value {
    let output = convosync(settings, &[&["--output", "json"], arguments].concat()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// An address that nobody listens at, for a server that is to come back to the one that it had.
pub fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
