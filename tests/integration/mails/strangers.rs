//! Anyone can mail the mailbox. What a stranger sends stores nothing and proves nothing, and the vendor's own mail counts after it.

use crate::harness::{
    AccountSettings, BOT, CertainlyVendor, Dovecot, Engine, PASSWORD, Process, TestDatabase, USER, convosync,
    deliver_to_maildir, is_held, json, messages, report_mail, until,
};
use chrono::NaiveDate;
use simulator::certainly::{Config, MailFaults};
use std::fmt::Write;
use std::fs;

const OWN_PASS: &str = "Authentication-Results: mx.example.com;\r\n\tdkim=pass (2048-bit key) header.d=certainly.io";
const OWN_FAIL: &str = "Authentication-Results: mx.example.com; dkim=none; spf=fail smtp.mailfrom=certainly.io";
const FORGED_PASS: &str = "Authentication-Results: mx.example.com; dkim=pass header.d=certainly.io";
const OTHERS_PASS: &str = "Authentication-Results: mx.evil.example; dkim=pass header.d=certainly.io";
const VENDOR: &str = "reports@certainly.io";

/// A service that waits for the mail of a full day. The vendor's own mail is lost, so that the test decides what arrives.
pub(super) struct AwaitedMail {
    pub(super) vendor: CertainlyVendor,
    pub(super) database: TestDatabase,
    pub(super) settings: String,
    pub(super) process: Process,
}

impl AwaitedMail {
    pub(super) async fn start(engine: Engine, change: impl FnOnce(AccountSettings) -> AccountSettings) -> Self {
        let mail_faults = MailFaults { lost: 1.0, ..MailFaults::default() };
        let vendor = CertainlyVendor::start(Config { mail_faults, ..messages(40.0, &[(4, 620)]) }).await;
        let database = TestDatabase::fresh(engine).await;
        let account = vendor.account("c").with("since", &vendor.day(5).to_string()).with("export_patience", "1h");
        let settings = change(account).file(&database.url, "memory:");
        let process = Process::run(&settings, &[]);
        let service = Self { vendor, database, settings, process };
        until("the vendor to accept the export", async || service.awaited().await == 1).await;
        service
    }

    async fn awaited(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM jobs WHERE state = 'awaiting' AND requested_at IS NOT NULL AND rechecks > 0";
        self.database.number(sql).await
    }

    /// The day that the mail is about.
    pub(super) fn day(&self) -> NaiveDate {
        self.vendor.day(4)
    }

    /// The stored rows of that day, with all that identifies their content.
    async fn rows(&self) -> Vec<String> {
        let (from, to) = (self.day(), self.vendor.day(3));
        let sql = format!(
            "SELECT message_id || ' ' || digest FROM certainly_messages WHERE timestamp >= '{from}' AND timestamp < '{to}' \
             ORDER BY 1"
        );
        self.database.texts(&sql).await
    }

    /// The vendor's own file.
    fn csv(&self) -> Vec<u8> {
        fs::read(self.vendor.csv(BOT, (4, 4), 7)).unwrap()
    }

    pub(super) fn mail(&self, headers: &[&str], from: &str, csv: &[u8]) -> Vec<u8> {
        report_mail(headers, from, csv, self.vendor.now())
    }

    async fn outcomes(&self) -> Vec<String> {
        self.database
            .texts("SELECT state || ': ' || COALESCE(reason, '') FROM deliveries WHERE state <> 'reading' ORDER BY id")
            .await
    }

    /// Delivers a mail and returns its outcome.
    pub(super) async fn outcome(&self, mail: &[u8]) -> String {
        let before = self.outcomes().await.len();
        deliver_to_maildir(self.vendor.maildir(), mail);
        until("the worker to judge the mail", async || self.outcomes().await.len() > before).await;
        self.outcomes().await.pop().unwrap()
    }

    /// Checks that a stranger's mail has this outcome and changes nothing.
    async fn assert_refused(&self, mail: &[u8], outcome: &str) {
        let before = self.rows().await;
        let found = self.outcome(mail).await;
        assert!(found.contains(outcome), "{found}\nexpected {outcome}");
        assert!(!found.contains('@') && !found.contains("evil"), "{found}");
        assert_eq!(self.rows().await, before, "{found}");
        assert_eq!(self.awaited().await, 1, "the export stays outstanding");
        assert!(!is_held(&self.settings, "c", (self.day(), self.day())).await, "{found}");
    }

