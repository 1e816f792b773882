//! kill -9 between any two durable steps of an export.

use crate::harness::{CertainlyVendor, Engine, Process, TestDatabase, is_held, messages, until};
use simulator::certainly::{Config, ExportState};
use std::fs;
use std::time::Duration;

/// A service with one full day among five.
struct TestService {
    vendor: CertainlyVendor,
    database: TestDatabase,
    settings: String,
}

impl TestService {
    async fn new(engine: Engine, export_takes: Duration) -> Self {
        let vendor = CertainlyVendor::start(Config { export_takes, ..messages(40.0, &[(4, 620)]) }).await;
        let database = TestDatabase::fresh(engine).await;
        let account = vendor.account("c").with("since", &vendor.day(5).to_string());
        // Longer than any export here takes: whoever asks again in the moment between a mail's arrival and its reading gets
        // another.
        let settings = account.with("busy_retry", "20s").file(&database.url, "memory:");
        Self { vendor, database, settings }
    }

    async fn until(&self, what: &str, is_so: impl AsyncFnMut() -> bool) {
        until(what, is_so).await;
    }

    /// Started again after a kill: everything is there, once, and the mail is done with.
    async fn restart_and_verify(&self) {
        let process = Process::run(&self.settings, &[]);
        let days = (self.vendor.day(5), self.vendor.day(0));
        self.until("all days", async || is_held(&self.settings, "c", days).await).await;
        self.until("the mail to be marked", async || {
            self.vendor.mails("new").is_empty() && !self.vendor.mails("cur").is_empty()
        })
        .await;
        self.vendor.freeze_and_catch_up(&self.database.database, "c").await;
        let compared = self.vendor.compare(&self.database.database, "c", 5).await;
        assert!(compared.is_equal() && compared.vendor > 620, "{compared:?}\n{}", process.log());
        let all = self.database.number("SELECT COUNT(*) FROM certainly_messages").await;
        let once = "SELECT COUNT(*) FROM (SELECT DISTINCT account, bot_id, message_id FROM certainly_messages) AS keys";
        assert_eq!(all, self.database.number(once).await, "P2: no key is there twice");
        let committed = "SELECT COUNT(*) FROM deliveries WHERE state = 'committed'";
        assert_eq!(self.database.number(committed).await, 1, "taken once");
        self.vendor.assert_no_breach();
        drop(process);
    }

    fn accepted(&self) -> usize {
        self.vendor.posts().iter().filter(|seen| seen.outcome == "accepted").count()
    }
}

/// The vendor has the question, and nobody here knows.
async fn kill_before_the_export_is_recorded(engine: Engine, export_takes: Duration) {
    let service = TestService::new(engine, export_takes).await;
    service.vendor.certainly.set_post_latency(Duration::from_secs(3));
    let process = Process::run(&service.settings, &[]);
    service.until("the question to be under way", async || service.vendor.posts().len() == 1).await;
    process.kill().await;
    service.vendor.certainly.set_post_latency(Duration::from_millis(5));
    assert_eq!(service.database.number("SELECT COUNT(*) FROM jobs WHERE state = 'running'").await, 1, "not noted");
    service.restart_and_verify().await;
    assert_eq!(service.accepted(), 1, "no second export was made: {:?}", service.vendor.posts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_recording_an_export_uses_its_early_mail() {
    kill_before_the_export_is_recorded(Engine::Sqlite, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_recording_an_export_uses_its_late_mail() {
    // Longer than the lease: asked again, the vendor says that it is busy, and it is busy with ours.
    kill_before_the_export_is_recorded(Engine::Postgres, Duration::from_secs(14)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_after_recording_an_export_waits_for_its_mail() {
    let service = TestService::new(Engine::Sqlite, Duration::from_secs(3)).await;
    let process = Process::run(&service.settings, &[]);
    service
        .until("the question to be noted", async || {
            service
                .database
                .number("SELECT COUNT(*) FROM jobs WHERE state = 'awaiting' AND requested_at IS NOT NULL")
                .await
                == 1
        })
        .await;
    process.kill().await;
    assert_eq!(service.vendor.certainly.exports()[0].state, ExportState::Running, "its mail was not there yet");
    service.restart_and_verify().await;
    assert_eq!(service.vendor.posts().len(), 1, "asked for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_marking_a_mail_commits_it_only_once() {
    let service = TestService::new(Engine::Sqlite, Duration::from_millis(300)).await;
    let process = Process::run(&service.settings, &[]);
    service
        .until("the commit", async || {
            service.database.number("SELECT COUNT(*) FROM deliveries WHERE state = 'committed'").await == 1
        })
        .await;
    process.kill().await;
    // Between the two lies a moment that no test can be sure to hit. If the mark was made, it is taken back: what is on
    // the disk is then what a kill before the mark leaves.
    for name in service.vendor.mails("cur") {
        let base = name.split(':').next().unwrap();
        let maildir = service.vendor.maildir();
        fs::rename(maildir.join("cur").join(&name), maildir.join("new").join(base)).unwrap();
    }
    assert_eq!(service.vendor.mails("new").len(), 1);
    // Of the mail's day: others may not have been asked for yet.
    let (from, to) = (service.vendor.day(4), service.vendor.day(3));
    let stored = "SELECT CAST(MAX(synced_at) AS TEXT) FROM certainly_messages WHERE timestamp";
    let stored = format!("{stored} >= '{from}' AND timestamp < '{to}'");
    let before = service.database.texts(&stored).await;
    service.restart_and_verify().await;
    assert_eq!(service.database.texts(&stored).await, before, "nothing was stored again");
    assert_eq!(service.vendor.posts().len(), 1, "nor asked for");
}
