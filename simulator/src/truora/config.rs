//! The configuration of a simulated Truora.

use crate::gateway::{Faults, Limits};
use crate::webhook_outbox::WebhookFaults;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// All switches. The dataset follows from them and the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every process, every fault and every variant.
    pub seed: u64,
    /// The accepted keys.
    pub keys: Vec<String>,
    /// The instant before which there are no processes. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Processes on a mean day (UTC). Default 150.
    pub processes_per_day: f64,
    /// The mean time between two further processes, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// The flows, by id. Default three.
    pub flows: Vec<String>,
    /// The longest time that a process is pending; each ends after a quarter of it or later, rounded up by at most a
    /// second. Default the vendor's own 24 hours.
    pub pending_for: Option<Duration>,
    /// Share (0 to 1) of ended processes whose result an operator overrides. Default 0.03.
    pub overridden: f64,
    /// The longest time from an end to its override; each comes after a tenth of it or later. Default 5 days.
    pub override_after: Duration,
    /// Share (0 to 1) of ended processes with a status word, a failure status or a reason that no document names.
    /// Default 0.02.
    pub odd_words: f64,
    /// The largest `page_size` of the list. Default 100.
    pub largest_page: usize,
    /// Whether a bad key gets 403, the answer of an API gateway, and not 401. Default no.
    pub gateway_403: bool,
    /// How many requests a key may send, at once and per second.
    pub limits: Limits,
    /// Faults of requests. Default none.
    pub faults: Faults,
    /// The secret that signs webhooks.
    pub webhook_secret: String,
    /// Faults of webhooks. Default none.
    pub webhook_faults: WebhookFaults,
    /// How long the vendor waits for the reply to a webhook. The vendor's own time is not known. Default 10 s.
    pub reply_timeout: Duration,
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
            webhook_secret: String::from("simulated-secret"),
            webhook_faults: WebhookFaults::default(),
            reply_timeout: Duration::from_secs(10),
        }
    }
}