    /// Delivers the vendor's own mail and checks that all days are held and equal.
    async fn finish(self, headers: &[&str]) {
        let outcome = self.outcome(&self.mail(headers, VENDOR, &self.csv())).await;
        assert_eq!(outcome, "committed: ", "{}", self.process.log());
        let days = (self.vendor.day(5), self.vendor.day(0));
        until("all days", async || is_held(&self.settings, "c", days).await).await;
        self.vendor.freeze_and_catch_up(&self.database.database, "c").await;
        let compared = self.vendor.compare(&self.database.database, "c", 5).await;
        assert!(compared.is_equal() && compared.vendor > 620, "{compared:?}\n{}", self.process.log());
        self.vendor.assert_no_breach();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_mail_that_the_own_server_has_authenticated_counts() {
    let service = AwaitedMail::start(Engine::Postgres, |account| {
        account.with_list("mailbox_from", &["@certainly.io".to_owned()]).with("mailbox_authserv_id", "mx.example.com")
    })
    .await;
    let csv = service.csv();
    let unchecked = "refused: the mail has no header Authentication-Results of mx.example.com";
    let failed = "refused: mx.example.com did not find the sender authentic";
    for (headers, from, outcome) in [
        (&[][..], VENDOR, unchecked),
        (&[OTHERS_PASS], VENDOR, unchecked),
        (&[OWN_FAIL], VENDOR, failed),
        (&[OWN_FAIL, FORGED_PASS], VENDOR, failed),
        (&[OWN_PASS], "reports@evil.example", "refused: mailbox_from does not allow the mail's sender"),
        (&[OWN_PASS], "a@certainly.io>, <b@evil.example", "refused: the mail does not have exactly one sender"),
    ] {
        service.assert_refused(&service.mail(headers, from, &csv), outcome).await;
    }
    service.finish(&[OWN_PASS, OTHERS_PASS]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_contradicts_the_known_rows_counts_for_nothing() {
    check_contradictions(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_contradicts_the_known_rows_counts_for_nothing_on_sqlite() {
    check_contradictions(Engine::Sqlite).await;
}

async fn check_contradictions(engine: Engine) {
    let service = AwaitedMail::start(engine, |account| account).await;
    let day = service.day();
    let known = service.rows().await.len();
    assert!(known >= 500, "the vendor's capped answer is stored: {known}");
    let mut strange = "id,timestamp,conversation_id,bot_id\n".to_owned();
    let mut unknown = "id,timestamp,conversation_id\n".to_owned();
    for id in 0..900 {
        let fields = format!("x{id},{day}T{:02}:{:02}:00Z,c1", id / 60, id % 60);
        writeln!(strange, "{fields},16fd2706-8baf-433b-82eb-8c7fada847da").unwrap();
        writeln!(unknown, "{fields}").unwrap();
    }
    let other_bot = "refused: line 2: a row of another bot";
    service.assert_refused(&service.mail(&[], VENDOR, strange.as_bytes()), other_bot).await;
    let none = format!("refused: it names none of the {known} rows");
    service.assert_refused(&service.mail(&[], VENDOR, unknown.as_bytes()), &none).await;

    // The known rows, one of them in another conversation, and further rows.
    let mut changed = unknown;
    for (position, fields) in service.known_messages().await.into_iter().enumerate() {
        let other = if position == 0 { "9" } else { "" };
        writeln!(changed, "{}{other}", fields.replace('|', ",")).unwrap();
    }
    let doubt = format!("refused: 1 of its {known} rows that are stored already have another");
    service.assert_refused(&service.mail(&[], VENDOR, changed.as_bytes()), &doubt).await;
    service.finish(&[]).await;
}

impl AwaitedMail {
    /// Id, time and conversation of the stored messages of the day, with bars between them.
    pub(super) async fn known_messages(&self) -> Vec<String> {
        let (from, to) = (self.day(), self.vendor.day(3));
        // To the microsecond, so that a file with these times changes no row.
        let at = if self.database.url.starts_with("postgres") {
            "to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        } else {
            "replace(timestamp, ' ', 'T')"
        };
        let sql = format!(
            "SELECT message_id || '|' || {at} || '|' || conversation_id FROM certainly_messages WHERE timestamp >= '{from}' \
             AND timestamp < '{to}' ORDER BY message_id"
        );
        self.database.texts(&sql).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_beyond_the_bounds_is_noted_once_and_stops_no_other() {
    let service = AwaitedMail::start(Engine::Sqlite, |account| account).await;
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(200_000);
    service.assert_refused(nested.as_bytes(), "unreadable: the parts of the mail are nested deeper than 10").await;
    let long = service.mail(&[], VENDOR, &vec![b'a'; 20 << 20]);
    service.assert_refused(&long, "at most 26214400 are read").await;
    service.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imap_folder_is_believed_only_with_the_name_of_its_server() {
    let server = Dovecot::start().await;
    let mailbox = format!("imap://{USER}@127.0.0.1:{}/INBOX", server.port());
    let open = |account: AccountSettings| account.with("mailbox", &mailbox).with("mailbox_password", PASSWORD);
    let mut service = AwaitedMail::start(Engine::Sqlite, open).await;
    let judged = async |service: &AwaitedMail, headers: &[&str]| {
        let before = service.outcomes().await.len();
        server.deliver("INBOX", &service.mail(headers, VENDOR, &service.csv()));
        until("the worker to judge the mail", async || service.outcomes().await.len() > before).await;
        service.outcomes().await.pop().unwrap()
    };
    let outcome = judged(&service, &[OWN_PASS]).await;
    assert!(outcome.starts_with("refused: anyone can mail the mailbox: set mailbox_from"), "{outcome}");
    let checks = json(&service.settings, &["check"]).await;
    let found = checks.as_array().unwrap().iter().find(|check| check["check"] == "mailbox of c").unwrap();
    assert!(found["detail"].as_str().unwrap().contains("warning: c believes no mail"), "{found}");
    let doctor = convosync(&service.settings, &["--output", "json", "doctor"]).await;
    assert_eq!(doctor.status.code(), Some(8));
    assert!(String::from_utf8(doctor.stdout).unwrap().contains("c believes no mail"));

    service.process.signal("TERM");
    service.process.ended(std::time::Duration::from_mins(1)).await;
    let account = service.vendor.account("c").with("since", &service.vendor.day(5).to_string());
    let account = open(account).with("export_patience", "1h").with_list("mailbox_from", &[VENDOR.to_owned()]);
    service.settings = account.with("mailbox_authserv_id", "mx.example.com").file(&service.database.url, "memory:");
    service.process = Process::run(&service.settings, &[]);
    let outcome = judged(&service, &[OWN_FAIL, FORGED_PASS]).await;
    assert!(outcome.starts_with("refused: mx.example.com did not find the sender authentic"), "{outcome}");
    assert_eq!(judged(&service, &[OWN_PASS]).await, "committed: ");
    let checks = json(&service.settings, &["check"]).await;
    assert!(!checks.to_string().contains("believes no mail"), "{checks}");
}
