//! Certainly: the worker fetches days with GET, and days above the row cap by POST and mail.

use crate::commands::{json, run_command};
use crate::harness::{
    BOT, CertainlyVendor, Dovecot, Engine, PASSWORD, Process, RedisServer, TestDatabase, USER, convosync, coverage,
    is_held, messages, until, until_refused,
};
use chrono::{DateTime, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use entities::certainly_messages::{Column, Entity, Model};
use sea_orm::{EntityTrait, QueryOrder};
use simulator::certainly::{Config, IdStyle, Mail, Wrapper};
use simulator::{RequestRecord, SimulatedVendor};

/// Whether a request is a GET for days up to `to`.
fn is_get_up_to(request: &RequestRecord, to: chrono::NaiveDate) -> bool {
    let from = request.facts.from.as_ref().and_then(|from| from.parse::<chrono::NaiveDate>().ok());
    request.facts.method == "GET" && from.is_some_and(|from| from <= to)
}

/// Sixty days with 10 to 3,000 messages. Some have 499, 500 or 501, around the cap, and some full days are neighbours.
fn sixty_days() -> Vec<(i64, usize)> {
    let ordinary = [40, 120, 15, 200, 75, 160, 10, 95, 180, 60];
    let mut days: Vec<(i64, usize)> = (4..64).map(|ago| (ago, ordinary[usize::try_from(ago % 10).unwrap()])).collect();
    for (ago, count) in
        [(8, 40), (11, 499), (12, 500), (13, 501), (30, 3_000), (31, 700), (45, 1_200), (46, 499), (58, 500)]
    {
        days.iter_mut().find(|day| day.0 == ago).unwrap().1 = count;
    }
    days
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_of_sixty_days_sends_few_gets_and_one_export_at_a_time() {
    let days = sixty_days();
    let vendor = CertainlyVendor::start(messages(30.0, &days)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    // The live sync reads its days once. The test counts the requests of the backfill only.
    let account = vendor.account("c").with("interval", "1h").with("refresh", "6h");
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let (from, to) = (vendor.day(63), vendor.day(4));
    let arguments = ["backfill", "start", "c", "--from", &from.to_string(), "--to", &to.to_string(), "--wait"];
    let done = convosync(&settings, &arguments).await;
    assert!(done.status.success(), "{}\n{}", String::from_utf8_lossy(&done.stderr), process.log());
    drop(process);
    let compared = vendor.compare(&database.database, "c", 63).await;
    let expected: usize = days.iter().map(|day| day.1).sum();
    let beyond = vendor.certainly.count(BOT, vendor.since(3));
    assert_eq!(compared.vendor, expected + beyond);
    let old: Vec<_> = compared.missing.iter().filter(|row| **row < vendor.day(3).to_string()).collect();
    assert!(compared.surplus.is_empty() && old.is_empty(), "{compared:?}");
    assert!(is_held(&settings, "c", (from, to)).await);

    // The test counts each GET for days of the backfill. The fewest cover the days under the cap only; each day at the cap
    // takes one more GET, because only the vendor knows that it is full.
    let gets = vendor.certainly.requests();
    let gets = gets.iter().filter(|seen| is_get_up_to(seen, to)).count();
    let fewest = vendor.certainly.fewest_gets(BOT, from, to);
    let dense = days.iter().filter(|day| day.1 >= 500).count();
    let exports = vendor.certainly.exports();
    println!("{gets} GETs, {fewest} would be enough, {dense} full days, {} exports", exports.len());
    assert_eq!(vendor.certainly.busy_count(), 0, "a POST during another export");
    for (one, next) in exports.iter().zip(exports.iter().skip(1)) {
        assert!(one.ready_at.is_some_and(|made| made <= next.accepted_at), "two exports at once: {one:?} {next:?}");
    }
    assert!((1..=dense).contains(&exports.len()), "{exports:?}");
    vendor.assert_no_breach();
    // The first estimate comes from the part of today that has passed, and mails that come sooner shorten later windows, so
    // that the number varies. The property `request_count` bounds it exactly.
    assert!(gets <= 3 * fewest, "{gets} GETs, {fewest} would be enough, {dense} full days");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expiring_token_raises_a_warning_and_then_parks_the_lane() {
    let mut config = messages(40.0, &[]);
    config.token_expires_at = SystemClock::start().now() + TimeDelta::seconds(8);
    let vendor = CertainlyVendor::start(config).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("c").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("an answer", async || database.number("SELECT COUNT(*) FROM requests WHERE outcome = 'answer'").await > 0)
        .await;
    let warned = json(&settings, &["status"]).await["accounts"][0]["warnings"].to_string();
    assert!(warned.contains("the token end"), "{warned}");
    let checked = json(&settings, &["check"]).await;
    let line = checked.as_array().unwrap().iter().find(|line| line["check"] == "account c").unwrap();
    assert!(line["detail"].as_str().unwrap().contains("the token end"), "{checked}");

    until_refused(&database).await;
    let shown = json(&settings, &["status"]).await;
    assert_eq!(shown["accounts"][0]["state"], "parked", "{shown}");
    let error = shown["accounts"][0]["last_error"].as_str().unwrap();
    assert!(error.contains("refuses the token") && error.contains("expired"), "{shown}");
    assert_eq!(run_command(&settings, &["doctor"]).await.code, 8);
    let asked = vendor.certainly.requests().len();
    assert_eq!(vendor.certainly.breaches().len(), 4, "one request after the expiry, and one after each of the waits");
    drop(process);

    // With a new token of the same user the service continues where it stopped.
    let mut renewed = messages(40.0, &[]);
    renewed.token_expires_at = vendor.now() + TimeDelta::days(30);
    vendor.certainly.set_tokens(vec![renewed.token()]);
    let settings = vendor.account("c").file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    vendor.freeze_and_catch_up(&database.database, "c").await;
    assert!(vendor.certainly.requests().len() > asked);
    assert_eq!(json(&settings, &["status"]).await["accounts"][0]["warnings"], serde_json::json!([]));
    assert!(vendor.compare(&database.database, "c", 1).await.is_equal());
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_day_without_a_mailbox_is_blocked_until_an_import() {
    let vendor = CertainlyVendor::start(messages(40.0, &[(6, 900), (9, 600)])).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = ["mailbox", "mailbox_interval", "busy_retry", "export_patience"];
    let account = account.iter().fold(vendor.account("c"), |account, key| account.without(key));
    let settings = account.with("since", &vendor.day(10).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let day = async |ago| coverage(&settings, "c", (vendor.day(ago), vendor.day(ago))).await[0].clone();
    until("the full days to be blocked", async || {
        day(6).await["state"] == "blocked" && day(9).await["state"] == "blocked"
    })
    .await;
    let reason = day(6).await["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("500 rows"), "{reason}");
    assert_eq!(vendor.posts(), [], "the worker requests no export without a mailbox");

    // A file closes a parked window when the operator says that it holds the days.
    let now = vendor.now().to_rfc3339();
    let file = vendor.csv(BOT, (6, 6), 11);
    let days = vendor.day(6).to_string();
    let told = ["--from", &days, "--to", &days, "--as-of", &now];
    let output = json(&settings, &[&["import", "c", file.to_str().unwrap()], &told[..]].concat()).await;
    assert_eq!((&output["state"], &output["rows"]), (&"committed".into(), &900.into()), "{output}");
    assert_eq!(output["covers"], serde_json::json!([days, days]), "{output}");
    let file = vendor.csv(BOT, (9, 9), 12);
    let output = json(&settings, &["import", "c", file.to_str().unwrap()]).await;
    assert_eq!((&output["covers"], &output["closed"]), (&serde_json::Value::Null, &serde_json::json!([])), "{output}");
    assert_eq!(day(9).await["state"], "blocked", "no operator has named the day as complete");
    let days = vendor.day(9).to_string();
    let told = ["--from", &days, "--to", &days, "--as-of", &now];
    let output = json(&settings, &[&["import", "c", file.to_str().unwrap()], &told[..]].concat()).await;
    assert_eq!((&output["state"], &output["rows"]), (&"committed".into(), &600.into()), "{output}");
    for ago in [6, 9] {
        let day = day(ago).await;
        assert!(day["state"] == "final" && day["reason"].is_null(), "{day}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await, 0);
    vendor.freeze_and_catch_up(&database.database, "c").await;
    let compared = vendor.compare(&database.database, "c", 10).await;
    assert!(compared.is_equal() && compared.vendor > 1_700, "{compared:?}");
    let files = database.texts("SELECT state FROM deliveries WHERE kind = 'file'").await;
    assert_eq!(files, ["committed", "committed", "committed"]);
    vendor.assert_no_breach();
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_reads_the_mail_of_a_full_day_over_imap() {
    let server = Dovecot::start().await;
    let config = Config { mail: Mail::Maildir(server.maildir("INBOX")), ..messages(40.0, &[(4, 620)]) };
    let vendor = CertainlyVendor::start(config).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = vendor.account("c").with("since", &vendor.day(5).to_string());
    let account = account.with("mailbox", &format!("imap://{USER}@127.0.0.1:{}/INBOX", server.port()));
    let account = account.with_list("mailbox_from", &["@certainly.io".to_owned()]);
    let account = account.with("mailbox_authserv_id", simulator::certainly::AUTHSERV_ID);
    let settings = account.with("mailbox_password", PASSWORD).file(&database.url, "memory:");
    let checked = json(&settings, &["check"]).await;
    let line = checked.as_array().unwrap().iter().find(|line| line["check"] == "mailbox of c").unwrap();
    assert_eq!(line["ok"], true, "{checked}");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(5), vendor.day(0));
    until("the mail's rows", async || is_held(&settings, "c", days).await).await;
    vendor.freeze_and_catch_up(&database.database, "c").await;
    let compared = vendor.compare(&database.database, "c", 5).await;
    assert!(compared.is_equal() && compared.vendor > 620, "{compared:?}\n{}", process.log());
    assert_eq!(database.texts("SELECT state FROM deliveries").await, ["committed"]);
    // A marked mail does not count any more.
    let checked = json(&settings, &["check"]).await;
    let line = checked.as_array().unwrap().iter().find(|line| line["check"] == "mailbox of c").unwrap();
    assert!(line["detail"].as_str().unwrap().contains("0 mails"), "{checked}");
    assert!(!process.log().contains(USER) && !process.log().contains(PASSWORD), "P10: {}", process.log());
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_postgres_store_the_same_messages() {
    let config = Config { wrapper: Wrapper::Mixed, ids: IdStyle::Mixed, ..messages(150.0, &[(5, 530)]) };
    let tokens = [1, 2].map(|seed| Config { seed, ..config.clone() }.token());
    let vendor = CertainlyVendor::start(Config { tokens: tokens.to_vec(), ..config }).await;
    vendor.certainly.freeze();
    let redis = RedisServer::start().await;
    let (small, large) = (TestDatabase::fresh(Engine::Sqlite).await, TestDatabase::fresh(Engine::Postgres).await);
    let account = vendor.account("c").with("since", &vendor.day(8).to_string());
    let queues = ["memory:".to_owned(), redis.url()];
    // One after the other: both read one mailbox, and each reads its own mails.
    for ((database, queue), token) in [&small, &large].into_iter().zip(queues).zip(&tokens) {
        let settings = account.clone().with("token", token).file(&database.url, &queue);
        let process = Process::run(&settings, &[]);
        let days = (vendor.day(8), vendor.day(0));
        until("eight days", async || is_held(&settings, "c", days).await).await;
        vendor.freeze_and_catch_up(&database.database, "c").await;
        drop(process);
        let compared = vendor.compare(&database.database, "c", 8).await;
        assert!(compared.is_equal() && compared.vendor > 1_200, "{compared:?}");
    }
    let (one, two) = (rows(&small).await, rows(&large).await);
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one, two);
    }
    vendor.assert_no_breach();
}

/// All rows, without the time at which they were stored and without `extra`: each mail has a column of its own there.
async fn rows(database: &TestDatabase) -> Vec<Model> {
    let all = Entity::find().order_by_asc(Column::MessageId).all(database.database.connection());
    let mut rows = all.await.unwrap();
    rows.sort_by(|one, two| one.message_id.cmp(&two.message_id));
    for row in &mut rows {
        row.synced_at = DateTime::<Utc>::UNIX_EPOCH;
        if row.extra != serde_json::json!({}) {
            row.extra = serde_json::json!({});
            row.digest.clear();
        }
    }
    rows
}
