//! The service's side: the worker fetches and stores one day with its lane, its ledger and its evidence.

use chrono::{NaiveDate, TimeDelta};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use domain::job::{Job, Purpose};
use domain::slice::Slice;
use domain::watchdog::Unwatched;
use domain::window::Window;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::lanes::dispatch::Dispatch;
use storage::lanes::dispatch::dispatch;
use storage::lanes::ensure;
use storage::ledger;
use tokio_util::sync::CancellationToken;
use worker::http::Http;
use worker::rate_limit::RateLimits;
use worker::worker::Worker;

/// The bot of the day. The rows name another bot, which does not matter here.
const BOT: &str = "bench";

/// Loads one day, and prints the seconds and the peak memory in KiB.
pub async fn pull(url: &str, base: &str, day: &str) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let database = Database::connect(url, clock.clone()).await.unwrap();
    let day: NaiveDate = day.parse().unwrap();
    let settings = json!({
        "source": "ultimate", "base_url": base, "token": "bench", "organization_id": "64b1f0c2a9e14f0012345678",
        "bot_ids": [BOT], "spacing": "0s",
    });
    let opened = sources::open("bench", settings.as_object().unwrap()).unwrap();
    // The ledger has no other open job.
    let account = Account::new(opened.source, Some(clock.now().date_naive()));
    let accounts = Arc::new(Accounts::new(vec![account]));
    let lane = &accounts.lanes()[0];
    ensure(&database, lane).await.unwrap();
    let id = accounts.all()[0].streams().remove(0);
    let window = Window::new(
        day.and_time(chrono::NaiveTime::MIN).and_utc(),
        (day + TimeDelta::days(1)).and_time(chrono::NaiveTime::MIN).and_utc(),
    )
    .unwrap();
    let tx = database.begin().await.unwrap();
    let before = ledger::lock(&tx, &id).await.unwrap();
    let mut after = before.clone();
    after.jobs.push(Job::new(Purpose::Settle, Slice::Window(window), clock.now(), Duration::ZERO));
    ledger::store(&tx, &id, &before, &after, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    let worker = Worker {
        database: database.clone(),
        accounts: accounts.clone(),
        http: Http::new().unwrap(),
        rates: RateLimits::new(clock.clone()),
        clock: clock.clone(),
        jitter: Arc::new(|| 0.5),
        watchdog: Arc::new(Unwatched),
        name: "bench".to_owned(),
        draining: CancellationToken::new(),
    };
    let started = clock.elapsed();
    let Dispatch::Ticket(ticket) = dispatch(&database, lane).await.unwrap() else { panic!("no turn on the lane") };
    worker.process(ticket).await;
    let seconds = clock.elapsed().saturating_sub(started).as_secs_f64();
    let left = ledger::load(&database.snapshot().await.unwrap(), &id).await.unwrap();
    assert!(left.coverage.held().covers(window), "the day was not held: {:?}", left.jobs);
    println!("{}", json!({"seconds": seconds, "rss_kib": most_memory()}));
}

fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
