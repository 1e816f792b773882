//! What goes wrong though the caller did nothing wrong.

use super::truth::generator;
use rand::Rng;
use std::time::Duration;

/// Probabilities (0 to 1) of each fault; a request meets at most one, and so does an export. Drawn from the seed
/// and the ordinal of the request or export, so the same run fails in the same places.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// HTTP 429 with `Retry-After`.
    pub throttle_429: f64,
    /// What `Retry-After` says, in whole seconds. Default 5 s.
    pub retry_after: Duration,
    /// HTTP 500.
    pub server_500: f64,
    /// HTTP 200 with a web page instead of data.
    pub html_200: f64,
    /// A body that ends in the middle: a connection closed too soon, or whole HTTP around cut text. A POST is
    /// accepted all the same.
    pub cut_body: f64,
    /// The right answer, late.
    pub slow: f64,
    /// How late. Default 70 s.
    pub slow_for: Duration,
    /// HTTP 504 from the gateway. A POST is accepted all the same: only its answer is lost.
    pub gateway_504: f64,
    /// A mail that never comes. The next export is accepted when this one would have been made.
    pub mail_lost: f64,
    /// A mail that comes `late_by` after it was made.
    pub mail_late: f64,
    /// How late. Default 10 minutes.
    pub late_by: Duration,
    /// A mail that comes twice, with the same `Message-ID` or with another.
    pub mail_duplicated: f64,
    /// Another mail before ours: a newsletter, or the report of another bot or of other days.
    pub mail_foreign: f64,
    /// A CSV that ends in the middle of a row.
    pub mail_cut: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle_429: 0.0,
            retry_after: Duration::from_secs(5),
            server_500: 0.0,
            html_200: 0.0,
            cut_body: 0.0,
            slow: 0.0,
            slow_for: Duration::from_secs(70),
            gateway_504: 0.0,
            mail_lost: 0.0,
            mail_late: 0.0,
            late_by: Duration::from_mins(10),
            mail_duplicated: 0.0,
            mail_foreign: 0.0,
            mail_cut: 0.0,
        }
    }
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Throttle,
    Server,
    Html,
    Cut,
    Slow,
    Gateway,
}

/// What goes wrong with one export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailFault {
    Lost,
    Late,
    Duplicated,
    Foreign,
    Cut,
}

/// Keeps the faults' draws apart from the messages'.
const SALT: u64 = 0x00FA_0175;
const SALT_MAIL: u64 = 0x00FA_3A11;

impl Faults {
    /// What goes wrong with request `ordinal`, if anything.
    pub(super) fn draw(&self, seed: u64, ordinal: u64) -> Option<Fault> {
        let shares = [
            (self.throttle_429, Fault::Throttle),
            (self.server_500, Fault::Server),
            (self.html_200, Fault::Html),
            (self.cut_body, Fault::Cut),
            (self.slow, Fault::Slow),
            (self.gateway_504, Fault::Gateway),
        ];
        one_of(shares, generator(seed ^ SALT, ordinal).random())
    }

    /// What goes wrong with export `ordinal`, if anything.
    pub(super) fn draw_mail(&self, seed: u64, ordinal: u64) -> Option<MailFault> {
        let shares = [
            (self.mail_lost, MailFault::Lost),
            (self.mail_late, MailFault::Late),
            (self.mail_duplicated, MailFault::Duplicated),
            (self.mail_foreign, MailFault::Foreign),
            (self.mail_cut, MailFault::Cut),
        ];
        one_of(shares, generator(seed ^ SALT_MAIL, ordinal).random())
    }
}

impl Fault {
    /// Its name in the record.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle_429",
            Self::Server => "server_500",
            Self::Html => "html_200",
            Self::Cut => "cut_body",
            Self::Slow => "slow",
            Self::Gateway => "gateway_504",
        }
    }
}

impl MailFault {
    /// Its name in the record.
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

fn one_of<T, const N: usize>(shares: [(f64, T); N], mut left: f64) -> Option<T> {
    shares.into_iter().find_map(|(share, fault)| {
        let met = left < share;
        left -= share;
        met.then_some(fault)
    })
}
