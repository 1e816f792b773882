//! The configuration of a simulated Ultimate.

use super::variants::Variants;
use crate::gateway::Faults;
use crate::random::{generator, happens};
use chrono::NaiveDate;
use std::time::Duration;

/// All switches. The dataset follows from them and the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every conversation, every variant and every fault.
    pub seed: u64,
    /// The accepted API keys, all of one organisation. Default one, `simulated-key`.
    pub tokens: Vec<String>,
    /// How the caller must send the key. Default bare.
    pub auth: AuthScheme,
    /// The organisation's id, 24 hexadecimal digits.
    pub organization: String,
    /// The bots' ids, each of 24 hexadecimal digits. Default two.
    pub bots: Vec<String>,
    /// The day before which no conversation ended. Default 2025-01-01.
    pub history_from: NaiveDate,
    /// Conversations of one bot that first end on a mean day; days differ. Default 200, at most 5,000,000.
    pub conversations_per_day: f64,
    /// Whether each day is equally busy: no weekday factor, no day-to-day variation. Default no.
    pub even_days: bool,
    /// Share (0 to 1) of a bot's days on which no conversation first ends. Default 0.
    pub empty_days: f64,
    /// Share (0 to 1) of conversations that begin on the day before they end. Default 0.05.
    pub over_midnight: f64,
    /// Share (0 to 1) of conversations that resume and end again one to three days later, changed. Default 0.
    pub resumed: f64,
    /// Share (0 to 1) of rows that come twice in one file, in an older and the current state. Default 0.
    pub duplicates: f64,
    /// Share (0 to 1) of conversations whose data is not JSON or contains a NUL. Default 0.
    pub odd_data: f64,
    /// Whether data is padded so that a row has some 1.5 kB. Default no.
    pub wide: bool,
    /// A customer's phone in about one conversation of twenty, so that a test can search logs for it.
    pub canary_phone: Option<String>,
    /// The most files of a day; the seed decides the number for each day. Default 1.
    pub files_per_day: u32,
    /// How long after midnight UTC the file of the day before is published. Default 30 minutes.
    pub ready_after: Duration,
    /// The answer to a day without a published file. Default 404.
    pub not_ready: NotReadyAnswer,
    /// How many days back a list call may go. Default 30.
    pub retention_days: u32,
    /// The answer to a day before that. Default 400.
    pub too_old: TooOldAnswer,
    /// The answer to a day without conversations. Default an empty list.
    pub empty: EmptyAnswer,
    /// Whether the first lists of a young day name files that lack about a tenth of their rows. Default no.
    pub grows: bool,
    /// How many lists of one bot and day name the shorter files. Default 1.
    pub grows_after: u32,
    /// How many days, counted back from the newest file, are young. Default 1.
    pub young_days: u32,
    /// The longest time that a URL is valid, whatever the list call asks for. Default none.
    pub url_ttl: Option<Duration>,
    /// Requests that the organisation may have in flight, list calls and downloads together. Default 1.
    pub max_in_flight: u32,
    /// How long the vendor works on each request. Default 20 ms.
    pub latency: Duration,
    /// The notation of lists and files. Default as documented.
    pub variants: Variants,
    /// Faults of requests. Default none.
    pub faults: Faults,
    /// Faults of files. Default none.
    pub file_faults: FileFaults,
}

/// How the caller must send the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthScheme {
    /// The bare key, as the live API takes it.
    #[default]
    Raw,
    /// `Bearer` and the key, as newer pages say.
    Bearer,
}

/// The answer to a day without a published file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotReadyAnswer {
    /// HTTP 404.
    #[default]
    NotFound404,
    /// HTTP 400.
    BadRequest400,
    /// HTTP 200 with an empty list.
    EmptyList,
}

/// The answer to a day before the retention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooOldAnswer {
    /// HTTP 400.
    #[default]
    BadRequest400,
    /// HTTP 200 with an empty list, as for a day without conversations.
    EmptyList,
}

/// The answer to a day without conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyAnswer {
    /// HTTP 200 with an empty list.
    #[default]
    EmptyList,
    /// HTTP 404.
    NotFound404,
    /// HTTP 200 with a file without rows.
    EmptyFile,
    /// Any of them, by seed and request.
    Mixed,
}

/// Probabilities (0 to 1) of faults that only files have. A download that meets one of [`Faults`] does not stall.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FileFaults {
    /// A file of which half comes, and then neither more nor an end.
    pub stall: f64,
    /// Share of files whose URL has expired when their day is first listed; a further list has valid URLs.
    pub expire_url: f64,
}

const SALT_URL: u64 = 0xDEAD;

impl FileFaults {
    /// Whether the URL of a file has expired when its day is first listed.
    pub(super) fn kills(&self, seed: u64, file_number: u64) -> bool {
        happens(self.expire_url, &mut generator(seed ^ SALT_URL, file_number))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            tokens: vec!["simulated-key".to_owned()],
            auth: AuthScheme::default(),
            organization: "64b1f0c2a9e14f0012345678".to_owned(),
            bots: vec!["6a41cee6fbfda88b1060d653".to_owned(), "6a41cee6fbfda88b1060d654".to_owned()],
            history_from: NaiveDate::from_ymd_opt(2025, 1, 1).unwrap_or_default(),
            conversations_per_day: 200.0,
            even_days: false,
            empty_days: 0.0,
            over_midnight: 0.05,
            resumed: 0.0,
            duplicates: 0.0,
            odd_data: 0.0,
            wide: false,
            canary_phone: None,
            files_per_day: 1,
            ready_after: Duration::from_mins(30),
            not_ready: NotReadyAnswer::default(),
            retention_days: 30,
            too_old: TooOldAnswer::default(),
            empty: EmptyAnswer::default(),
            grows: false,
            grows_after: 1,
            young_days: 1,
            url_ttl: None,
            max_in_flight: 1,
            latency: Duration::from_millis(20),
            variants: Variants::default(),
            faults: Faults::default(),
            file_faults: FileFaults::default(),
        }
    }
}
