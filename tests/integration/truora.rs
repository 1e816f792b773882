//! Truora: a list or a webhook names processes, and the worker fetches each of them until it ends.

use crate::harness::{
    Engine, Process, RedisServer, TestDatabase, TruoraVendor, coverage, free_address, is_held, json, until,
};
use chrono::{DateTime, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use domain::window::Window;
use simulator::gateway::{Faults, Limits};
use simulator::truora::Config;
use simulator::webhook_outbox::{DeliveryPlan, Origin, WebhookFaults};
use simulator::{SimulatedVendor, WebhookVendor};
use std::collections::BTreeSet;
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
async fn every_listed_process_is_stored_once_it_has_ended() {
    let vendor = TruoraVendor::start(processes(6)).await;
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = vendor.account("t").with("since", &vendor.day(5).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    let days = (vendor.day(5), vendor.day(0));
    until("all days", async || is_held(&settings, "t", days).await).await;
    let compared = vendor.compare(&database.database, "t", 5).await;
    assert!(compared.is_equal() && compared.vendor > 30, "{compared:?}\n{}", process.log());
    for day in coverage(&settings, "t", (vendor.day(5), vendor.day(4))).await {
        assert_eq!(day["state"], "final", "{day}");
    }
    assert_eq!(vendor.truora.breaches(), []);
    drop(process);
}

/// The worker fetches many small pages in one exchange from a vendor that permits a burst of three requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_many_pages_respects_the_rate_limit() {
    let vendor = TruoraVendor::start(Config {
        processes_per_day: 900.0,
        limits: Limits { burst: 3, ..Limits::default() },
        ..processes(3)
    })
    .await;
    vendor.truora.freeze();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let account = vendor.account("t").with("since", &vendor.day(2).to_string()).with("list_page_size", "20");
    let process = Process::run(&account.file(&database.url, "memory:"), &[]);
    let later_pages = || {
        let requests = vendor.truora.requests();
        requests.iter().filter(|request| request.facts.path.contains("start_key")).count()
    };
    until("a list of many pages to be read", async || later_pages() > 6).await;
    let seen = vendor.truora.requests();
    assert!(seen.iter().all(|seen| seen.status == 200), "the vendor throttled the worker: it exceeded the rate");
    assert_eq!(vendor.truora.breaches(), []);
    drop(process);
}

/// A vendor that throttles, and that loses, repeats, delays and forges some webhooks.
fn faulty_webhooks() -> Config {
    Config {
        live_every: Some(Duration::from_millis(400)),
        webhook_faults: WebhookFaults {
            lost: 0.05,
            duplicate: 0.05,
            disorder: 0.05,
            forged: 0.02,
            ..WebhookFaults::default()
        },
        faults: Faults { throttle_429: 0.03, retry_after: Duration::from_secs(1), ..Faults::default() },
        ..processes(3)
    }
}

/// The faults of a month at a real vendor happen in half a minute, with a kill of the service halfway.
#[tokio::test(flavor = "multi_thread")]
async fn the_tables_equal_the_vendor_after_webhook_faults_and_a_kill() {
    let vendor = TruoraVendor::start(faulty_webhooks()).await;
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let (server, redis) = (free_address().to_string(), RedisServer::start().await);
    let settings = vendor.account("t").with("since", &vendor.day(2).to_string()).file(&database.url, &redis.url());
    let settings = settings.replace("127.0.0.1:0", &server);
    let process = Process::run(&settings, &[]);
    until("the server", async || process.address().is_some()).await;
    let stopping = CancellationToken::new();
    let sending = vendor.truora.send_webhooks(&format!("http://{server}/hooks/truora/t"), stopping.clone()).unwrap();
    tokio::time::sleep(Duration::from_secs(9)).await;
    process.kill().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let process = Process::run(&settings, &[]);
    tokio::time::sleep(Duration::from_secs(9)).await;
    // The open processes end, and then the vendor changes nothing any more.
    tokio::time::sleep(Duration::from_secs(4)).await;
    vendor.truora.freeze();
    until("each webhook to be sent", async || vendor.truora.pending_deliveries() == 0).await;
    stopping.cancel();
    sending.stopped().await;
    until("the tables to equal the vendor", async || {
        vendor.compare(&database.database, "t", 2).await.missing.iter().all(String::is_empty)
    })
    .await;
    let (sent, events) = (vendor.truora.attempts(), vendor.truora.events());
    let accepted = |kind| sent.iter().filter(|sent| sent.origin == kind && sent.status == Some(200)).count();
    assert!(accepted(Origin::Genuine) > 20 && accepted(Origin::Forged) == 0, "{sent:?}");
    assert!(sent.iter().any(|sent| sent.origin == Origin::Forged && sent.status == Some(401)), "{sent:?}");
    let count = |fate| events.iter().filter(|event| event.delivery == fate).count();
    assert!(
        count(DeliveryPlan::Lost) > 0 && count(DeliveryPlan::Twice) > 0 && count(DeliveryPlan::Late) > 0,
        "{events:?}"
    );
    let noted = database.number("SELECT COUNT(*) FROM deliveries WHERE kind = 'webhook'").await;
    assert_eq!(usize::try_from(noted).unwrap(), events.len() - count(DeliveryPlan::Lost), "each event is stored once");
    let compared = vendor.compare(&database.database, "t", 2).await;
    assert!(compared.is_equal() && compared.vendor > 60, "{compared:?}\n{}", process.log());
    assert!(vendor.truora.requests().iter().any(|seen| seen.status == 429), "never throttled");
    assert_eq!(vendor.truora.breaches(), []);
    // The worker finds the processes without a webhook too and counts them, once a webhook is a second late.
    let first = "SELECT CAST(EXTRACT(EPOCH FROM MIN(received_at)) * 1000000 AS BIGINT) FROM deliveries";
    let first = DateTime::from_timestamp_micros(database.number(first).await).unwrap();
    let later = Window::new(first, vendor.now()).unwrap();
    let later: BTreeSet<String> = vendor.truora.dataset(later).into_iter().map(|process| process.process_id).collect();
    let ends = events.iter().filter(|event| event.action != "created" && later.contains(&event.subject));
    let lost = ends.filter(|event| event.delivery == DeliveryPlan::Lost).count();
    assert!(lost > 0, "{events:?}");
    let expected = serde_json::json!({"taken": noted, "lost": lost});
    until("each lost webhook to be counted", async || {
        let webhooks = json(&settings, &["status"]).await["accounts"][0]["webhooks"].clone();
        if webhooks != expected {
            println!("status counts {webhooks}, the simulator {expected}");
        }
        webhooks == expected
    })
    .await;
    drop(process);
}
