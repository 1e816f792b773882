//! What can be switched on a simulated Wolkvox.

use super::faults::Faults;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::time::Duration;

/// Everything that can be switched. Truth follows from it and from the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every chat and every fault.
    pub seed: u64,
    /// The zone whose wall clock the vendor writes and filters by. Default America/Bogota.
    pub zone: Tz,
    /// The tokens that are good.
    pub tokens: Vec<String>,
    /// The instant before which there are no chats. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Chats that start in a mean day; days of the week and hours of the day differ. Default 500.
    pub chats_per_day: f64,
    /// One more chat about this often, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// The longest that a chat stays open; most close sooner. Default 23 hours, as on the vendor.
    pub closes_after: Duration,
    /// Rows that one answer holds at most; the rest is left out without a word. Default 60,000.
    pub row_cap: usize,
    /// Days that one question may span. Default 31.
    pub longest_days: u32,
    /// Requests that one token may have under way. Default 1.
    pub max_in_flight: u32,
    /// Calls a local day over all tokens together; none is no limit. Default none.
    pub daily_quota: Option<u32>,
    /// How long the vendor works on any request. Default 20 ms.
    pub latency: Duration,
    /// How much longer for each thousand rows. Default zero.
    pub latency_per_1000_rows: Duration,
    /// The longest that the vendor works on a request before it answers 504. Default 60 s.
    pub longest_call: Duration,
    /// How the envelope's `code` is written. Default a number.
    pub code: Code,
    /// What an empty window is answered with. Default 404.
    pub empty: Empty,
    /// What goes wrong though the caller did nothing wrong. Default nothing.
    pub faults: Faults,
    /// Share (0 to 1) of chats whose `conn_id` is `""`, `"-"` or `"0"`. Default 0.
    pub blank_ids: f64,
    /// Share (0 to 1) of chats that come twice in one answer, in an older and the present state. Default 0.
    pub duplicates: f64,
    /// Whether rows carry unknown columns, and names in another case or with a trailing space. Default no.
    pub odd_columns: bool,
    /// A customer's phone to be found in about one chat of twenty, so that a test can look for it in logs.
    pub canary_phone: Option<String>,
}

/// How `code` is written: the vendor's samples have both a number and a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// `200`
    #[default]
    Number,
    /// `"200"`
    Text,
    /// Either, by seed and request.
    Mixed,
}

/// What an empty window is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Empty {
    /// HTTP 404, `Validate dates entered`: what three public clients saw.
    #[default]
    NotFound404,
    /// HTTP 200 with `"data": null`.
    NullData,
    /// HTTP 200 with `"data": []`.
    EmptyData,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            zone: Tz::America__Bogota,
            tokens: vec!["simulated-token".to_owned()],
            history_from: DateTime::UNIX_EPOCH + TimeDelta::days(20_089),
            chats_per_day: 500.0,
            live_every: None,
            closes_after: Duration::from_hours(23),
            row_cap: 60_000,
            longest_days: 31,
            max_in_flight: 1,
            daily_quota: None,
            latency: Duration::from_millis(20),
            latency_per_1000_rows: Duration::ZERO,
            longest_call: Duration::from_mins(1),
            code: Code::default(),
            empty: Empty::default(),
            faults: Faults::default(),
            blank_ids: 0.0,
            duplicates: 0.0,
            odd_columns: false,
            canary_phone: None,
        }
    }
}
