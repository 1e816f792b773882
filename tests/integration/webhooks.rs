//! The service never loses a webhook that it answered with 200, and it refuses forged webhooks.

use crate::harness::{Engine, Process, TestDatabase, TruoraVendor, convosync, free_address, is_held, until};
use chrono::TimeDelta;
use convosync::clock::SystemClock;
use domain::clock::Clock;
use simulator::gateway::Limits;
use simulator::truora::Config;
use simulator::webhook_outbox::Delivery;
use simulator::{SimulatedVendor, WebhookVendor};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A vendor with `days` days of processes that have all ended. It permits more requests than the real one.
fn processes(days: i64, per_day: f64) -> Config {
    Config {
        history_from: SystemClock::start().now() - TimeDelta::days(days),
        processes_per_day: per_day,
        pending_for: Some(Duration::from_secs(1)),
        overridden: 0.0,
        odd_words: 0.0,
        limits: Limits { requests_per_second: 60.0, burst: 20, ..Config::default().limits },
        ..Config::default()
    }
}

/// Posts each delivery to `server`, sixteen at a time. Returns the number of answers by status.
#[expect(clippy::disallowed_methods, reason = "a test posts to the service as the vendor does")]
async fn post(server: &str, deliveries: Vec<Delivery>) -> BTreeMap<u16, usize> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (client, width) = (reqwest::Client::new(), Arc::new(Semaphore::new(16)));
    let mut sending = JoinSet::new();
    for delivery in deliveries {
        let permit = Arc::clone(&width).acquire_owned().await.unwrap();
        let mut request = client.post(format!("http://{server}/hooks/truora/t")).body(delivery.body);
        for (name, value) in &delivery.headers {
            request = request.header(name, value);
        }
        sending.spawn(async move {
            let status = request.send().await.unwrap().status().as_u16();
            drop(permit);
            status
        });
    }
    sending.join_all().await.into_iter().fold(BTreeMap::new(), |mut counts, status| {
        *counts.entry(status).or_default() += 1;
        counts
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_accepts_2000_webhooks_while_a_backfill_runs() {
    let vendor = TruoraVendor::start(processes(20, 20.0)).await;
    vendor.truora.freeze();
    let database = TestDatabase::fresh(Engine::Postgres).await;
    let settings = vendor.account("t").with("since", &vendor.day(0).to_string()).file(&database.url, "memory:");
    let process = Process::run(&settings, &[]);
    until("the server", async || process.address().is_some()).await;
    let server = process.address().unwrap();
    let (from, to) = (vendor.day(19), vendor.day(0));
    let ordered =
        convosync(&settings, &["backfill", "start", "t", "--from", &from.to_string(), "--to", &to.to_string()]).await;
    assert!(ordered.status.success(), "{}", String::from_utf8_lossy(&ordered.stderr));
    let read = "SELECT COUNT(*) FROM truora_processes";
    until("the backfill to run", async || database.number(read).await > 5).await;
    let burst = vendor.truora.burst(2000);
    let before = database.number(read).await;
    assert_eq!(post(&server, burst.clone()).await, [(200, 2000)].into());
    assert_eq!(database.number("SELECT COUNT(*) FROM deliveries WHERE kind = 'webhook'").await, 2000);
    assert!(database.number(read).await > before, "the backfill stood still");
    until("all days", async || is_held(&settings, "t", (from, to)).await).await;
    let compared = vendor.compare(&database.database, "t", 19).await;
    assert!(compared.is_equal() && compared.vendor > 300, "{compared:?}");
    assert_eq!(vendor.truora.breaches(), []);

    // Repeated and forged webhooks create no job.
    let asked = || vendor.truora.requests().iter().filter(|seen| seen.facts.path.ends_with("/result")).count();
    let named = "SELECT COUNT(*) FROM jobs WHERE slice_key IS NOT NULL AND from_at IS NOT NULL";
    // A webhook that arrived during a fetch causes one more fetch.
    until("the jobs of all items", async || database.number(named).await == 0).await;
    let before = asked();
    assert_eq!(post(&server, burst[..300].to_vec()).await, [(200, 300)].into());
    let forged = burst[..300].iter().map(|delivery| {
        let mut body = delivery.body.clone();
        let last = body.len() - 5;
        body[last] = if body[last] == b'A' { b'B' } else { b'A' };
        Delivery { body, ..delivery.clone() }
    });
    assert_eq!(post(&server, forged.collect()).await, [(401, 300)].into());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((database.number(named).await, asked()), (0, before));
    assert_eq!(database.number("SELECT COUNT(*) FROM deliveries WHERE kind = 'webhook'").await, 2000);
    drop(process);
}

/// These processes began before the live sync, so only the webhooks lead to them.
#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_webhook_survives_a_kill_of_the_server() {
    let vendor = TruoraVendor::start(processes(4, 10.0)).await;
    vendor.truora.freeze();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let server = free_address().to_string();
    let settings = vendor.account("t").with("since", &vendor.day(-2).to_string()).file(&database.url, "memory:");
    let settings = settings.replace("127.0.0.1:0", &server);
    let process = Process::run(&settings, &["--role", "server"]);
    until("the server", async || process.address().is_some()).await;
    let burst = vendor.truora.burst(20);
    assert_eq!(post(&server, burst).await, [(200, 20)].into());
    process.kill().await;
    assert_eq!(vendor.truora.requests().len(), 0);
    let process = Process::run(&settings, &["--role", "scheduler,worker"]);
    until("the processes", async || database.number("SELECT COUNT(*) FROM truora_processes").await == 20).await;
    let lists = vendor.truora.requests().iter().filter(|seen| !seen.facts.path.ends_with("/result")).count();
    assert_eq!((lists, database.number("SELECT COUNT(*) FROM jobs WHERE from_at IS NOT NULL").await), (0, 0));
    drop(process);
}

/// The client's limit counts webhooks as well, so it is the higher one here.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "it asks our own server")]
async fn a_client_over_the_limits_in_the_settings_is_told_to_wait() {
    let vendor = TruoraVendor::start(processes(4, 10.0)).await;
    vendor.truora.freeze();
    let database = TestDatabase::fresh(Engine::Sqlite).await;
    let limits = "[server]\nrequests_per_second_per_client = 1\nrequest_burst_per_client = 40\n\
                  webhooks_per_second_per_account = 1\nwebhook_burst_per_account = 2\n";
    let settings = vendor.account("t").file(&database.url, "memory:").replace("[server]\n", limits);
    let process = Process::run(&settings, &["--role", "server"]);
    until("the server", async || process.address().is_some()).await;
    let server = process.address().unwrap();
    let statuses = post(&server, vendor.truora.burst(20)).await;
    let count = |status| statuses.get(&status).copied().unwrap_or(0);
    assert!(count(200) >= 2 && count(429) > 0 && count(200) + count(429) == 20, "{statuses:?}");
    let stored = database.number("SELECT COUNT(*) FROM deliveries WHERE kind = 'webhook'").await;
    assert_eq!(usize::try_from(stored).unwrap(), count(200), "what was answered with 429 is not stored");
    for _ in 0..60 {
        let reply = reqwest::get(format!("http://{server}/api/v1/status")).await.unwrap();
        if reply.status() == 429 {
            assert_eq!(
                (&reply.headers()["retry-after"], &reply.headers()["content-type"]),
                (&"1".parse().unwrap(), &"application/problem+json".parse().unwrap())
            );
            return;
        }
    }
    panic!("60 requests were answered though the client may send 40 at once");
}
