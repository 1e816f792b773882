//! The simulated Wolkvox.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use convosync::clock::SystemClock;
use demo::compare::{Comparison, wolkvox};
use domain::clock::Clock;
use domain::window::Window;
use entities::requests::{Column, Entity};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use simulator::SimulatedVendor;
use simulator::wolkvox::{Config, Wolkvox};
use simulator::{Serving, serve};
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A simulated Wolkvox on loopback.
pub struct WolkvoxVendor {
    /// The simulator.
    pub wolkvox: Wolkvox,
    /// The base URL.
    pub base: String,
    /// The start of its dataset.
    pub from: DateTime<Utc>,
    closes_after: Duration,
    clock: Arc<dyn Clock>,
    began: DateTime<Utc>,
    _serving: Serving,
}

/// The vendor's time zone: the default, or the one from `scripts/test --zone`.
#[expect(clippy::disallowed_methods, reason = "the test's own surroundings, not the product's")]
pub fn zone() -> Tz {
    let named = std::env::var("CONVOSYNC_TEST_ZONE").ok();
    named.map_or(Config::default().zone, |name| name.parse().expect("--zone names a zone of the tz database"))
}

/// A vendor with `days` whole days before today and `chats` chats on each. It answers at once and closes chats soon.
pub fn history(days: i64, chats: f64) -> Config {
    let config = Config { zone: zone(), ..Config::default() };
    let today = SystemClock::start().now().with_timezone(&config.zone).date_naive();
    Config {
        history_from: domain::window::midnight(today - TimeDelta::days(days), config.zone),
        chats_per_day: chats,
        even_days: true,
        closes_after: Duration::from_mins(30),
        latency: Duration::from_millis(5),
        // Tests count the requests.
        token_info: false,
        ..config
    }
}

impl WolkvoxVendor {
    /// Starts the vendor.
    pub async fn start(config: Config) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (from, closes_after) = (config.history_from, config.closes_after);
        let wolkvox = Wolkvox::new(config, clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, wolkvox.router(), &CancellationToken::new()).unwrap();
        let began = clock.now();
        Self { wolkvox, base: serving.base(), from, closes_after, clock, began, _serving: serving }
    }

    /// The first and the last whole day at the start of the vendor, in the form of `--from` and `--to`.
    pub fn days(&self) -> (String, String) {
        let today = self.began.with_timezone(&zone()).date_naive();
        (self.from.with_timezone(&zone()).date_naive().to_string(), (today - TimeDelta::days(1)).to_string())
    }

    /// Freezes the vendor's dataset and waits until the service has fetched every open chat once more.
    pub async fn freeze_and_catch_up(&self, database: &Database, account: &str) {
        self.wolkvox.freeze();
        let frozen = self.clock.now();
        let open_since = frozen - TimeDelta::from_std(self.closes_after).unwrap();
        super::until("a fetch of the open chats", async || {
            let read = Entity::find()
                .filter(Column::Account.eq(account))
                .filter(Column::Verdict.eq("commit"))
                .filter(Column::SentAt.gt(frozen + TimeDelta::seconds(1)))
                .filter(Column::FromAt.lt(open_since))
                .filter(Column::ToAt.gte(frozen));
            read.count(database.connection()).await.unwrap() > 0
        })
        .await;
    }

    /// Compares the table with the vendor's dataset from its start until now.
    pub async fn compare(&self, database: &Database, account: &str) -> Comparison {
        let all = Window::new(self.from, self.clock.now()).unwrap();
        wolkvox(database, account, &self.wolkvox, all).await.unwrap()
    }

    /// Checks that the vendor recorded no breach and never two requests in flight on one token.
    pub fn assert_no_breach(&self) {
        assert_eq!(self.wolkvox.most_in_flight(), 1, "P1: requests in flight on one token");
        assert_eq!(self.wolkvox.breaches(), [], "the vendor's rules");
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
