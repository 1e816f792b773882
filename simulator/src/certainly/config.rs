//! The configuration of a simulated Certainly.

use super::token;
use crate::gateway::Faults;
use crate::random::{generator, pick};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::Rng;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// All switches. The dataset follows from them and the time alone.
#[derive(Clone, Debug)]
pub struct Config {
    /// Decides every message, every fault and every variant.
    pub seed: u64,
    /// The accepted tokens. Default none: [`super::Certainly::new`] then accepts that of [`Config::token`].
    pub tokens: Vec<String>,
    /// When the token of [`Config::token`] expires. Default 2100-01-01T00:00:00Z.
    pub token_expires_at: DateTime<Utc>,
    /// The bots' UUIDs. Default two.
    pub bots: Vec<String>,
    /// The instant before which there are no messages except on `days`. Default 2025-01-01T00:00:00Z.
    pub history_from: DateTime<Utc>,
    /// Messages of a bot on a mean day (UTC). Default 200.
    pub messages_per_day: f64,
    /// The exact number of messages of every bot on some days (UTC). Default none.
    pub days: BTreeMap<NaiveDate, usize>,
    /// The mean time between two further messages of every bot, from the simulator's start on. Default none.
    pub live_every: Option<Duration>,
    /// Share (0 to 1) of messages that reports show only `late_for` after their timestamp. Default 0.
    pub late: f64,
    /// How long reports lack those messages. Default 30 minutes.
    pub late_for: Duration,
    /// The most rows in an answer. Default 500.
    pub row_cap: usize,
    /// The answer to a query for more rows. Default the first `row_cap` rows.
    pub over_cap: OverCapAnswer,
    /// The most calendar days of a GET, both ends counted: `toDate - fromDate` is at most one less. Default 15.
    pub longest_days: u32,
    /// The answer to a GET for more days, which is a breach in either case. Default 400.
    pub too_wide: TooWideAnswer,
    /// Whether reports exclude `toDate` itself. Default no.
    pub exclusive_to: bool,
    /// The order of rows, which decides what the cap leaves out. Default newest first.
    pub order: Order,
    /// The object around the rows. Default none.
    pub wrapper: Wrapper,
    /// The type of ids in JSON. Default mixed.
    pub ids: IdStyle,
    /// Requests that one token may have in flight. Default 1.
    pub max_in_flight: u32,
    /// How long the vendor works on a GET. Default 20 ms.
    pub latency: Duration,
    /// How long the vendor works on a POST. Default 20 ms.
    pub post_latency: Duration,
    /// The time from the acceptance of an export until its mail is written. Default 2 s.
    pub export_takes: Duration,
    /// The answer to a POST while an export of its token is running. Default mixed.
    pub busy: BusyAnswer,
    /// The destination of mails. Default [`Mail::Held`].
    pub mail: Mail,
    /// The sender of reports. Default `reports@certainly.io`.
    pub mail_from: String,
    /// The recipient of reports: the token's owner. Default `user@example.com`.
    pub mail_to: String,
    /// Whether the text of a mail names the bot and the days. Default yes; the vendor's own text is not known.
    pub mail_names_bot: bool,
    /// Share (0 to 1) of rows in a CSV that lack their last cell or have one too many. Default 0.
    pub ragged: f64,
    /// Faults of requests. Default none. A POST that meets a cut body, a slow answer or a 504 is accepted all the same.
    pub faults: Faults,
    /// Faults of mails. Default none.
    pub mail_faults: MailFaults,
}

/// The answer to a query for more rows than the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OverCapAnswer {
    /// HTTP 200 with the first rows up to the cap.
    #[default]
    Cut,
    /// HTTP 400 with a `detail`.
    Refuse400,
}

/// The answer to a GET for too many days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooWideAnswer {
    /// HTTP 400 with a `detail`.
    #[default]
    Refuse400,
    /// HTTP 200 with the rows, up to the cap.
    Rows,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    NewestFirst,
    /// Oldest first.
    OldestFirst,
}

