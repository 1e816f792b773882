//! What can be switched on a simulated Ultimate.

use super::faults::Faults;
use super::shape::Shape;
use chrono::NaiveDate;
use std::time::Duration;

/// Everything that can be switched. Truth follows from it and from the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every conversation, every spelling and every fault.
    pub seed: u64,
    /// The API keys that are good; all of one organisation. Default one, `simulated-key`.
    pub tokens: Vec<String>,
    /// How the key must be sent. Default bare.
    pub auth: Auth,
    /// The organisation's id, 24 hexadecimal digits.
    pub organization: String,
    /// The bots, each by its id of 24 hexadecimal digits. Default two.
    pub bots: Vec<String>,
    /// The day before which no conversation ended. Default 2025-01-01.
    pub history_from: NaiveDate,
    /// Conversations of one bot that first end on a mean day; days differ. Default 200, at most 5,000,000.
    pub conversations_per_day: f64,
    /// Share (0 to 1) of a bot's days on which nothing first ends. Default 0.
    pub empty_days: f64,
    /// Share (0 to 1) of conversations that begin on the day before they end. Default 0.05.
    pub over_midnight: f64,
    /// Share (0 to 1) of conversations that come again one to three days later, changed and with a later end. Default 0.
    pub resumed: f64,
    /// Share (0 to 1) of rows that come twice in one file, in an older and the present state. Default 0.
    pub duplicates: f64,
    /// Share (0 to 1) of conversations whose data is no JSON, or holds a NUL. Default 0.
    pub odd_data: f64,
    /// Whether data is padded so that a row is some 1.5 kB long. Default no.
    pub wide: bool,
    /// A customer's phone to be found in about one conversation of twenty, so that a test can look for it in logs.
    pub canary_phone: Option<String>,
    /// The most files that a day comes in; each day has its own number, by seed. Default 1.
    pub files_per_day: u32,
    /// How long after midnight UTC the file of the day before is there. Default 30 minutes.
    pub ready_after: Duration,
    /// What a day without a file yet is answered with. Default 404.
    pub early: Early,
    /// How many days before today may be asked for. Default 30.
    pub retention_days: u32,
    /// What a day before that is answered with. Default 400.
    pub too_old: TooOld,
    /// What a day on which nothing ended is answered with. Default an empty list.
    pub empty: Empty,
    /// Whether young files lack about a tenth of their rows at first. Default no.
    pub grows: bool,
    /// Answers to list calls for one bot and day that still name the shorter files. Default 1.
    pub grows_after: u32,
    /// How many days, counted back from the newest file, are young. Default 1.
    pub young_days: u32,
    /// The longest that a URL stays good, whatever was asked for. Default none: as long as was asked for.
    pub url_ttl: Option<Duration>,
    /// Requests that the organisation may have under way, list calls and downloads together. Default 1.
    pub max_in_flight: u32,
    /// How long the vendor works on any request. Default 20 ms.
    pub latency: Duration,
    /// How lists and files are written. Default as documented.
    pub shape: Shape,
    /// What goes wrong though the caller did nothing wrong. Default nothing.
    pub faults: Faults,
}

/// How the key must be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// The bare key: what was seen live.
    #[default]
    Raw,
    /// `Bearer` and the key: what newer pages say.
    Bearer,
}

/// What a day without a file yet is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Early {
    /// HTTP 404.
    #[default]
    NotFound404,
    /// HTTP 400.
    BadRequest400,
    /// HTTP 200 with an empty list.
    EmptyList,
}

/// What a day before the retention is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooOld {
    /// HTTP 400.
    #[default]
    BadRequest400,
    /// HTTP 200 with an empty list, as if nothing had ended.
    EmptyList,
}

/// What a day on which nothing ended is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Empty {
    /// HTTP 200 with an empty list.
    #[default]
    EmptyList,
    /// HTTP 404.
    NotFound404,
    /// HTTP 200 with a file that holds no row.
    EmptyFile,
    /// Any of them, by seed and request.
    Mixed,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            tokens: vec!["simulated-key".to_owned()],
            auth: Auth::default(),
            organization: "64b1f0c2a9e14f0012345678".to_owned(),
            bots: vec!["6a41cee6fbfda88b1060d653".to_owned(), "6a41cee6fbfda88b1060d654".to_owned()],
            history_from: NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default(),
            conversations_per_day: 200.0,
            empty_days: 0.0,
            over_midnight: 0.05,
            resumed: 0.0,
            duplicates: 0.0,
            odd_data: 0.0,
            wide: false,
            canary_phone: None,
            files_per_day: 1,
            ready_after: Duration::from_mins(30),
            early: Early::default(),
            retention_days: 30,
            too_old: TooOld::default(),
            empty: Empty::default(),
            grows: false,
            grows_after: 1,
            young_days: 1,
            url_ttl: None,
            max_in_flight: 1,
            latency: Duration::from_millis(20),
            shape: Shape::default(),
            faults: Faults::default(),
        }
    }
}
