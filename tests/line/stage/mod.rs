//! What a test plays on.

mod account;
mod database;
mod dovecot;
mod process;
mod redis_server;
mod vendor;

pub use account::AccountText;
pub use database::{Engine, TestDatabase};
pub use dovecot::{Dovecot, PASSWORD, USER};
pub use process::{Process, convosync, convosync_in};
pub use redis_server::RedisServer;
pub use vendor::{Vendor, history};

use std::time::Duration;

/// Waits until `is_so`, looking often; panics with `what` after `patience`.
pub async fn until(what: &str, patience: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(patience, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited {patience:?} for {what}");
}
