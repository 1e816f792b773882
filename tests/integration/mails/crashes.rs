//! Kills the service with SIGKILL between two stored steps of an export.

use crate::harness::{CertainlyVendor, Engine, Process, TestDatabase, is_held, messages, until};
use simulator::certainly::{Config, ExportState};
use std::fs;
use std::time::Duration;

/// A service whose vendor holds five days, one of them above the row cap.
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
        // Longer than any export here takes. A worker that asks again between a mail's arrival and its reading would
        // start another export.
        let settings = account.with("busy_retry", "20s").file(&database.url, "memory:");
        Self { vendor, database, settings }
    }

    async fn until(&self, what: &str, is_so: impl AsyncFnMut() -> bool) {
        until(what, is_so).await;
    }

    /// Starts the service after a kill and checks that each row is stored once and that the mail is marked as done.
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
        assert_eq!(self.database.number(committed).await, 1, "the mail is committed once");
        self.vendor.assert_no_breach();
        drop(process);
    }

    fn accepted(&self) -> usize {
        self.vendor.posts().iter().filter(|seen| seen.outcome == "accepted").count()
    }
}

/// Kills the worker after the vendor has accepted the export and before the ledger records it.
async fn kill_before_the_export_is_recorded(engine: Engine, export_takes: Duration) {
    let service = TestService::new(engine, export_takes).await;
    service.vendor.certainly.set_post_latency(Duration::from_secs(3));
    let process = Process::run(&service.settings, &[]);
    service.until("the export request to be in flight", async || service.vendor.posts().len() == 1).await;
    process.kill().await;
    service.vendor.certainly.set_post_latency(Duration::from_millis(5));
    assert_eq!(
        service.database.number("SELECT COUNT(*) FROM jobs WHERE state = 'running'").await,
        1,
        "the ledger does not record the export yet"
    );
    service.restart_and_verify().await;
    assert_eq!(service.accepted(), 1, "no second export was made: {:?}", service.vendor.posts());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_recording_an_export_uses_its_early_mail() {
    kill_before_the_export_is_recorded(Engine::Sqlite, Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_before_recording_an_export_uses_its_late_mail() {
    // Longer than the lease: the vendor answers the second request with "busy", because it still works on the first.
    kill_before_the_export_is_recorded(Engine::Postgres, Duration::from_secs(14)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_after_recording_an_export_waits_for_its_mail() {
    let service = TestService::new(Engine::Sqlite, Duration::from_secs(3)).await;
    let process = Process::run(&service.settings, &[]);
    service
        .until("the export to be recorded", async || {
            service
                .database
                .number("SELECT COUNT(*) FROM jobs WHERE state = 'awaiting' AND requested_at IS NOT NULL")
                .await
                == 1
        })
        .await;
    process.kill().await;
    assert_eq!(
        service.vendor.certainly.exports()[0].state,
        ExportState::Running,
        "the vendor has not sent the mail yet"
    );
    service.restart_and_verify().await;
    assert_eq!(service.vendor.posts().len(), 1, "the worker sends one request");
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
    // No test can hit the moment between the two steps for sure. If the worker has marked the mail, the test removes the
    // mark: the files then look as after a kill before the mark.
    for name in service.vendor.mails("cur") {
        let base = name.split(':').next().unwrap();
        let maildir = service.vendor.maildir();
        fs::rename(maildir.join("cur").join(&name), maildir.join("new").join(base)).unwrap();
    }
    assert_eq!(service.vendor.mails("new").len(), 1);
    // Only the mail's day: the worker may not have requested the others yet.
    let (from, to) = (service.vendor.day(4), service.vendor.day(3));
    let stored = "SELECT CAST(MAX(synced_at) AS TEXT) FROM certainly_messages WHERE timestamp";
    let stored = format!("{stored} >= '{from}' AND timestamp < '{to}'");
    let before = service.database.texts(&stored).await;
    service.restart_and_verify().await;
    assert_eq!(service.database.texts(&stored).await, before, "the restart stores no row again");
    assert_eq!(service.vendor.posts().len(), 1, "the restart requests no second export");
}
