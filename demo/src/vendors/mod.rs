//! The vendors of the demo, one file each: a simulated vendor with a dataset worth watching, and its comparison.

mod certainly;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

use crate::compare::Comparison;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use simulator::gateway::Faults;
use simulator::{SimulatedVendor, VendorEntry};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;

/// Makes each vendor of the demo, in the order in which the demo shows them.
pub const VENDORS: &[StartVendor] = &[wolkvox::start, ultimate::start, certainly::start, truora::start, treble::start];

/// Makes a vendor of the demo.
pub type StartVendor = fn(&DemoSetup) -> Box<dyn DemoVendor>;

/// The input of [`StartVendor`].
pub struct DemoSetup {
    /// The seed of its dataset.
    pub seed: u64,
    /// The host's clock.
    pub clock: Arc<dyn Clock>,
    /// The Maildir that receives mails.
    pub mailbox: PathBuf,
}

impl DemoSetup {
    /// The day, in UTC, that lies `days` before today.
    fn day(&self, days: i64) -> NaiveDate {
        (self.clock.now() - TimeDelta::days(days)).date_naive()
    }
}

/// A vendor of the demo.
#[async_trait]
pub trait DemoVendor: Send + Sync {
    /// The simulated vendor.
    fn simulated(&self) -> &dyn SimulatedVendor;

    /// What is special about it, in one sentence for the person who watches.
    fn remark(&self) -> Option<&'static str> {
        None
    }

    /// Settings of its account, as lines of TOML, besides [`SimulatedVendor::account_settings`].
    fn settings(&self) -> String;

    /// The first and the last day of its backfill, both included.
    fn days(&self) -> [NaiveDate; 2];

    /// Its faults while the vendors fail. Some vendors have none.
    fn faults(&self) -> Faults {
        Faults::default()
    }

    /// The least length of the poll that proves, after [`SimulatedVendor::freeze`], that the service holds the last
    /// rows. None where a comparison is proof enough.
    fn last_poll(&self) -> Option<TimeDelta> {
        None
    }

    /// Whether the service asks for open items so rarely that the demo must hurry it at its end.
    fn has_slow_items(&self) -> bool {
        false
    }

    /// Compares the tables of `account` with its dataset as of `now`.
    async fn compare(
        &self,
        db: &Database,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, Comparison)>, DbErr>;

    /// The vendor's name as people write it.
    fn title(&self) -> &'static str {
        let name = self.simulated().name();
        VendorEntry::named(name).map_or(name, |entry| entry.title)
    }

    /// The name of the vendor's account in the demo.
    fn account(&self) -> String {
        format!("{}_demo", self.simulated().name())
    }
}

/// The number of days that the demo's vendors hold.
pub const DAYS: i64 = 30;

/// The token of each vendor of the demo.
const TOKEN: &str = "simulated-token";
/// The settings that the accounts without webhooks share: short waits.
const SHORT_WAITS: &str = "timeout = \"20s\"\nspacing = \"50ms\"\nretry_min = \"1s\"\n";

/// How the demo's vendors with webhooks behave. They allow more requests a second than the real ones, so that the
/// demo is short.
mod webhook_vendors {
    use super::{Duration, Faults};
    use simulator::gateway::Limits;
    use simulator::webhook_outbox::WebhookFaults;

    /// How often a new item begins.
    pub const NEW_EVERY: Duration = Duration::from_secs(3);
    /// How long an item lasts.
    pub const LASTS: Duration = Duration::from_secs(10);

    /// The settings that their accounts share.
    pub const SETTINGS: &str = "interval = \"5s\"\nrefresh = \"10s\"\nsettle = \"24h\"\ntimeout = \"20s\"\n\
         spacing = \"20ms\"\nrequests_per_second = 25.0\nretry_min = \"1s\"\n";

    pub fn limits() -> Limits {
        Limits { requests_per_second: 25.0, latency: Duration::from_millis(20), ..Limits::default() }
    }

    pub fn webhook_faults() -> WebhookFaults {
        WebhookFaults { lost: 0.15, duplicate: 0.1, disorder: 0.1, ..WebhookFaults::default() }
    }

    pub fn faults() -> Faults {
        let retry_after = Duration::from_secs(2);
        Faults { throttle_429: 0.2, retry_after, server_500: 0.2, html_200: 0.1, ..Faults::default() }
    }
}

/// From the first instant of `day` in `zone` to `end`; none where that is empty.
fn since(day: NaiveDate, zone: chrono_tz::Tz, end: DateTime<Utc>) -> Option<Window> {
    Window::new(midnight(day, zone), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    struct StoppedClock;

    impl Clock for StoppedClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[test]
    fn the_demo_shows_every_simulated_vendor() {
        let setup = DemoSetup { seed: 1, clock: Arc::new(StoppedClock), mailbox: PathBuf::new() };
        let shown: BTreeSet<_> = VENDORS.iter().map(|start| start(&setup).simulated().name()).collect();
        assert_eq!(shown, simulator::VENDORS.iter().map(|entry| entry.name).collect());
    }
}
