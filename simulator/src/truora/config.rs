//! What can be switched on a simulated Truora.

use crate::gateway::{Faults, Limits};
use crate::post::Shares;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Everything that can be switched. Truth follows from it and from the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every process, every fault and every spelling.
    pub seed: u64,
    /// The keys that are good.
    pub keys: Vec<String>,
    /// The instant before which there are no processes. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Processes on a mean day (UTC). Default 150.
    pub processes_per_day: f64,
    /// One more process about this often, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// The flows, by id. Default three.
    pub flows: Vec<String>,
    /// The longest that a process is pending, where that is not up to the vendor's own 24 hours: each ends after a
    /// quarter of it to all of it, and up to a second for its timestamp to be a round one.
    pub pending_for: Option<Duration>,
    /// Share (0 to 1) of ended processes whose result an operator overrides. Default 0.03.
    pub overridden: f64,
    /// The longest from an end until then; each is overridden after a tenth of it or later. Default 5 days.
    pub override_after: Duration,
    /// Share (0 to 1) of ended processes with a status word, a failure status or a reason that no document names.
    /// Default 0.02.
    pub odd_words: f64,
    /// The most rows that a page of the list may be asked for. Default 100.
    pub largest_page: usize,
    /// Whether a bad key is answered as the gateway does, 403, and not 401.
    pub gateway_403: bool,
    /// How often and how widely a key may ask.
    pub limits: Limits,
    /// What goes wrong though the caller did nothing wrong. Default nothing.
    pub faults: Faults,
    /// What webhooks are signed with.
    pub webhook_secret: String,
    /// What goes wrong with webhooks. Default nothing.
    pub shares: Shares,
    /// How long a webhook waits for its answer. The vendor's own time is not known. Default 10 s.
    pub patience: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            keys: vec![String::from("good-key")],
            history_from: DateTime::UNIX_EPOCH + TimeDelta::days(20_089),
            processes_per_day: 150.0,
            live_every: None,
            flows: ["IPFd93eb4cc27f1a2b3c4", "IPF0c51aa02e77b90d6f1", "IPF7be24d10c3985ae642"]
                .map(str::to_owned)
                .to_vec(),
            pending_for: None,
            overridden: 0.03,
            override_after: Duration::from_hours(5 * 24),
            odd_words: 0.02,
            largest_page: 100,
            gateway_403: false,
            limits: Limits::default(),
            faults: Faults::default(),
            webhook_secret: String::from("the-secret-of-the-webhooks-rule"),
            shares: Shares::default(),
            patience: Duration::from_secs(10),
        }
    }
}
