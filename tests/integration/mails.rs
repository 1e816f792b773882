//! Certainly sends a full day by mail. These tests lose, delay, repeat and truncate mails.

mod crashes;
mod revocation;
mod strangers;

use crate::harness::{CertainlyVendor, Engine, Process, TestDatabase, is_held, messages, until};
use simulator::SimulatedVendor;
use simulator::certainly::{Config, MailFaults};
use simulator::gateway::Faults;
use std::time::Duration;

/// A service whose vendor holds five days, one of them above the row cap. The faults hit only the first export.
struct MailScenario {
    vendor: CertainlyVendor,
    database: TestDatabase,
    process: Process,
}

impl MailScenario {
    async fn start(mail_faults: MailFaults, seed: u64, patience: &str) -> Self {
        let vendor = CertainlyVendor::start(Config { mail_faults, seed, ..messages(40.0, &[(4, 620)]) }).await;
        let database = TestDatabase::fresh(Engine::Sqlite).await;
        let account = vendor.account("c").with("since", &vendor.day(5).to_string());
        let settings = account.with("export_patience", patience).file(&database.url, "memory:");
        let process = Process::run(&settings, &[]);
        until("the first export", async || vendor.certainly.exports().len() == 1).await;
        vendor.certainly.set_mail_faults(MailFaults::default());
        let days = (vendor.day(5), vendor.day(0));
        until("all days", async || is_held(&settings, "c", days).await).await;
        Self { vendor, database, process }
    }

    async fn delivery_states(&self) -> Vec<String> {
        self.database.texts("SELECT state FROM deliveries ORDER BY id").await
    }

    /// Checks that the table equals the vendor and that the worker has marked `done` mails and left the others unmarked.
    async fn assert_finished(self, done: usize, left: usize) {
        until("the worker to read each mail", async || {
            let (new, cur) = (self.vendor.mails("new"), self.vendor.mails("cur"));
            new.len() == left && cur.len() == done && self.delivery_states().await.len() == done + left
        })
        .await;
        let cur = self.vendor.mails("cur");
        assert!(cur.iter().all(|name| name.ends_with(":2,S")), "{cur:?}");
        self.vendor.freeze_and_catch_up(&self.database.database, "c").await;
        let compared = self.vendor.compare(&self.database.database, "c", 5).await;
        assert!(compared.is_equal() && compared.vendor > 620, "{compared:?}\n{}", self.process.log());
        self.vendor.assert_no_breach();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_mail_is_requested_again() {
    let faults = MailFaults { lost: 1.0, ..MailFaults::default() };
    let scenario = MailScenario::start(faults, 1, "2s").await;
    assert_eq!(scenario.delivery_states().await, ["committed"]);
    assert_eq!(scenario.vendor.posts().iter().filter(|seen| seen.outcome == "accepted").count(), 2);
    scenario.assert_finished(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_waits_for_a_late_mail() {
    let faults = MailFaults { late: 1.0, late_by: Duration::from_secs(3), ..MailFaults::default() };
    let scenario = MailScenario::start(faults, 1, "1m").await;
    assert_eq!(scenario.delivery_states().await, ["committed"]);
    assert_eq!(scenario.vendor.posts().len(), 1, "the worker sends one request");
    scenario.assert_finished(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_arrives_after_its_deadline_is_a_duplicate() {
    let faults = MailFaults { late: 1.0, late_by: Duration::from_secs(8), ..MailFaults::default() };
    let scenario = MailScenario::start(faults, 1, "2s").await;
    until("the late mail", async || scenario.delivery_states().await.len() == 2).await;
    assert_eq!(scenario.delivery_states().await, ["committed", "duplicate"]);
    scenario.assert_finished(2, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_delivered_twice_is_committed_once() {
    // The seed decides whether both copies have one Message-ID.
    for seed in [1, 2, 3] {
        let faults = MailFaults { duplicated: 1.0, ..MailFaults::default() };
        let scenario = MailScenario::start(faults, seed, "1m").await;
        until("both mails", async || scenario.delivery_states().await.len() == 2).await;
        assert_eq!(scenario.delivery_states().await, ["committed", "duplicate"]);
        scenario.assert_finished(2, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_mail_stays_unmarked() {
    // The seed decides whether the foreign mail is a newsletter or a report of other days.
    for seed in [1, 2, 3] {
        let faults = MailFaults { foreign: 1.0, ..MailFaults::default() };
        let scenario = MailScenario::start(faults, seed, "1m").await;
        // Both mails may lie in the folder at once; the worker may read either first.
        until("both mails", async || scenario.delivery_states().await.len() == 2).await;
        let mut states = scenario.delivery_states().await;
        states.sort_unstable();
        assert_eq!(states, ["committed", "foreign"]);
        scenario.assert_finished(1, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_of_another_bot_is_not_committed() {
    // Both bots have equally many messages on that day, with the same ids.
    let faults = MailFaults { foreign: 1.0, ..MailFaults::default() };
    for seed in [1, 2, 3, 4] {
        let bots = Config::default().bots;
        let config = Config { bots, seed, mail_faults: faults.clone(), ..messages(40.0, &[(4, 620)]) };
        let vendor = CertainlyVendor::start(config).await;
        let database = TestDatabase::fresh(Engine::Sqlite).await;
        let settings = vendor.account("c").with("since", &vendor.day(5).to_string()).file(&database.url, "memory:");
        let process = Process::run(&settings, &[]);
        let days = (vendor.day(5), vendor.day(0));
        until("all days", async || is_held(&settings, "c", days).await).await;
        vendor.freeze_and_catch_up(&database.database, "c").await;
        let compared = vendor.compare(&database.database, "c", 5).await;
        assert!(compared.is_equal(), "{compared:?}\n{}", process.log());
        vendor.assert_no_breach();
        drop(process);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_with_a_truncated_file_is_requested_again() {
    for seed in [1, 2] {
        let faults = MailFaults { cut: 1.0, ..MailFaults::default() };
        let scenario = MailScenario::start(faults, seed, "3s").await;
        let states = scenario.delivery_states().await;
        assert!(states[0] == "unreadable" || states[0] == "short", "{states:?}");
        assert_eq!(states[1..], ["committed"], "{states:?}");
        scenario.assert_finished(1, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_equals_the_vendor_after_every_mail_fault() {
    let faults = Faults { gateway_504: 0.1, cut_body: 0.1, ..Faults::default() };
    let mail_faults =
        MailFaults { lost: 0.1, late: 0.1, late_by: Duration::from_secs(4), duplicated: 0.15, foreign: 0.2, cut: 0.1 };
    let full = [(4, 620), (6, 500), (8, 1_100), (10, 777), (12, 501), (14, 900)];
    let vendor = CertainlyVendor::start(Config { faults, mail_faults, ..messages(40.0, &full) }).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account = vendor.account("c").with("since", &vendor.day(15).to_string()).with("export_patience", "3s");
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(15), vendor.day(0));
    until("all days", async || is_held(&settings, "c", days).await).await;
    vendor.certainly.set_faults(Faults::default());
    vendor.certainly.set_mail_faults(MailFaults::default());
    vendor.freeze_and_catch_up(&database.database, "c").await;
    let compared = vendor.compare(&database.database, "c", 15).await;
    assert!(compared.is_equal() && compared.vendor > 4_000, "{compared:?}\n{}", process.log());
    let committed = database.number("SELECT COUNT(*) FROM deliveries WHERE state = 'committed'").await;
    assert!((1..=6).contains(&committed), "{committed} mails are committed");
    vendor.assert_no_breach();
    drop(process);
}
