//! The simulated Truora.

use super::AccountSettings;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use demo::compare::{Comparison, truora};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use simulator::truora::{Config, Truora};
use simulator::{Serving, SimulatedVendor, serve};
use std::sync::Arc;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A simulated Truora on loopback.
pub struct TruoraVendor {
    /// The simulator.
    pub truora: Truora,
    /// The base URL.
    pub base: String,
    config: Config,
    clock: Arc<dyn Clock>,
    began: DateTime<Utc>,
    _serving: Serving,
}

impl TruoraVendor {
    /// Starts the vendor.
    pub async fn start(config: Config) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let truora = Truora::new(config.clone(), clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, truora.router(), &CancellationToken::new()).unwrap();
        let began = clock.now();
        Self { truora, base: serving.base(), config, clock, began, _serving: serving }
    }

    /// An account with webhooks.
    pub fn account(&self, name: &str) -> AccountSettings {
        AccountSettings::of("truora", name, &self.base, &self.config.keys[0])
            .with("webhook_secret", &self.config.webhook_secret)
            // More frequent live polls would use up the request rate.
            .with("interval", "15s")
            .with("refresh", "15s")
            .with("requests_per_second", &self.config.limits.requests_per_second.to_string())
            .with("pending_interval", "1s")
    }

    /// The day `ago` days before the start of the vendor, in UTC. The start is fixed, because midnight may pass during a test.
    pub fn day(&self, ago: i64) -> NaiveDate {
        (self.began - TimeDelta::days(ago)).date_naive()
    }

    /// Compares the tables with the vendor's dataset since `ago` days ago.
    pub async fn compare(&self, database: &Database, account: &str, ago: i64) -> Comparison {
        let window = Window::new(midnight(self.day(ago), chrono_tz::UTC), self.now()).unwrap();
        truora(database, account, &self.truora, window).await.unwrap()
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
