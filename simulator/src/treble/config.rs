//! What can be switched on a simulated Treble.

use crate::gateway::{Faults, Limits};
use crate::post::Shares;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Everything that can be switched. Truth follows from it and from the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every session, every fault and every spelling.
    pub seed: u64,
    /// The keys that are good; they come bare in `Authorization`.
    pub keys: Vec<String>,
    /// How many polls there are. Default 4.
    pub polls: usize,
    /// The places of polls, from 0, whose sessions cannot be listed: always 500. Default none.
    pub failing_polls: Vec<usize>,
    /// The instant before which there are no sessions. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Sessions of a poll on a mean day (UTC). Default 40.
    pub sessions_per_day: f64,
    /// One more session about this often, in each poll by turns, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// The longest that a session goes on: each does for a quarter of it or longer, in whole seconds, at least 2.
    /// Without it messages come for minutes to 6 days.
    pub talks_for: Option<Duration>,
    /// Share (0 to 1) of sessions that never close. Default 0.15.
    pub never_close: f64,
    /// Share (0 to 1) of sessions without an external id. Default 0.1.
    pub nameless: f64,
    /// Share (0 to 1) of sessions that close whose messages may still be delivered and read afterwards, for hours.
    /// Default 0: the end is the end.
    pub late_receipts: f64,
    /// Which sessions come first in the pages. Default the newest.
    pub order: Order,
    /// Share (0 to 1) of pages that begin with the last one or two sessions of the page before. Default 0.2.
    pub repeats: f64,
    /// How instants are written. Default any way, by request.
    pub times: Times,
    /// Whether webhooks of the flows are sent besides those of the account. Default yes.
    pub flow_hooks: bool,
    /// How often and how widely a key may ask. Default 10 a second, 4 at once.
    pub limits: Limits,
    /// What goes wrong though the caller did nothing wrong. Default nothing.
    pub faults: Faults,
    /// What goes wrong with webhooks. Default nothing.
    pub shares: Shares,
    /// How long a webhook waits for its answer. Default 5 s.
    pub patience: Duration,
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

/// How instants are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
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
            talks_for: None,
            never_close: 0.15,
            nameless: 0.1,
            late_receipts: 0.0,
            order: Order::default(),
            repeats: 0.2,
            times: Times::default(),
            flow_hooks: true,
            limits: Limits { requests_per_second: 10.0, ..Limits::default() },
            faults: Faults::default(),
            shares: Shares::default(),
            patience: Duration::from_secs(5),
        }
    }
}
