//! The simulated Treble.

use super::AccountSettings;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use demo::compare::{Comparison, treble};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use simulator::treble::{Config, Treble};
use simulator::{Serving, SimulatedVendor, serve};
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A simulated Treble on loopback.
pub struct TrebleVendor {
    /// What it holds and saw.
    pub treble: Treble,
    /// Its address.
    pub base: String,
    config: Config,
    clock: Arc<dyn Clock>,
    began: DateTime<Utc>,
    _serving: Serving,
}

/// What the address of an account's webhooks ends in.
const SECRET: &str = "a-secret-in-an-address";

impl TrebleVendor {
    /// Starts one.
    pub async fn start(config: Config) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let treble = Treble::new(config.clone(), clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, treble.router(), &CancellationToken::new()).unwrap();
        let began = clock.now();
        Self { treble, base: serving.base(), config, clock, began, _serving: serving }
    }

    /// An account that takes its webhooks and asks as often as the vendor lets it.
    pub fn account(&self, name: &str) -> AccountSettings {
        AccountSettings::of("treble", name, &self.base, &self.config.keys[0])
            .with("webhook_secret", SECRET)
            // Live polls every moment would leave no room for what they name.
            .with("interval", "15s")
            .with("refresh", "15s")
            .with("requests_per_second", &self.config.limits.requests_per_second.to_string())
    }

    /// Where the account's webhooks are posted, by the address of its server.
    pub fn hooks(server: &str, account: &str) -> String {
        format!("http://{server}/hooks/treble/{account}/{SECRET}")
    }

    /// The day so many before the one on which it started, in UTC: midnight may pass during a test.
    pub fn day(&self, ago: i64) -> NaiveDate {
        (self.began - TimeDelta::days(ago)).date_naive()
    }

    /// From the beginning of the day so many before today to now.
    pub fn since(&self, ago: i64) -> Window {
        Window::new(midnight(self.day(ago), chrono_tz::UTC), self.now()).unwrap()
    }

    /// What the tables hold since the day so many ago, against the truth.
    pub async fn compare(&self, database: &Database, account: &str, ago: i64) -> BTreeMap<&'static str, Comparison> {
        treble(database, account, &self.treble, self.since(ago)).await.unwrap().into()
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
