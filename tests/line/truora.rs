//! Truora: processes that a list names, or a webhook, and that are asked for until they have ended.

use crate::stage::{Engine, Process, TestDatabase, TruoraVendor, coverage, is_held, until};
use chrono::{TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use simulator::post::{Kind, Shares};
use simulator::truora::Config;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn processes(days: i64) -> Config {
    let now: chrono::DateTime<Utc> = SystemClock::start().now();
    Config {
        history_from: now - TimeDelta::days(days),
        processes_per_day: 12.0,
        pending_for: Some(Duration::from_secs(3)),
        overridden: 0.0,
        odd_words: 0.0,
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_of_the_list_is_held_once_it_has_ended() {
    let vendor = TruoraVendor::start(processes(6)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(5).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(5), vendor.day(0));
    until("all days", Duration::from_mins(2), async || is_held(&settings, "t", days).await).await;
    let compared = vendor.compare(&database.database, "t", 5).await;
    assert!(compared.is_equal() && compared.vendor > 30, "{compared:?}\n{}", process.log());
    for day in coverage(&settings, "t", (vendor.day(5), vendor.day(4))).await {
        assert_eq!(day["state"], "final", "{day}");
    }
    assert_eq!(vendor.truora.breaches(), []);
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_repeated_late_and_forged_webhooks_end_in_the_truth() {
    let vendor = TruoraVendor::start(Config {
        live_every: Some(Duration::from_millis(700)),
        shares: Shares { lost: 0.05, duplicate: 0.05, disorder: 0.05, forged: 0.02, ..Shares::default() },
        ..processes(3)
    })
    .await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let settings = vendor.account("t").with("since", &vendor.day(2).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the server", Duration::from_secs(20), async || process.address().is_some()).await;
    let url = format!("http://{}/hooks/truora/t", process.address().unwrap());
    let stopping = CancellationToken::new();
    let sending = vendor.truora.send_webhooks(&url, stopping.clone()).unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    // What is open ends, and nobody changes anything any more.
    tokio::time::sleep(Duration::from_secs(4)).await;
    vendor.truora.freeze();
    until("each webhook to be sent", Duration::from_secs(20), async || vendor.truora.unsent() == 0).await;
    stopping.cancel();
    sending.stopped().await;
    until("the truth", Duration::from_secs(40), async || {
        vendor.compare(&database.database, "t", 2).await.missing.iter().all(String::is_empty)
    })
    .await;
    let sent = vendor.truora.sent();
    let accepted = |kind| sent.iter().filter(|sent| sent.kind == kind && sent.status == Some(202)).count();
    assert!(accepted(Kind::Genuine) > 10 && accepted(Kind::Forged) == 0, "{sent:?}");
    let compared = vendor.compare(&database.database, "t", 2).await;
    assert!(compared.is_equal() && compared.vendor > 30, "{compared:?}\n{}", process.log());
    assert_eq!(vendor.truora.breaches(), []);
    drop(process);
}