/// The object around the rows of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrapper {
    /// None: the answer is the array.
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

/// The type of ids in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdStyle {
    /// `98211377`
    Number,
    /// `"98211377"`
    Text,
    /// Either, by seed and request.
    #[default]
    Mixed,
}

/// The answer to a POST while an export of its token is running. The text is always the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BusyAnswer {
    /// HTTP 409.
    Conflict409,
    /// HTTP 429 without `Retry-After`.
    TooMany429,
    /// HTTP 200: only the text differs from an acceptance.
    Ok200,
    /// Any of them, by seed and request.
    #[default]
    Mixed,
}

/// The destination of mails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mail {
    /// The Maildir at this path. Missing folders are created.
    Maildir(PathBuf),
    /// Memory, until [`super::Certainly::take_mail`] takes the mails.
    #[default]
    Held,
}

/// The probability (0 to 1) of each fault of a mail; an export meets at most one. The seed and the ordinal of the export
/// decide.
#[derive(Clone, Debug, PartialEq)]
pub struct MailFaults {
    /// The mail never comes. The next export is accepted when this one would have been ready.
    pub lost: f64,
    /// The mail comes `late_by` after it was written.
    pub late: f64,
    /// How late. Default 10 minutes.
    pub late_by: Duration,
    /// The mail comes twice, with the same `Message-ID` or with another.
    pub duplicated: f64,
    /// A foreign mail comes first: a newsletter, or the report of another bot or of other days.
    pub foreign: f64,
    /// The CSV ends in the middle of a row.
    pub cut: f64,
}

/// A fault that one mail meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailFault {
    Lost,
    Late,
    Duplicated,
    Foreign,
    Cut,
}

const SALT_MAIL: u64 = 0x00FA_3A11;

impl MailFaults {
    /// The fault of export `ordinal`, if any.
    pub(super) fn draw(&self, seed: u64, ordinal: u64) -> Option<MailFault> {
        let shares = [
            (self.lost, MailFault::Lost),
            (self.late, MailFault::Late),
            (self.duplicated, MailFault::Duplicated),
            (self.foreign, MailFault::Foreign),
            (self.cut, MailFault::Cut),
        ];
        pick(shares, &mut generator(seed ^ SALT_MAIL, ordinal).random())
    }
}

impl MailFault {
    /// The name in the list of exports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lost => "mail_lost",
            Self::Late => "mail_late",
            Self::Duplicated => "mail_duplicated",
            Self::Foreign => "mail_foreign",
            Self::Cut => "mail_cut",
        }
    }
}

impl Default for MailFaults {
    fn default() -> Self {
        let late_by = Duration::from_mins(10);
        Self { lost: 0.0, late: 0.0, late_by, duplicated: 0.0, foreign: 0.0, cut: 0.0 }
    }
}

impl Config {
    /// A token as the vendor issues it: header, payload with `exp` from `token_expires_at`, signature. Another seed or
    /// another expiry gives another token.
    #[must_use]
    pub fn token(&self) -> String {
        token::issue(self.seed, self.token_expires_at)
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
            over_cap: OverCapAnswer::default(),
            longest_days: 15,
            too_wide: TooWideAnswer::default(),
            exclusive_to: false,
            order: Order::default(),
            wrapper: Wrapper::default(),
            ids: IdStyle::default(),
            max_in_flight: 1,
            latency: Duration::from_millis(20),
            post_latency: Duration::from_millis(20),
            export_takes: Duration::from_secs(2),
            busy: BusyAnswer::default(),
            mail: Mail::default(),
            mail_from: String::from("reports@certainly.io"),
            mail_to: String::from("user@example.com"),
            mail_names_bot: true,
            ragged: 0.0,
            faults: Faults::default(),
            mail_faults: MailFaults::default(),
        }
    }
}
