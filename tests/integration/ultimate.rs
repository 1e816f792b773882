//! Ultimate: the worker lists the files of a day and stores their rows.

mod crashes;
mod days;
mod large;

use crate::commands::json;
use crate::harness::{
    AccountSettings, CertainlyVendor, Engine, Process, RedisServer, TestDatabase, UltimateVendor, conversations,
    convosync, is_held, messages, until,
};
use chrono::{DateTime, Utc};
use entities::ultimate_conversations::{Column, Entity, Model};
use sea_orm::{EntityTrait, QueryOrder};
use simulator::SimulatedVendor;
use simulator::certainly::{Config as CertainlyConfig, IdStyle, MailFaults, Wrapper};
use simulator::gateway::Faults;
use simulator::ultimate::{Config, EmptyAnswer, FileFaults, Variants, Version};
use std::time::Duration;

/// Two bots with every variant of files.
fn mixed() -> Config {
    Config {
        variants: Variants::mixed(),
        files_per_day: 2,
        resumed: 0.1,
        duplicates: 0.1,
        odd_data: 0.05,
        empty_days: 0.1,
        empty: EmptyAnswer::Mixed,
        ..conversations(60.0)
    }
}

/// Each kind of fault hits a tenth of the requests. A stall lasts ten seconds, so it hits only a twentieth.
fn faults() -> Faults {
    Faults {
        throttle_429: 0.1,
        retry_after: Duration::from_secs(1),
        server_500: 0.1,
        html_200: 0.1,
        cut_body: 0.1,
        slow: 0.1,
        slow_for: Duration::from_millis(400),
        ..Faults::default()
    }
}

fn file_faults() -> FileFaults {
    FileFaults { stall: 0.05, expire_url: 0.1 }
}

fn certainly_faults() -> Faults {
    Faults { gateway_504: 0.1, ..faults() }
}

fn mail_faults() -> MailFaults {
    MailFaults { lost: 0.1, late: 0.1, late_by: Duration::from_secs(2), duplicated: 0.1, foreign: 0.1, cut: 0.1 }
}

/// Retries each parked job, as an operator would. With four bad answers in ten, nine bad ones in a row do happen.
async fn retry_parked_jobs(database: &TestDatabase, settings: &str) {
    for id in database.texts("SELECT CAST(id AS TEXT) FROM jobs WHERE state = 'parked'").await {
        assert!(convosync(settings, &["jobs", "retry", &id]).await.status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_equal_their_vendors_after_every_fault() {
    let first = UltimateVendor::start(Config { faults: faults(), file_faults: file_faults(), ..mixed() }).await;
    let second = CertainlyVendor::start(CertainlyConfig {
        bots: CertainlyConfig::default().bots,
        wrapper: Wrapper::Mixed,
        ids: IdStyle::Mixed,
        late: 0.05,
        late_for: Duration::from_secs(5),
        faults: certainly_faults(),
        mail_faults: mail_faults(),
        ..messages(120.0, &[(5, 640)])
    })
    .await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let since = first.day(10);
    let accounts = [
        first.account("u").with("since", &since.to_string()),
        second.account("c").with("since", &since.to_string()).with("export_patience", "5s"),
    ];
    let settings = AccountSettings::file_of(&accounts, &database.url, "memory:");
    let process = Process::run(&settings, &[]);
    for (account, until_day) in [("u", first.day(1)), ("c", first.day(0))] {
        until(&format!("all days of {account}"), async || {
            retry_parked_jobs(&database, &settings).await;
            is_held(&settings, account, (since, until_day)).await
        })
        .await;
    }
    first.ultimate.set_faults(Faults::default());
    first.ultimate.set_file_faults(FileFaults::default());
    second.certainly.set_faults(Faults::default());
    second.certainly.set_mail_faults(MailFaults::default());
    second.freeze_and_catch_up(&database.database, "c").await;
    let compared = first.compare(&database.database, "u", Version::V2, (10, 1)).await;
    assert!(compared.is_equal() && compared.vendor > 800, "{compared:?}\n{}", process.log());
    let compared = second.compare(&database.database, "c", 10).await;
    assert!(compared.is_equal() && compared.vendor > 3_000, "{compared:?}\n{}", process.log());
    let kinds = database.texts("SELECT DISTINCT outcome FROM requests").await;
    assert!(kinds.len() >= 5, "the run met only {kinds:?}");
    first.assert_no_breach();
    second.assert_no_breach();
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_file_url_costs_one_more_list_request_and_no_failure() {
    let file_faults = FileFaults { expire_url: 1.0, ..FileFaults::default() };
    let vendor = UltimateVendor::start(Config { file_faults, ..conversations(20.0) }).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    // An interval shorter than the vendor's cadence adds no slots and delays no other job.
    let account = vendor.account("u").with("interval", "2s").with("since", &vendor.day(5).to_string());
    let settings = account.file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(5), vendor.day(1));
    until("five days", async || is_held(&settings, "u", days).await).await;
    assert_eq!(json(&settings, &["status"]).await["accounts"][0]["state"], "ok");
    drop(process);
    for ago in 1..=5 {
        assert_eq!(
            vendor.lists(vendor.day(ago)),
            2 * vendor.bots.len(),
            "{ago} days ago: one list request and one more after the expiry"
        );
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM requests WHERE outcome <> 'answer'").await, 0);
    assert!(vendor.ultimate.requests().iter().any(|seen| seen.outcome == "expired"), "no file URL expired");
    let compared = vendor.compare(&database.database, "u", Version::V2, (5, 1)).await;
    assert!(compared.is_equal() && compared.vendor > 100, "{compared:?}");
    // This also checks that the worker never sent the key to the file host.
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_postgres_store_the_same_conversations() {
    let vendor = UltimateVendor::start(mixed()).await;
    let redis = RedisServer::start().await;
    let (small, large) = (TestDatabase::fresh(Engine::Sqlite).await, TestDatabase::fresh(Engine::Postgres).await);
    let account = vendor.account("u").with("since", &vendor.day(8).to_string()).with("version", "v3");
    // One after the other: the organisation permits one request in flight.
    for (database, queue) in [(&small, "memory:".to_owned()), (&large, redis.url())] {
        let settings = account.file(&database.url, &queue);
        let process = Process::run(&settings, &[]);
        let days = (vendor.day(8), vendor.day(1));
        until("eight days", async || is_held(&settings, "u", days).await).await;
        drop(process);
        let compared = vendor.compare(&database.database, "u", Version::V3, (8, 1)).await;
        assert!(compared.is_equal() && compared.vendor > 500, "{compared:?}");
    }
    let (one, two) = (rows(&small).await, rows(&large).await);
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one, two);
    }
    vendor.assert_no_breach();
}

/// All rows, without the time at which they were stored.
async fn rows(database: &TestDatabase) -> Vec<Model> {
    let all = Entity::find().order_by_asc(Column::ConversationId).all(database.database.connection());
    let mut rows = all.await.unwrap();
    rows.sort_by(|one, two| one.conversation_id.cmp(&two.conversation_id));
    for row in &mut rows {
        row.synced_at = DateTime::<Utc>::UNIX_EPOCH;
    }
    rows
}
