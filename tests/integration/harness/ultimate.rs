//! The simulated Ultimate.

use super::AccountSettings;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use convosync::clock::SystemClock;
use demo::compare::{Comparison, ultimate};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use simulator::ultimate::{Config, Ultimate, Version};
use simulator::{RequestRecord, Serving, SimulatedVendor, serve};
use std::sync::Arc;
use std::time::Duration;
use storage::database::Database;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A simulated Ultimate on loopback.
pub struct UltimateVendor {
    /// The simulator.
    pub ultimate: Ultimate,
    /// The base URL.
    pub base: String,
    /// The ids of its bots.
    pub bots: Vec<String>,
    config: Config,
    began: DateTime<Utc>,
    _serving: Serving,
}

/// Whether a request fetched a file, and not a list of files.
pub fn is_download(request: &RequestRecord) -> bool {
    request.facts.path.starts_with("/file-host/")
}

/// The time between the end of a day and the fetch of its file.
const AFTER: Duration = Duration::from_hours(1);

/// A vendor that answers at once, with `per_day` conversations on each day whatever the date.
pub fn conversations(per_day: f64) -> Config {
    Config {
        conversations_per_day: per_day,
        even_days: true,
        latency: Duration::from_millis(5),
        // Files come out when the service fetches them: the comparison would report an earlier file as missing.
        ready_after: AFTER,
        ..Config::default()
    }
}

impl UltimateVendor {
    /// Starts a frozen vendor: it releases no further file, although midnight may pass during a test.
    pub async fn start(config: Config) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let ultimate = Ultimate::new(config.clone(), clock.clone());
        ultimate.freeze();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let serving = serve(listener, ultimate.router(), &CancellationToken::new()).unwrap();
        Self {
            ultimate,
            base: serving.base(),
            bots: config.bots.clone(),
            config,
            began: clock.now(),
            _serving: serving,
        }
    }

    /// An account with all bots and the vendor's own interval of a day.
    pub fn account(&self, name: &str) -> AccountSettings {
        AccountSettings::of("ultimate", name, &self.base, &self.config.tokens[0])
            .with("organization_id", &self.config.organization)
            .with_list("bot_ids", &self.bots)
            .without("interval")
            .with("timeout", "10s")
            .with("lease", "20s")
    }

    /// The day `ago` days before the start. The hour after midnight counts to the day before, because its file is not out.
    pub fn day(&self, ago: i64) -> NaiveDate {
        (self.began - AFTER - TimeDelta::days(ago)).date_naive()
    }

    /// Compares the table with the files of the days `ago.0` to `ago.1` days ago, both included, for all bots.
    pub async fn compare(&self, database: &Database, account: &str, version: Version, ago: (i64, i64)) -> Comparison {
        let (from, to) = (midnight(self.day(ago.0), chrono_tz::UTC), midnight(self.day(ago.1 - 1), chrono_tz::UTC));
        let window = Window::new(from, to).unwrap();
        let mut all = Comparison::default();
        for bot in &self.bots {
            let one = ultimate(database, account, (&self.ultimate, version), bot, window).await.unwrap();
            all.vendor += one.vendor;
            all.table += one.table;
            all.equal += one.equal;
            all.missing.extend(one.missing);
            all.surplus.extend(one.surplus);
        }
        all
    }

    /// The number of list requests for `day`, over all bots.
    pub fn lists(&self, day: NaiveDate) -> usize {
        let seen = self.ultimate.requests();
        let day = day.to_string();
        seen.iter().filter(|seen| !is_download(seen) && seen.facts.from.as_deref() == Some(&day)).count()
    }

    /// Checks that the vendor recorded no breach and never two requests in flight.
    pub fn assert_no_breach(&self) {
        assert_eq!(self.ultimate.most_in_flight(), 1, "P1: requests in flight");
        assert_eq!(self.ultimate.breaches(), [], "the vendor's rules");
    }
}
