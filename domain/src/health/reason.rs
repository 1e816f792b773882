//! The reasons why an account or the installation is not well, each with a sentence and the operator's next step.

use super::Health;
use crate::days::BlockedDays;
use crate::duration;
use crate::lane::LaneClosure;
use crate::process::Absence;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Why an account or the installation is not well. The most severe variant comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No process runs the scheduler or the worker, so that no request is sent.
    NobodyWorking(Absence),
    /// The tables are of an older version than the program.
    MigrationsPending,
    /// The vendor refuses the credential, and the lane stays closed until an operator opens it.
    TokenRefused {
        /// The vendor's text.
        text: String,
    },
    /// The vendor refuses the credential, and the worker tries it again before an operator is needed.
    TokenProbed {
        /// When the worker tries it again.
        until: DateTime<Utc>,
        /// The vendor's text.
        text: String,
    },
    /// An operator closed the lane until an operator opens it.
    LaneClosed {
        /// The operator's reason.
        reason: String,
    },
    /// The live job waits for an operator, so that nothing newer is fetched.
    LiveParked {
        /// Why the job is parked.
        cause: String,
    },
    /// Days wait for an operator.
    DaysBlocked(BlockedDays),
    /// A stream has had no usable answer for some time.
    VendorFails {
        /// The stream's name.
        stream: String,
        /// When the first request failed.
        since: DateTime<Utc>,
        /// The text of the last failure.
        error: String,
        /// Whether the failures have lasted longer than a live interval.
        is_lasting: bool,
    },
    /// The live sync is behind its schedule.
    LiveLate {
        /// By how much, in seconds.
        seconds: i64,
    },
    /// The vendor's daily quota is spent, and the lane is closed until the vendor counts anew.
    QuotaSpent {
        /// When the lane opens by itself.
        until: DateTime<Utc>,
        /// The vendor's text.
        text: String,
    },
    /// The lane is closed for a while, by the vendor's wish or by an operator.
    LanePaused {
        /// When the lane opens by itself.
        until: DateTime<Utc>,
        /// Why it is closed.
        reason: String,
    },
    /// The vendor's clock and the database's are far apart.
    ClockSkewed {
        /// The stream's name.
        stream: String,
        /// The vendor's time less the database's, in seconds.
        seconds: i64,
    },
    /// Items or partitions of a list wait for an operator.
    ItemsParked {
        /// How many.
        count: u64,
    },
    /// The vendor soon deletes days that are missing.
    DaysExpire {
        /// The oldest of these days.
        first: NaiveDate,
        /// The newest of these days.
        last: NaiveDate,
        /// How many days.
        count: u64,
        /// How many days the vendor keeps.
        kept_days: i64,
    },
    /// Days between the held ones and the start of the live sync that no live sync, backfill or job covers.
    DaysUnordered {
        /// The first of these days.
        first: NaiveDate,
        /// The last of these days.
        last: NaiveDate,
    },
    /// The credential ends soon, or has ended.
    TokenEnds {
        /// When it ends.
        at: DateTime<Utc>,
        /// Whether it has ended.
        has_ended: bool,
    },
}

/// A reason as operators and scripts read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Explanation {
    /// The reason's word, from a closed set.
    pub reason: &'static str,
    /// The state to which the reason alone would bring the account; `ok` for a warning.
    pub state: Health,
    /// What has happened.
    pub sentence: String,
    /// What the operator does next.
    pub next_step: String,
}

/// The word of [`Reason::NobodyWorking`], which concerns every account alike.
pub const NOBODY_WORKING: &str = "nobody_working";
/// How a fault of a refused credential begins.
const UNAUTHORISED: &str = "unauthorised: ";
/// How a fault of a spent quota begins.
const QUOTA_SPENT: &str = "quota spent: ";

impl Reason {
    /// The reason that a closed lane is.
    #[must_use]
    pub fn of_closure(closure: &LaneClosure) -> Self {
        let reason = closure.reason.clone();
        let after = |prefix: &str| closure.reason.strip_prefix(prefix).map(str::to_owned);
        match closure.until {
            None => match after(UNAUTHORISED) {
                Some(text) => Self::TokenRefused { text },
                None => Self::LaneClosed { reason },
            },
            Some(until) => match (after(UNAUTHORISED), after(QUOTA_SPENT)) {
                (Some(text), _) => Self::TokenProbed { until, text },
                (None, Some(text)) => Self::QuotaSpent { until, text },
                (None, None) => Self::LanePaused { until, reason },
            },
        }
    }

