//! Only `run`, `migrate` and `demo` change the schema. Every other command names the next step.

use super::{run_command, unreachable_account};
use crate::harness::{AccountSettings, Engine, TestDatabase, WolkvoxVendor, history};
use simulator::SimulatedVendor;
use tempfile::TempDir;

const NEEDED: &str = "the database needs migrations; run convosync migrate";

/// The commands that need the tables. `file` exists.
fn commands(file: &str) -> Vec<Vec<&str>> {
    let start = ["backfill", "start", "a", "--from", "2026-10-01", "--to", "2026-10-02"];
    vec![
        vec!["status"],
        vec!["coverage", "a"],
        start.to_vec(),
        [&start[..], &["--dry-run"]].concat(),
        vec!["backfill", "list"],
        vec!["backfill", "show", "1"],
        vec!["backfill", "cancel", "1"],
        vec!["jobs", "list"],
        vec!["jobs", "retry", "1"],
        vec!["jobs", "discard", "1"],
        vec!["lanes", "list"],
        vec!["lanes", "close", "a"],
        vec!["lanes", "open", "a"],
        vec!["lanes", "free", "a"],
        vec!["import", "a", file],
        vec!["doctor"],
    ]
}

/// A database without tables, or one that lacks the newest migration, as a newer version finds it during an upgrade.
async fn older(engine: Engine, is_empty: bool) -> TestDatabase {
    if is_empty {
        return TestDatabase::empty(engine).await;
    }
    let made = TestDatabase::fresh(engine).await;
    made.database.migrate_down(1).await.unwrap();
    made
}

async fn check_refusals(made: &TestDatabase) {
    let settings = unreachable_account().file(&made.url, "memory:");
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.csv");
    std::fs::write(&file, "conn_id\n1\n").unwrap();
    let before = made.database.pending().await.unwrap();
    for line in commands(file.to_str().unwrap()) {
        let output = run_command(&settings, &line).await;
        assert_eq!(output.code, 4, "{line:?}: {}{}", output.out, output.err);
        assert!(output.err.contains(NEEDED) && output.out.is_empty(), "{line:?}: {}{}", output.out, output.err);
        assert_eq!(made.database.pending().await.unwrap(), before, "{line:?} migrates");
    }
    assert_eq!(run_command(&settings, &["migrate"]).await.code, 0);
    assert_eq!(run_command(&settings, &["status"]).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_looks_or_orders_leaves_the_schema_as_it_is() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        for is_empty in [true, false] {
            check_refusals(&older(engine, is_empty).await).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_looks_creates_no_database_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("convosync.db");
    let settings = unreachable_account().file(&format!("sqlite://{}", file.display()), "memory:");
    for line in ["status", "doctor", "check"] {
        let output = run_command(&settings, &[line]).await;
        let text = format!("{}{}", output.out, output.err);
        assert_eq!(output.code, 4, "{line}: {text}");
        assert!(text.contains("convosync.db") && text.contains("convosync migrate"), "{line}: {text}");
        assert!(!file.exists(), "{line} creates the file");
    }
    assert_eq!(run_command(&settings, &["migrate"]).await.code, 0);
    assert_eq!(run_command(&settings, &["status"]).await.code, 0);
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
