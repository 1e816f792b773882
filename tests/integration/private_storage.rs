//! Rows, tickets and passwords stay private: TLS to Redis, a SQLite file for its owner only, and no queue that nothing reads.

use crate::harness::{
    AccountSettings, Engine, Process, RedisServer, TestDatabase, WolkvoxVendor, convosync, convosync_in, history, until,
};
use convosync::clock::SystemClock;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use storage::database::Database;
use tempfile::TempDir;

/// The line of `convosync check` about the queue: whether it is well, and its detail.
async fn checked_queue(variables: &[(&str, &str)], settings: &str) -> (bool, String) {
    let output = convosync_in(variables, settings, &["--output", "json", "check"]).await;
    let lines: Value = serde_json::from_slice(&output.stdout).unwrap();
    let line = lines.as_array().unwrap().iter().find(|line| line["check"] == "queue").unwrap();
    (line["ok"].as_bool().unwrap(), line["detail"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_travel_to_redis_over_tls_that_is_verified() {
    let redis = RedisServer::start_with_tls();
    let vendor = WolkvoxVendor::start(history(2, 20.0)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").with("since", &vendor.days().0);
    let settings = account.file(&database.url, &redis.url());
    let authority = redis.authority();
    let trusting = [("SSL_CERT_FILE", authority.as_str())];
    until("Redis to answer", async || checked_queue(&trusting, &settings).await.0).await;
    let (is_well, detail) = checked_queue(&[], &settings).await;
    assert!(!is_well && detail.contains("cannot reach the queue rediss://localhost"), "{detail}");
    let other_name = settings.replace("rediss://localhost", "rediss://127.0.0.1");
    assert!(!checked_queue(&trusting, &other_name).await.0, "the certificate is for another name");
    let process = Process::run_in(&trusting, &settings);
    until("rows", async || database.number("SELECT COUNT(*) FROM requests WHERE verdict = 'commit'").await > 1).await;
    assert!(!process.log().contains("has no TLS"), "{}", process.log());
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_is_for_its_owner_only() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("convosync.db");
    let url = format!("sqlite://{}", file.display());
    let database = Database::connect(&url, Arc::new(SystemClock::start())).await.unwrap();
    database.migrate(&sources::conversations_view()).await.unwrap();
    let mode = |ending: &str| {
        let path = format!("{}{ending}", file.display());
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(["", "-wal", "-shm"].map(mode), [0o600; 3], "the file, and those that SQLite makes beside it");
    database.close().await.unwrap();
    // An operator may let a group read the file.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let database = Database::connect(&url, Arc::new(SystemClock::start())).await.unwrap();
    assert!(database.pending().await.unwrap().is_empty());
    assert_eq!(mode(""), 0o640);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_inside_one_process_is_refused_for_split_roles() {
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = AccountSettings::new("a", "http://127.0.0.1:1", "x").file(&database.url, "memory:");
    for (roles, missing) in [("scheduler", "worker"), ("worker", "scheduler"), ("server,worker", "scheduler")] {
        let output = convosync(&settings, &["run", "--role", roles]).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{roles}: {error}");
        let says = [format!("add the role {missing}"), "redis://host:6379/0".to_owned(), "queue.url".to_owned()];
        assert!(says.iter().all(|text| error.contains(text)), "{roles}: {error}");
    }
}
