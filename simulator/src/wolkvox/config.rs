//! The configuration of a simulated Wolkvox.

use crate::gateway::Faults;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::time::Duration;

/// All switches. The dataset follows from them and the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every chat and every fault.
    pub seed: u64,
    /// The zone whose wall clock the vendor writes and filters by. Default America/Bogota.
    pub zone: Tz,
    /// The accepted tokens.
    pub tokens: Vec<String>,
    /// The instant before which there are no chats. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Chats that start in a mean day; weekdays and hours differ. Default 500.
    pub chats_per_day: f64,
    /// Whether each day is equally busy: no weekday factor, no day-to-day variation. Default no.
    pub even_days: bool,
    /// The mean time between two further chats, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// The longest time that a chat stays open; most close sooner. Default 23 hours, as on the vendor.
    pub closes_after: Duration,
    /// The most rows in an answer; the vendor leaves out the others silently. Default 60,000.
    pub row_cap: usize,
    /// The most days in the range of a query. Default 31.
    pub longest_days: u32,
    /// Requests that one token may have in flight. Default 1.
    pub max_in_flight: u32,
    /// Calls per local day over all tokens together; `None` for no limit. Default none.
    pub daily_quota: Option<u32>,
    /// Whether the vendor answers calls for token information. Default yes.
    pub token_info: bool,
    /// How long the vendor works on each request. Default 20 ms.
    pub latency: Duration,
    /// The further latency for each thousand rows. Default zero.
    pub latency_per_1000_rows: Duration,
    /// The longest time that the vendor works on a request before it answers 504. Default 60 s.
    pub longest_call: Duration,
    /// How the envelope writes `code`. Default as a number.
    pub code: CodeStyle,
    /// The answer to a window without rows. Default 404.
    pub empty: EmptyAnswer,
    /// Faults. Default none.
    pub faults: Faults,
    /// Faults that only Wolkvox has. Default none.
    pub wolkvox_faults: WolkvoxFaults,
    /// Share (0 to 1) of chats whose `conn_id` is `""`, `"-"` or `"0"`. Default 0.
    pub blank_ids: f64,
    /// Share (0 to 1) of chats that come twice in one answer, in an older and the current state. Default 0.
    pub duplicates: f64,
    /// Whether rows carry undocumented columns, and names in another case or with a trailing space. Default no.
    pub odd_columns: bool,
    /// A customer's phone in about one chat of twenty, so that a test can search logs for it.
    pub canary_phone: Option<String>,
}

/// Probabilities (0 to 1) of faults that only Wolkvox has. A request that meets one of [`Faults`] meets none of these.
#[derive(Clone, Debug, PartialEq)]
pub struct WolkvoxFaults {
    /// HTTP 403 for this call and the next ones: the server is being backed up.
    pub maintenance_403: f64,
    /// How many calls in a row one maintenance refuses. Default 3.
    pub maintenance_calls: u32,
    /// HTTP 403 about simultaneous requests although there was only one.
    pub simultaneous_403: f64,
    /// HTTP 200 around an envelope whose `code` is an error.
    pub error_in_200: f64,
}

/// How the envelope writes `code`: the vendor's samples have both a number and a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeStyle {
    /// `200`
    #[default]
    Number,
    /// `"200"`
    Text,
    /// Either, by seed and request.
    Mixed,
}

/// The answer to a window without rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyAnswer {
    /// HTTP 404, `Validate dates entered`: three public clients report it.
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
            even_days: false,
            live_every: None,
            closes_after: Duration::from_hours(23),
            row_cap: 60_000,
            longest_days: 31,
            max_in_flight: 1,
            daily_quota: None,
            token_info: true,
            latency: Duration::from_millis(20),
            latency_per_1000_rows: Duration::ZERO,
            longest_call: Duration::from_mins(1),
            code: CodeStyle::default(),
            empty: EmptyAnswer::default(),
            faults: Faults::default(),
            wolkvox_faults: WolkvoxFaults::default(),
            blank_ids: 0.0,
            duplicates: 0.0,
            odd_columns: false,
            canary_phone: None,
        }
    }
}

impl Default for WolkvoxFaults {
    fn default() -> Self {
        Self { maintenance_403: 0.0, maintenance_calls: 3, simultaneous_403: 0.0, error_in_200: 0.0 }
    }
}
