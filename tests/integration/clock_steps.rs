//! The database's clock is set forwards and back while the service runs.

use crate::harness::{Engine, TestDatabase, TestService, WolkvoxVendor, history, until};
use chrono::{DateTime, TimeDelta, Utc};
use convosync::clock::SystemClock;
use domain::clock::Clock;
use serde_json::json;
use simulator::SimulatedVendor;
use simulator::wolkvox::Config;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use storage::accounts::{Account, Accounts};
use storage::database::Database;

/// This host's clock, set forwards by a number of seconds.
struct WrongClock {
    right: SystemClock,
    ahead: AtomicI64,
}

impl WrongClock {
    fn set(&self, ahead: TimeDelta) {
        self.ahead.store(ahead.num_seconds(), Ordering::SeqCst);
    }
}

impl Clock for WrongClock {
    fn now(&self) -> DateTime<Utc> {
        self.right.now() + TimeDelta::seconds(self.ahead.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.right.elapsed()
    }
}

/// The clock of a SQLite file is this host's; PostgreSQL has one of its own, which a test cannot set.
#[tokio::test(flavor = "multi_thread")]
async fn live_polls_go_on_after_the_clock_came_back_and_no_day_to_come_is_held() {
    let config =
        Config { live_every: Some(Duration::from_secs(1)), closes_after: Duration::from_secs(2), ..history(2, 20.0) };
    let vendor = WolkvoxVendor::start(config).await;
    let mut database = TestDatabase::fresh(Engine::Sqlite).await;
    let clock = Arc::new(WrongClock { right: SystemClock::start(), ahead: AtomicI64::new(0) });
    database.database = Database::connect(&database.url, clock.clone()).await.unwrap();
    let since = vendor.from.with_timezone(&crate::harness::zone()).date_naive();
    let settings = json!({
        "source": "wolkvox", "base_url": vendor.base, "token": "simulated-token", "timezone": crate::harness::zone().name(),
        "interval": "1s", "refresh": "2s", "spacing": "20ms", "timeout": "1s", "lease": "2s", "settle": "1h", "since": since,
    });
    let opened = sources::open("a", settings.as_object().unwrap()).unwrap();
    let accounts = Accounts::new(vec![Account::new(opened.source, opened.since)]);
    let service = TestService::start(&database, accounts, clock.clone()).await;
    let polls =
        async || database.number("SELECT COUNT(*) FROM requests WHERE purpose = 'live' AND verdict = 'commit'").await;
    let more_polls = async |what: &str| {
        let before = polls().await;
        until(what, async || polls().await > before + 1).await;
    };
    more_polls("the first polls").await;
    for step in [TimeDelta::minutes(10), TimeDelta::days(1), TimeDelta::days(10), TimeDelta::days(-1)] {
        clock.set(step);
        // Polls go on, or all that the wrong clock would ask for is held.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = vendor.now().to_rfc3339();
        let ahead = format!("SELECT COUNT(*) FROM coverage WHERE julianday(to_at) > julianday('{now}') + 2.0 / 86400");
        assert_eq!(
            database.number(&ahead).await,
            0,
            "coverage reaches beyond the vendor's time after a step of {step}"
        );
        clock.set(TimeDelta::zero());
        more_polls(&format!("polls after a step of {step}")).await;
    }
    let held = "SELECT COUNT(*) FROM coverage WHERE state = 'final' AND julianday(to_at) > julianday('now')";
    assert_eq!(database.number(held).await, 0);
    // The stored times of requests come from the wrong clock too, so that only polls after the freeze count.
    vendor.wolkvox.freeze();
    more_polls("polls after the freeze").await;
    let compared = vendor.compare(&database.database, "a").await;
    assert!(compared.is_equal() && compared.vendor > 40, "{compared:?}");
    vendor.assert_no_breach();
    service.stop().await;
}
