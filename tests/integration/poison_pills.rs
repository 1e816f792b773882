//! A job or a mail that ends its process each time is set aside, and all other work goes on.

use crate::harness::{
    AccountSettings, CertainlyVendor, Engine, Process, TestDatabase, WolkvoxVendor, history, json, messages, until,
    write_dated,
};
use sea_orm::ConnectionTrait;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The roles of the processes that are killed.
const ROLES: [&str; 2] = ["--role", "scheduler,worker"];

/// A server on loopback that takes requests and answers none.
struct SilentVendor {
    base: String,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl SilentVendor {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (connections, mut serving) = (Arc::<AtomicUsize>::default(), JoinSet::new());
        let count = connections.clone();
        serving.spawn(async move {
            let mut open = Vec::new();
            while let Ok((client, _)) = listener.accept().await {
                open.push(client);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { base, connections, _serving: serving }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The request has an hour. The test moves the end of its lease into the past instead of waiting for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_during_which_the_process_ends_three_times_is_parked() {
    let silent = SilentVendor::start().await;
    let vendor = WolkvoxVendor::start(history(2, 20.0)).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let account =
        |name: &str, base: &str| AccountSettings::new(name, base, "simulated-token").with("since", &vendor.days().0);
    let poison = account("a", &silent.base).with("timeout", "50m").with("lease", "1h");
    let settings = AccountSettings::file_of(&[poison, account("b", &vendor.base)], &database.url, "memory:");
    for attempt in 1..=3 {
        let process = Process::run(&settings, &ROLES);
        let running =
            format!("SELECT COUNT(*) FROM jobs WHERE account = 'a' AND state = 'running' AND attempt = {attempt}");
        until("the request", async || database.number(&running).await == 1 && silent.connections() == attempt).await;
        process.kill().await;
        let ended = "clock_timestamp() - interval '1 second'";
        database.run(&format!("UPDATE lane_slots SET until_at = {ended}, not_before = {ended}")).await;
        database.run(&format!("UPDATE jobs SET until_at = {ended} WHERE state = 'running'")).await;
    }
    let process = Process::run(&settings, &ROLES);
    until("the job to be parked", async || {
        database.number("SELECT COUNT(*) FROM jobs WHERE account = 'a' AND state = 'parked'").await == 1
    })
    .await;
    let reasons = database.texts("SELECT reason FROM jobs WHERE state = 'parked'").await;
    assert!(reasons[0].contains("the worker process ended 3 times in a row during this request"), "{reasons:?}");
    // The other account goes on, and the operator sees what waits.
    let answers = "SELECT COUNT(*) FROM requests WHERE account = 'b'";
    let before = database.number(answers).await;
    until("further answers", async || database.number(answers).await > before + 1).await;
    let status = json(&settings, &["status"]).await;
    let state = |at: usize| status["accounts"][at]["state"].as_str().unwrap();
    assert!(state(0) == "parked" && state(1) != "parked", "{status}");
    assert_eq!(silent.connections(), 3, "the parked job sends no request\n{}", process.log());
}

/// Mails in the Maildir of an account, and a database that holds up or refuses the outcome of those named `poison`.
struct Mails {
    vendor: CertainlyVendor,
    database: TestDatabase,
    settings: String,
}

impl Mails {
    /// `action` is what PostgreSQL does before it stores the outcome of the poisoned mail.
    async fn start(action: &str) -> Self {
        let vendor = CertainlyVendor::start(messages(10.0, &[])).await;
        let database = TestDatabase::fresh(Engine::Postgres).await;
        database
            .run(&format!(
                "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {action}; RETURN NEW; END $$"
            ))
            .await;
        database
            .run(
                "CREATE TRIGGER poison BEFORE INSERT ON deliveries FOR EACH ROW WHEN (NEW.state <> 'reading' AND NEW.identity \
                 LIKE '%poison%') EXECUTE FUNCTION poison()",
            )
            .await;
        for name in ["1.poison", "2.other"] {
            let mail = "From: a@example.org\r\nSubject: hello\r\n\r\nHello.\r\n";
            write_dated(&vendor.maildir().join("new").join(name), mail);
        }
        let settings = vendor.account("c").file(&database.url, "memory:");
        // A statement that waits must not end before its process does.
        let settings = settings.replace("[database]", "[database]\ntimeout = \"2h\"");
        Self { vendor, database, settings }
    }

    /// The number of mails whose outcome is on record.
    async fn outcomes(&self, name: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM deliveries WHERE identity LIKE '%{name}%' AND state <> 'reading'");
        self.database.number(&sql).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_during_which_the_process_ends_three_times_is_set_aside() {
    let mails = Mails::start("PERFORM pg_advisory_xact_lock_shared(42)").await;
    let database = &mails.database;
    let lock = database.database.begin().await.unwrap();
    lock.execute_unprepared("SELECT pg_advisory_xact_lock(42)").await.unwrap();
    let waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
    for attempt in 1..=3 {
        let process = Process::run(&mails.settings, &ROLES);
        let reading = format!("SELECT COUNT(*) FROM deliveries WHERE state = 'reading' AND attempts = {attempt}");
        until("the mail to be read", async || {
            database.number(&reading).await == 1 && database.number(&format!("SELECT COUNT(*) {waiting}")).await == 1
        })
        .await;
        process.kill().await;
        // The statement of a dead process would go on once the lock is free.
        database.number(&format!("SELECT COUNT(pg_terminate_backend(pid)) {waiting}")).await;
        // The dead process counts as running for 40 s more.
        database.run("DELETE FROM processes").await;
    }
    lock.rollback().await.unwrap();
    let process = Process::run(&mails.settings, &ROLES);
    until("the other mail", async || mails.outcomes("other").await == 1).await;
    assert_eq!(mails.outcomes("poison").await, 1, "{}", process.log());
    let reasons = database.texts("SELECT reason FROM deliveries WHERE identity LIKE '%poison%'").await;
    assert!(reasons[0].contains("the worker process ended 3 times in a row while it read this mail"), "{reasons:?}");
    assert_eq!(mails.vendor.mails("new").len(), 2, "a mail that is set aside stays in its mailbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_cannot_be_stored_stops_no_other() {
    let mails = Mails::start("RAISE EXCEPTION 'refused'").await;
    let process = Process::run(&mails.settings, &ROLES);
    until("the other mail", async || mails.outcomes("other").await == 1).await;
    assert_eq!(mails.outcomes("poison").await, 0, "{}", process.log());
    // Its attempts end without the end of a process: it is never set aside.
    let failures = || process.log().matches("a mail could not be stored").count();
    until("more attempts than may be lost", async || failures() > 3).await;
    assert_eq!(mails.outcomes("poison").await, 0);
    mails.database.run("DROP TRIGGER poison ON deliveries").await;
    until("the outcome", async || mails.outcomes("poison").await == 1).await;
    let reasons = mails.database.texts("SELECT reason FROM deliveries WHERE identity LIKE '%poison%'").await;
    assert!(!reasons[0].contains("ended"), "{reasons:?}");
}
