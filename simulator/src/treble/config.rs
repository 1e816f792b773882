//! The configuration of a simulated Treble.

use crate::gateway::{Faults, Limits};
use crate::webhook_outbox::WebhookFaults;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// All switches. The dataset follows from them and the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every session, every fault and every variant.
    pub seed: u64,
    /// The accepted keys; callers send them bare in `Authorization`.
    pub keys: Vec<String>,
    /// The number of polls. Default 4.
    pub polls: usize,
    /// The places of polls, from 0, whose list of sessions always fails with 500. Default none.
    pub failing_polls: Vec<usize>,
    /// The instant before which there are no sessions. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Sessions of a poll on a mean day (UTC). Default 40.
    pub sessions_per_day: f64,
    /// The mean time between two further sessions, in each poll by turns, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// The longest time that a session lasts; each lasts a quarter of it or longer, in whole seconds, at least 2. Default
    /// none: minutes to 6 days.
    pub lasts_for: Option<Duration>,
    /// Share (0 to 1) of sessions that never close. Default 0.15.
    pub never_close: f64,
    /// Share (0 to 1) of sessions without an external id. Default 0.1.
    pub no_external_id: f64,
    /// Share (0 to 1) of closing sessions whose messages may still be delivered and read for hours afterwards. Default 0.
    pub late_receipts: f64,
    /// Which sessions come first in the pages. Default the newest.
    pub order: Order,
    /// Share (0 to 1) of pages that begin with the last one or two sessions of the page before. Default 0.2.
    pub repeats: f64,
    /// The format of timestamps. Default mixed, by request.
    pub times: TimeFormat,
    /// Whether flows send webhooks besides those of the account. Default yes.
    pub flow_hooks: bool,
    /// How many requests a key may send. Default 10 a second, 4 at once.
    pub limits: Limits,
    /// Faults of requests. Default none.
    pub faults: Faults,
    /// Faults of webhooks. Default none.
    pub webhook_faults: WebhookFaults,
    /// How long the vendor waits for the reply to a webhook. Default 5 s.
    pub reply_timeout: Duration,
    /// The last part of the path to which the account's webhooks are posted.
    pub webhook_secret: String,
}

/// Which sessions come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// The format of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// `1653341700`
    Number,
    /// `"1653341700"`
    Text,
    /// `"2022-05-23 21:35:00"`, in UTC.
    DayAndTime,
    /// Any of them, by seed and request.
    #[default]
    Mixed,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            keys: vec![String::from("good-key")],
            polls: 4,
            failing_polls: Vec::new(),
            history_from: DateTime::UNIX_EPOCH + TimeDelta::days(20_089),
            sessions_per_day: 40.0,
            live_every: None,
            lasts_for: None,
            never_close: 0.15,
            no_external_id: 0.1,
            late_receipts: 0.0,
            order: Order::default(),
            repeats: 0.2,
            times: TimeFormat::default(),
            flow_hooks: true,
            limits: Limits { requests_per_second: 10.0, ..Limits::default() },
            faults: Faults::default(),
            webhook_faults: WebhookFaults::default(),
            reply_timeout: Duration::from_secs(5),
            webhook_secret: String::from("simulated-secret"),
        }
    }
}
