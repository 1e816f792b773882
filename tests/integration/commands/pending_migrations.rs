//! Commands that meet a database with pending migrations.

use super::run_command;
use crate::harness::{AccountSettings, Engine, TestDatabase, WolkvoxVendor, history};
use simulator::SimulatedVendor;

/// A database without tables, or one that lacks the newest migration, as a newer version finds it during an upgrade.
async fn older(engine: Engine, is_empty: bool) -> TestDatabase {
    if is_empty {
        return TestDatabase::empty(engine).await;
    }
    let made = TestDatabase::fresh(engine).await;
    made.database.migrate_down(1).await.unwrap();
    made
}

/// During a rolling upgrade the old version runs and holds the lane, while the new version finds pending migrations.
#[tokio::test(flavor = "multi_thread")]
async fn check_sends_no_request_while_migrations_are_pending() {
    for (engine, is_empty) in [(Engine::Sqlite, false), (Engine::Postgres, false), (Engine::Sqlite, true)] {
        let vendor = WolkvoxVendor::start(history(1, 20.0)).await;
        let made = older(engine, is_empty).await;
        let pending = made.database.pending().await.unwrap();
        let settings = AccountSettings::new("a", &vendor.base, "simulated-token").file(&made.url, "memory:");
        let checked = run_command(&settings, &["--output", "json", "check"]).await;
        assert_eq!(vendor.wolkvox.requests().len(), 0, "{}", checked.out);
        assert_eq!(checked.code, 8, "a check without a request is no success: {}", checked.out);
        let lines = checked.json();
        for (line, name) in ["settings", "database", "queue"].into_iter().enumerate() {
            assert_eq!((&lines[line]["check"], &lines[line]["ok"]), (&name.into(), &true.into()), "{lines}");
        }
        for line in [1, 3] {
            assert!(lines[line]["detail"].as_str().unwrap().contains("run convosync migrate"), "{lines}");
        }
        assert_eq!(made.database.pending().await.unwrap(), pending);
        assert_eq!(run_command(&settings, &["migrate"]).await.code, 0);
        assert_eq!(run_command(&settings, &["check"]).await.code, 0);
        assert_eq!(vendor.wolkvox.requests().len(), 1, "one call per account, through its lane");
    }
}
