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
    /// The simulator.
    pub treble: Treble,
    /// The base URL.
    pub base: String,
    config: Config,
    clock: Arc<dyn Clock>,
    began: DateTime<Utc>,
    _serving: Serving,
}

/// The secret at the end of the account's webhook address.
const SECRET: &str = "a-secret-in-an-address";

impl TrebleVendor {
    /// Starts the vendor.
    pub async fn start(config: Config) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let treble = Treble::new(config.clone(), clock.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, treble.router(), &CancellationToken::new()).unwrap();
        let began = clock.now();
        Self { treble, base: serving.base(), config, clock, began, _serving: serving }
    }

    /// An account with webhooks and the request rate that the vendor permits.
    pub fn account(&self, name: &str) -> AccountSettings {
        AccountSettings::of("treble", name, &self.base, &self.config.keys[0])
            .with("webhook_secret", SECRET)
            // More frequent live polls would use up the request rate.
            .with("interval", "15s")
            .with("refresh", "15s")
            .with("requests_per_second", &self.config.limits.requests_per_second.to_string())
    }

    /// The webhook URL of the account on this server.
    pub fn hooks(server: &str, account: &str) -> String {
        format!("http://{server}/hooks/treble/{account}/{SECRET}")
    }

    /// The day `ago` days before the start of the vendor, in UTC. The start is fixed, because midnight may pass during a test.
    pub fn day(&self, ago: i64) -> NaiveDate {
        (self.began - TimeDelta::days(ago)).date_naive()
    }

    /// The window from the midnight `ago` days before the start until now.
    pub fn since(&self, ago: i64) -> Window {
        Window::new(midnight(self.day(ago), chrono_tz::UTC), self.now()).unwrap()
    }

    /// Compares the tables with the vendor's dataset since `ago` days ago.
    pub async fn compare(&self, database: &Database, account: &str, ago: i64) -> BTreeMap<&'static str, Comparison> {
        treble(database, account, &self.treble, self.since(ago)).await.unwrap().into()
    }

    /// The current time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}
