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
    /// What it holds and saw.
    pub ultimate: Ultimate,
    /// Its address.
    pub base: String,
    /// Its bots.
    pub bots: Vec<String>,
    config: Config,
    began: DateTime<Utc>,
    _serving: Serving,
}

/// Whether a request fetched a file, rather than a list of files.
pub fn is_download(request: &RequestRecord) -> bool {
    request.facts.path.starts_with("/file-host/")
}

/// How long after a day its file is asked for.
const AFTER: Duration = Duration::from_hours(1);

/// A vendor that answers at once, with `per_day` conversations on each day whatever the date.
pub fn conversations(per_day: f64) -> Config {
    Config {
        conversations_per_day: per_day,
        even_days: true,
        latency: Duration::from_millis(5),
        // When it is asked for: what is there and not asked for yet would be taken for missing.
        ready_after: AFTER,
        ..Config::default()
    }
}

impl UltimateVendor {
    /// Starts one, where no further file comes out: a test may last from one day into the next.
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

    /// An account with all its bots, at the vendor's own cadence: a file a day.
    pub fn account(&self, name: &str) -> AccountSettings {
        AccountSettings::of("ultimate", name, &self.base, &self.config.tokens[0])
            .with("organization_id", &self.config.organization)
            .with_list("bot_ids", &self.bots)
            .without("interval")
            .with("timeout", "10s")
            .with("lease", "20s")
    }

    /// The day so many before the one whose file was not there yet when it started: the hour after midnight belongs to the
    /// day before.
    pub fn day(&self, ago: i64) -> NaiveDate {
        (self.began - AFTER - TimeDelta::days(ago)).date_naive()
    }

    /// All that its files of the days `from` to `to` ago, both included, tell, against the tables: all bots together.
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

    /// How often the list of `day` was asked for, over all bots.
    pub fn lists(&self, day: NaiveDate) -> usize {
        let seen = self.ultimate.requests();
        let day = day.to_string();
        seen.iter().filter(|seen| !is_download(seen) && seen.facts.from.as_deref() == Some(&day)).count()
    }

    /// The referee's word: no rule was broken, and no two requests were ever under way.
    pub fn assert_no_breach(&self) {
        assert_eq!(self.ultimate.most_in_flight(), 1, "P1: requests under way");
        assert_eq!(self.ultimate.breaches(), [], "the vendor's rules");
    }
}
