//! The list of all simulated vendors. A further vendor is a folder and a line here.

use crate::gateway::Faults;
use crate::vendor::SimulatedVendor;
use crate::webhook_outbox::WebhookFaults;
use crate::{certainly, treble, truora, ultimate, wolkvox};
use domain::clock::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// All simulated vendors.
pub static VENDORS: [VendorEntry; 5] =
    [wolkvox::ENTRY, ultimate::ENTRY, certainly::ENTRY, truora::ENTRY, treble::ENTRY];

/// A vendor that can be simulated.
#[derive(Clone, Copy, Debug)]
pub struct VendorEntry {
    /// The name in settings, such as `wolkvox`.
    pub name: &'static str,
    /// The name in texts, such as `Wolkvox`.
    pub title: &'static str,
    /// The data that it offers, in one phrase.
    pub summary: &'static str,
    /// Whether it posts webhooks.
    pub posts_webhooks: bool,
    pub(crate) create: Constructor,
}

type Constructor = fn(&VendorOptions, Arc<dyn Clock>) -> Result<Box<dyn SimulatedVendor>, String>;

/// The options that all vendors share. A vendor without the thing that an option describes ignores it.
#[derive(Clone, Debug)]
pub struct VendorOptions {
    /// Decides the dataset, the variants and the faults. Default 42.
    pub seed: u64,
    /// The credential that the vendor accepts. Default `simulated-token`.
    pub token: String,
    /// Items in a mean day, per bot; over all polls for Treble. Default: 400, or 40 where items are fetched one by one.
    pub items_per_day: Option<f64>,
    /// How many days back the dataset begins. Default 60.
    pub history_days: i64,
    /// The mean time between two further items while the simulator runs. Default none.
    pub live_every: Option<Duration>,
    /// The longest time until a process or session ends. Default as long as at the vendor.
    pub ends_after: Option<Duration>,
    /// The most rows in an answer. Default the vendor's own limit.
    pub row_cap: Option<usize>,
    /// How long the vendor works on each request. Default the vendor's own default.
    pub latency: Option<Duration>,
    /// Faults of requests. Default none.
    pub faults: Faults,
    /// Faults of webhooks. Default none.
    pub webhook_faults: WebhookFaults,
    /// The Maildir for Certainly's reports. Default none: mails are kept in memory.
    pub maildir: Option<PathBuf>,
    /// The address that webhooks will be sent to. Treble reads the secret from it. Default none.
    pub webhook_url: Option<String>,
    /// The secret of webhooks. Default `simulated-secret`.
    pub webhook_secret: String,
}

impl VendorEntry {
    /// The entry with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        VENDORS.iter().find(|entry| entry.name == name)
    }

    /// A vendor that reads the time from `clock`.
    ///
    /// # Errors
    /// The reason, where an option cannot be used.
    pub fn create(&self, options: &VendorOptions, clock: Arc<dyn Clock>) -> Result<Box<dyn SimulatedVendor>, String> {
        (self.create)(options, clock)
    }
}

impl Default for VendorOptions {
    fn default() -> Self {
        Self {
            seed: 42,
            token: String::from("simulated-token"),
            items_per_day: None,
            history_days: 60,
            live_every: None,
            ends_after: None,
            row_cap: None,
            latency: None,
            faults: Faults::default(),
            webhook_faults: WebhookFaults::default(),
            maildir: None,
            webhook_url: None,
            webhook_secret: String::from("simulated-secret"),
        }
    }
}
