//! What can be switched on a simulated Certainly.

use super::faults::Faults;
use super::token;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be switched. Truth follows from it and from the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every message, every fault and every spelling.
    pub seed: u64,
    /// The tokens that are good. Default none, which [`super::Certainly::new`] takes for the one that
    /// [`Config::token`] makes.
    pub tokens: Vec<String>,
    /// When the token that [`Config::token`] makes expires. Default 2100-01-01T00:00:00Z.
    pub token_expires_at: DateTime<Utc>,
    /// The bots, by UUID. Default two.
    pub bots: Vec<String>,
    /// The instant before which there are no messages but those of `days`. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Messages of a bot on a mean day (UTC). Default 200.
    pub messages_per_day: f64,
    /// Days (UTC) on which every bot has exactly so many messages. Default none.
    pub days: BTreeMap<NaiveDate, usize>,
    /// One more message of every bot about this often, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// Share (0 to 1) of messages that reports show only `late_for` after their timestamp. Default 0.
    pub late: f64,
    /// How long those are missing. Default 30 minutes.
    pub late_for: Duration,
    /// Rows that one answer holds at most. Default 500.
    pub row_cap: usize,
    /// What a question for more rows is answered with. Default the first `row_cap`, without a word.
    pub over_cap: OverCap,
    /// Calendar days that one GET may span, both ends counted: `toDate - fromDate` is at most one less. Default 15.
    pub longest_days: u32,
    /// What a GET for more days is answered with; a breach either way. Default 400.
    pub too_wide: TooWide,
    /// Whether `toDate` itself is left out. Default no.
    pub exclusive_to: bool,
    /// Which rows come first, and so which the cap leaves out. Default the newest.
    pub order: Order,
    /// What stands around the rows. Default nothing.
    pub wrapper: Wrapper,
    /// How ids are written in JSON. Default either.
    pub ids: Ids,
    /// Requests that one token may have under way. Default 1.
    pub max_in_flight: u32,
    /// How long the vendor works on any request. Default 20 ms.
    pub latency: Duration,
    /// The same for questions for exports.
    pub post_latency: Duration,
    /// How long an export takes from its acceptance until its mail is made. Default 2 s.
    pub export_takes: Duration,
    /// What a POST is answered with while an export of its token is under way. Default any of them.
    pub busy: Busy,
    /// Where mail goes. Default [`Mail::Held`].
    pub mail: Mail,
    /// Who sends the reports. Default `reports@certainly.io`.
    pub mail_from: String,
    /// Whose token it is. Default `user@example.com`.
    pub mail_to: String,
    /// Whether the mail's text names the bot and the days. Default yes; the vendor's own text is not known.
    pub mail_names_bot: bool,
    /// Share (0 to 1) of rows in a CSV that lack their last cell or have one too many. Default 0.
    pub ragged: f64,
    /// What goes wrong though the caller did nothing wrong. Default nothing.
    pub faults: Faults,
}

/// What a question for more rows than the cap is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverCap {
    /// The first rows up to the cap, HTTP 200, not a word.
    #[default]
    Cut,
    /// HTTP 400 with a `detail`, and no rows.
    Refuse400,
}

/// What a GET for too many days is answered with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooWide {
    /// HTTP 400 with a `detail`.
    #[default]
    Refuse400,
    /// The rows, up to the cap, as if nothing were wrong.
    Answer,
}

/// Which rows come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    NewestFirst,
    /// The oldest.
    OldestFirst,
}

/// What stands around the rows of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrapper {
    /// Nothing: the array is the answer.
    #[default]
    Bare,
    /// `{"results": [..]}`
    Results,
    /// `{"data": [..]}`
    Data,
    /// `{"messages": [..]}`
    Messages,
    /// Any of them, by seed and request.
    Mixed,
}

/// How ids are written in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// `98211377`
    Number,
    /// `"98211377"`
    Text,
    /// Either, by seed and request.
    #[default]
    Mixed,
}

/// What a POST is answered with while an export of its token is under way. The text is always the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Busy {
    /// HTTP 409.
    Conflict409,
    /// HTTP 429 without `Retry-After`.
    TooMany429,
    /// HTTP 200: only the text tells.
    Ok200,
    /// Any of them, by seed and request.
    #[default]
    Mixed,
}

/// Where mail goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mail {
    /// Into `new/` of the Maildir at this path, by way of `tmp/`; the folders are made where they are missing.
    Maildir(PathBuf),
    /// Nowhere: it is kept until [`super::Certainly::take_mail`] takes it.
    #[default]
    Held,
}

impl Config {
    /// A token as the vendor issues them: header, payload with `exp` from `token_expires_at`, signature. Another
    /// seed or another expiry gives another token.
    #[must_use]
    pub fn token(&self) -> String {
        token::issued(self.seed, self.token_expires_at)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            tokens: Vec::new(),
            token_expires_at: DateTime::UNIX_EPOCH + TimeDelta::days(47_482),
            bots: ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "16fd2706-8baf-433b-82eb-8c7fada847da"]
                .map(str::to_owned)
                .to_vec(),
            history_from: DateTime::UNIX_EPOCH + TimeDelta::days(20_089),
            messages_per_day: 200.0,
            days: BTreeMap::new(),
            live_every: None,
            late: 0.0,
            late_for: Duration::from_mins(30),
            row_cap: 500,
            over_cap: OverCap::default(),
            longest_days: 15,
            too_wide: TooWide::default(),
            exclusive_to: false,
            order: Order::default(),
            wrapper: Wrapper::default(),
            ids: Ids::default(),
            max_in_flight: 1,
            latency: Duration::from_millis(20),
            post_latency: Duration::from_millis(20),
            export_takes: Duration::from_secs(2),
            busy: Busy::default(),
            mail: Mail::default(),
            mail_from: String::from("reports@certainly.io"),
            mail_to: String::from("user@example.com"),
            mail_names_bot: true,
            ragged: 0.0,
            faults: Faults::default(),
        }
    }
}
