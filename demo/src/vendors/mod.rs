//! The list of simulated vendors. `simulate` and the demo iterate over it; a vendor is one file here and one entry.

mod certainly;
mod treble;
mod truora;
mod ultimate;
mod wolkvox;

use crate::compare::Comparison;
use crate::error::DemoError;
use crate::options::SimulateOptions;
use async_trait::async_trait;
use axum::Router;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::clock::Clock;
use domain::window::{Window, midnight};
use simulator::WebhookSender;
use simulator::gateway::Faults;
use simulator::webhook_outbox::{Event, WebhookFaults};
use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;
use tokio_util::sync::CancellationToken;

/// Every simulated vendor, in the order of the demo.
pub const VENDORS: &[&dyn VendorEntry] =
    &[&wolkvox::Entry, &ultimate::Entry, &certainly::Entry, &truora::Entry, &treble::Entry];

/// A simulated vendor in the list.
pub trait VendorEntry: Debug + Send + Sync {
    /// The word on the command line, and in `source = "…"`.
    fn name(&self) -> &'static str;

    /// The name as people write it.
    fn title(&self) -> &'static str;

    /// What is simulated, in one phrase.
    fn summary(&self) -> &'static str;

    /// Prepares the vendor for `convosync simulate`.
    ///
    /// # Errors
    /// Options that do not fit the vendor.
    fn simulate(&self, options: &SimulateOptions, clock: Arc<dyn Clock>) -> Result<Simulation, DemoError>;

    /// Prepares the vendor for the demo.
    ///
    /// # Errors
    /// A folder that cannot be made.
    fn start(&self, setup: &DemoSetup) -> Result<Box<dyn DemoVendor>, DemoError>;

    /// The name of the vendor's account in the demo.
    fn demo_account(&self) -> String {
        format!("{}_demo", self.name())
    }
}

/// A vendor that is ready to be served alone.
pub struct Simulation {
    /// Its endpoints.
    pub router: Router,
    /// The account's settings, with `BASE` for the address.
    pub settings: String,
    /// Sends webhooks to an address, if the vendor has webhooks.
    pub webhooks: Option<SendWebhooks>,
}

/// Sends webhooks to an address until the token is cancelled.
pub type SendWebhooks = Box<dyn FnOnce(&str, CancellationToken) -> io::Result<WebhookSender>>;

/// What a vendor of the demo is made of.
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
    /// What is special about it, in one sentence for the person who watches.
    fn remark(&self) -> Option<&'static str> {
        None
    }

    /// Its endpoints.
    fn router(&self) -> Router;

    /// The settings of its account, without the table's header; `base` is its address.
    fn settings(&self, base: &str) -> String;

    /// The first and the last day of its backfill, both included.
    fn days(&self) -> [NaiveDate; 2];

    /// The number of requests that it has received.
    fn requests(&self) -> usize;

    /// Switches faults on or off: throttling, broken answers, web pages. Some vendors have none.
    fn set_faulty(&self, _is_faulty: bool) {}

    /// Stops its dataset: no row changes any more.
    fn freeze(&self);

    /// The least length of the poll that proves, after [`DemoVendor::freeze`], that the service holds the last rows.
    /// None where a comparison is proof enough.
    fn last_poll(&self) -> Option<TimeDelta> {
        None
    }

    /// Its webhooks, if it has any.
    fn webhooks(&self) -> Option<&dyn Webhooks> {
        None
    }

    /// Compares the tables of `account` with its dataset as of `now`.
    async fn compare(
        &self,
        db: &Database,
        account: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, Comparison)>, DbErr>;
}

/// The webhooks of a vendor.
pub trait Webhooks: Send + Sync {
    /// Sends them to `account` on `server` until `stop`.
    ///
    /// # Errors
    /// An address that is not allowed.
    fn send(&self, server: SocketAddr, account: &str, stop: CancellationToken) -> io::Result<WebhookSender>;

    /// The number of webhooks that are not sent yet.
    fn unsent(&self) -> usize;

    /// What has happened, with the delivery of each webhook.
    fn events(&self) -> Vec<Event>;

    /// Whether the service asks for open items so rarely that the demo must hurry it at its end.
    fn has_slow_items(&self) -> bool {
        false
    }
}

/// The number of days that the demo's vendors hold.
pub const DAYS: i64 = 30;

/// The token of each vendor of the demo.
const TOKEN: &str = "simulated-token";
/// The secret of webhooks.
const SECRET: &str = "simulated-secret";
/// The mean number of rows a day in `simulate`, where a request returns many rows.
const ROWS_PER_DAY: f64 = 400.0;
/// The mean number of items a day in `simulate`, where the service fetches each item by a request of its own.
const ITEMS_PER_DAY: f64 = 40.0;
/// How often a new item begins in `simulate`, when webhooks are sent.
pub const NEW_ITEM_EVERY: Duration = Duration::from_secs(5);
/// How long such an item lasts at most.
const ITEM_LASTS: Duration = Duration::from_mins(1);

/// How the demo's vendors with webhooks behave. They allow more requests a second than the real ones, so that the
/// demo is short.
mod demo_items {
    use super::{Duration, WebhookFaults};
    use simulator::gateway::Limits;

    /// Requests a second.
    pub const RATE: f64 = 25.0;
    /// How often a new item begins.
    pub const NEW_EVERY: Duration = Duration::from_secs(3);
    /// How long an item lasts.
    pub const LASTS: Duration = Duration::from_secs(10);

    pub fn limits() -> Limits {
        Limits { requests_per_second: RATE, latency: Duration::from_millis(20), ..Limits::default() }
    }

    pub fn shares() -> WebhookFaults {
        WebhookFaults { lost: 0.15, duplicate: 0.1, disorder: 0.1, ..WebhookFaults::default() }
    }

    /// The settings that both accounts share.
    pub fn settings() -> String {
        format!(
            "token = \"{}\"\nwebhook_secret = \"{}\"\ninterval = \"5s\"\nrefresh = \"10s\"\nsettle = \"24h\"\n\
             timeout = \"20s\"\nspacing = \"20ms\"\nrequests_per_second = {RATE}\nretry_min = \"1s\"\n",
            super::TOKEN,
            super::SECRET
        )
    }
}

/// The settings that the demo's other accounts share: short waits.
const SHORT_WAITS: &str = "spacing = \"50ms\"\nretry_min = \"1s\"\n";

/// The faults of requests in `simulate`.
fn faults(options: &SimulateOptions) -> Faults {
    Faults { throttle_429: options.faults, server_500: options.faults, cut_body: options.faults, ..Faults::default() }
}

/// The faults of webhooks in `simulate`.
fn shares(options: &SimulateOptions) -> WebhookFaults {
    WebhookFaults {
        lost: options.faults,
        duplicate: options.faults,
        disorder: options.faults,
        ..WebhookFaults::default()
    }
}

/// The demo's faults of a vendor with webhooks, or none.
fn demo_faults(is_faulty: bool) -> Faults {
    let share = |share: f64| if is_faulty { share } else { 0.0 };
    Faults {
        throttle_429: share(0.2),
        retry_after: Duration::from_secs(2),
        server_500: share(0.2),
        html_200: share(0.1),
        ..Faults::default()
    }
}

/// From the first instant of `day` in `zone` to `end`; none where that is empty.
fn since(day: NaiveDate, zone: chrono_tz::Tz, end: DateTime<Utc>) -> Option<Window> {
    Window::new(midnight(day, zone), end)
}