    /// The word that JSON and metrics use for this reason.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NobodyWorking(_) => NOBODY_WORKING,
            Self::MigrationsPending => "migrations_pending",
            Self::TokenRefused { .. } => "token_refused",
            Self::TokenProbed { .. } => "token_probed",
            Self::LaneClosed { .. } => "lane_closed",
            Self::LiveParked { .. } => "live_parked",
            Self::DaysBlocked(_) => "days_blocked",
            Self::VendorFails { .. } => "vendor_fails",
            Self::LiveLate { .. } => "live_late",
            Self::QuotaSpent { .. } => "quota_spent",
            Self::LanePaused { .. } => "lane_paused",
            Self::ClockSkewed { .. } => "clock_skewed",
            Self::ItemsParked { .. } => "items_parked",
            Self::DaysExpire { .. } => "days_expire",
            Self::DaysUnordered { .. } => "days_unordered",
            Self::TokenEnds { .. } => "token_ends",
        }
    }

    /// The state to which the reason alone would bring an account; [`Health::Ok`] for a warning.
    #[must_use]
    pub fn state(&self) -> Health {
        match self {
            Self::NobodyWorking(_) | Self::MigrationsPending | Self::VendorFails { is_lasting: true, .. } => {
                Health::Down
            }
            Self::TokenRefused { .. } | Self::LaneClosed { .. } | Self::LiveParked { .. } | Self::DaysBlocked(_) => {
                Health::Parked
            }
            Self::LiveLate { .. } => Health::Late,
            Self::VendorFails { is_lasting: false, .. }
            | Self::TokenProbed { .. }
            | Self::QuotaSpent { .. }
            | Self::LanePaused { .. }
            | Self::ClockSkewed { .. }
            | Self::ItemsParked { .. }
            | Self::DaysExpire { .. }
            | Self::DaysUnordered { .. }
            | Self::TokenEnds { .. } => Health::Ok,
        }
    }

    /// Whether no request is sent until an operator acts.
    pub(super) fn stops_requests(&self) -> bool {
        matches!(self, Self::NobodyWorking(_) | Self::TokenRefused { .. } | Self::LaneClosed { .. })
    }

    /// Whether the reason says why the live sync is late.
    pub(super) fn explains_lateness(&self) -> bool {
        self.stops_requests() || matches!(self, Self::LiveParked { .. } | Self::VendorFails { is_lasting: true, .. })
    }

    /// The place of the reason among others: the most severe one has 0.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::NobodyWorking(_) => 0,
            Self::MigrationsPending => 1,
            Self::TokenRefused { .. } => 2,
            Self::LaneClosed { .. } => 3,
            Self::LiveParked { .. } => 4,
            Self::DaysBlocked(_) => 5,
            Self::VendorFails { is_lasting: true, .. } => 6,
            Self::LiveLate { .. } => 7,
            Self::TokenProbed { .. } => 8,
            Self::QuotaSpent { .. } => 9,
            Self::LanePaused { .. } => 10,
            Self::VendorFails { is_lasting: false, .. } => 11,
            Self::ClockSkewed { .. } => 12,
            Self::ItemsParked { .. } => 13,
            Self::DaysExpire { .. } => 14,
            Self::DaysUnordered { .. } => 15,
            Self::TokenEnds { .. } => 16,
        }
    }

    /// What has happened to `account`, in one sentence.
    #[must_use]
    pub fn sentence(&self, account: &str) -> String {
        match self {
            Self::NobodyWorking(absence) => absence.to_string(),
            Self::MigrationsPending => "the database needs migrations".to_owned(),
            Self::TokenRefused { text } => format!("the vendor refuses the token ({text})"),
            Self::TokenProbed { until, text } => {
                format!("the vendor refuses the token ({text}); the worker tries it again at {}", minute(*until))
            }
            Self::LaneClosed { reason } => format!("the lane is closed: {reason}"),
            Self::LiveParked { cause } => format!("the live sync is parked: {cause}"),
            Self::DaysBlocked(days) => days.to_string(),
            Self::VendorFails { stream, since, error, .. } => {
                let since = since.format("%Y-%m-%d %H:%M:%S UTC");
                format!("account {account}, stream {stream}: no usable answer since {since} ({error})")
            }
            Self::LiveLate { seconds } => {
                format!("the live sync is {} behind its schedule", duration::in_words(*seconds))
            }
            Self::QuotaSpent { until, text } => {
                format!("the daily quota is spent ({text}); the worker sends no request before {}", minute(*until))
            }
            Self::LanePaused { until, reason } => {
                format!("the lane is closed until {}: {reason}", minute(*until))
            }
            Self::ClockSkewed { stream, seconds } => {
                let (apart, side) = (seconds.abs(), if *seconds < 0 { "behind" } else { "ahead of" });
                let effect =
                    if *seconds < 0 { "coverage ends at the vendor's time" } else { "the newest rows arrive late" };
                format!(
                    "the vendor's clock is {apart} s {side} the database's clock in the last answer of stream {stream}, and \
                     {effect}"
                )
            }
            Self::ItemsParked { count: 1 } => {
                "1 item or list could not be fetched and waits for an operator".to_owned()
            }
            Self::ItemsParked { count } => {
                format!("{count} items or lists could not be fetched and wait for an operator")
            }
            Self::DaysExpire { first, count: 1, kept_days, .. } => {
                format!("{first} is missing, and the vendor keeps only {kept_days} days")
            }
            Self::DaysExpire { first, count, kept_days, .. } => {
                format!("{count} days from {first} on are missing, and the vendor keeps only {kept_days} days")
            }
            Self::DaysUnordered { first, last } => unordered(*first, *last),
            Self::TokenEnds { at, has_ended: true } => format!("the token ended at {}", minute(*at)),
            Self::TokenEnds { at, has_ended: false } => format!("the token ends at {}", minute(*at)),
        }
    }

    /// What the operator of `account` does next.
    #[must_use]
    pub fn next_step(&self, account: &str) -> String {
        let token = format!("write a new one to accounts.{account}.token and restart");
        match self {
            Self::NobodyWorking(_) => "start `convosync run`".to_owned(),
            Self::MigrationsPending => "run convosync migrate".to_owned(),
            Self::TokenRefused { .. } => {
                format!("{token}, or, if the token is right, run: convosync lanes open {account}")
            }
            Self::TokenProbed { .. } => format!("if the token is no longer valid, {token}"),
            Self::LaneClosed { .. } => format!("remove the cause, then run: convosync lanes open {account}"),
            Self::LiveParked { .. } => RETRY.to_owned(),
            Self::DaysBlocked(days) if days.is_parked => RETRY.to_owned(),
            Self::DaysBlocked(_) => "import a file that holds the day, or set `since` to a later day".to_owned(),
            Self::VendorFails { .. } => {
                "the worker tries again by itself, and `convosync check` sends one request to test the account"
                    .to_owned()
            }
            Self::LiveLate { .. } => "see which jobs are due or fail: convosync jobs list".to_owned(),
            Self::QuotaSpent { .. } | Self::LanePaused { .. } => "the worker goes on by itself then".to_owned(),
            Self::ClockSkewed { .. } => "set the clock of the database's host by NTP, or ask the vendor".to_owned(),
            Self::ItemsParked { .. } => "see convosync jobs list, then run: convosync jobs retry ID".to_owned(),
            Self::DaysExpire { first, last, .. } | Self::DaysUnordered { first, last } => {
                format!("run: convosync backfill start {account} --from {first} --to {last}")
            }
            Self::TokenEnds { .. } => token,
        }
    }

    /// The sentence and the next step as one text.
    #[must_use]
    pub fn text(&self, account: &str) -> String {
        format!("{}; {}", self.sentence(account), self.next_step(account))
    }

    /// The reason as operators and scripts read it.
    #[must_use]
    pub fn explain(&self, account: &str) -> Explanation {
        Explanation {
            reason: self.as_str(),
            state: self.state(),
            sentence: self.sentence(account),
            next_step: self.next_step(account),
        }
    }
}

/// The next step for parked jobs.
const RETRY: &str = "remove the cause, then retry the job: convosync jobs list, convosync jobs retry";

fn unordered(first: NaiveDate, last: NaiveDate) -> String {
    let days = (last - first).num_days() + 1;
    let what = if days == 1 {
        format!("{first} was never requested: it lies")
    } else {
        format!("{days} days from {first} to {last} were never requested: they lie")
    };
    format!("{what} between days that are held and the start of the live sync")
}

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
