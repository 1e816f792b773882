//! Kills the service with SIGKILL between the list of a day's files and the commit of its rows.

use crate::harness::{Engine, Process, TestDatabase, UltimateVendor, conversations, is_download, is_held, until};
use simulator::RequestRecord;
use simulator::SimulatedVendor;
use simulator::gateway::Faults;
use simulator::ultimate::{Config, FileFaults, Version};
use std::time::Duration;

/// Kills the service once `is_time` holds, starts it again, and checks that each row is stored once.
async fn kill_when(engine: Engine, config: Config, is_time: impl AsyncFn(&[RequestRecord], &TestDatabase) -> bool) {
    let mut config = config;
    config.bots.truncate(1);
    config.history_from = UltimateVendor::start(config.clone()).await.day(2);
    let vendor = UltimateVendor::start(config).await;
    let database = TestDatabase::fresh(engine).await;
    let account = vendor.account("u").with("since", &vendor.day(2).to_string());
    let settings = account.with("timeout", "15s").with("lease", "16s").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the moment for the kill", async || is_time(&vendor.ultimate.requests(), &database).await).await;
    process.kill().await;
    vendor.ultimate.set_faults(Faults::default());
    vendor.ultimate.set_file_faults(FileFaults::default());
    let before = vendor.ultimate.requests().len();
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(2), vendor.day(1));
    until("both days", async || is_held(&settings, "u", days).await).await;
    assert!(vendor.ultimate.requests().len() > before, "the restart sends further requests");
    drop(process);
    let compared = vendor.compare(&database.database, "u", Version::V2, (2, 1)).await;
    assert!(compared.is_equal() && compared.vendor > 100, "{} missing, {:?}", compared.missing.len(), compared.surplus);
    let all = database.number("SELECT COUNT(*) FROM ultimate_conversations").await;
    let once = database.number("SELECT COUNT(DISTINCT conversation_id) FROM ultimate_conversations").await;
    assert_eq!(all, once, "P2: no key is there twice");
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_list_and_file_resumes() {
    let config = Config { latency: Duration::from_secs(2), ..conversations(200.0) };
    kill_when(Engine::Sqlite, config, async |seen, _| {
        seen.last().is_some_and(|seen| is_download(seen) && seen.ended_at.is_none())
    })
    .await;
}

/// Kills the worker when it has received half of a file. SQLite has stored some of its rows by then, PostgreSQL none.
async fn kill_during_a_file(engine: Engine) {
    let file_faults = FileFaults { stall: 1.0, ..FileFaults::default() };
    let config = Config { wide: true, file_faults, ..conversations(5_000.0) };
    kill_when(engine, config, async |seen, database| {
        let half = seen.iter().any(|seen| seen.outcome == "stall" && seen.ended_at.is_none() && seen.bytes > 3_000_000);
        let held = database.number("SELECT COUNT(*) FROM ultimate_conversations").await;
        half && match engine {
            Engine::Sqlite => held > 0,
            Engine::Postgres => {
                assert_eq!(held, 0, "PostgreSQL stores no part of an answer");
                true
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_during_a_file_resumes_on_sqlite() {
    kill_during_a_file(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_during_a_file_resumes_on_postgres() {
    kill_during_a_file(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_after_a_commit_resumes() {
    let config = Config { latency: Duration::from_secs(2), ..conversations(200.0) };
    kill_when(Engine::Sqlite, config, async |_, database| database.number("SELECT COUNT(*) FROM coverage").await == 1)
        .await;
}
