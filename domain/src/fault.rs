//! Faults: why a request brought no usable answer.

use std::time::Duration;

/// Why a request brought no usable answer. The text is for operators; it holds no secret and no personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The vendor refused because requests came too fast or at the same time.
    #[error("throttled: {text}")]
    Throttled {
        /// The wait that the vendor asked for, if it stated one.
        retry_after: Option<Duration>,
        /// The vendor's text.
        text: String,
    },
    /// The daily quota is used up.
    #[error("quota spent: {0}")]
    QuotaSpent(String),
    /// The vendor refused the credential; an operator must replace it.
    #[error("unauthorised: {0}")]
    Unauthorised(String),
    /// The vendor states that it is under maintenance.
    #[error("maintenance: {0}")]
    Maintenance(String),
    /// The vendor works on another export, of this or another client, and accepts no second one.
    #[error("busy: {0}")]
    Busy(String),
    /// No complete answer arrived: connection refused, 5xx or a truncated body. The vendor is not working on the
    /// request.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No answer within the time-out. The vendor may still be working on the request.
    #[error("timed out: {0}")]
    TimedOut(String),
    /// The answer cannot be parsed: HTML, truncated JSON or an unknown shape.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The answer lacks most of the rows that are stored for its window.
    #[error("incomplete: {0}")]
    Incomplete(String),
    /// The answer, page or file is over a limit of size. The vendor would send it again as it is.
    #[error("too large: {0}")]
    TooLarge(String),
    /// The database failed while the answer was stored. The vendor had sent it.
    #[error("database: {0}")]
    Database(String),
    /// The vendor rejected the request for good; repeating it would not help.
    #[error("refused: {0}")]
    Refused(String),
}

impl Fault {
    /// The word that metrics and tables use for this fault.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::QuotaSpent(_) => "quota",
            Self::Unauthorised(_) => "unauthorised",
            Self::Maintenance(_) => "maintenance",
            Self::Busy(_) => "busy",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(_) => "timeout",
            Self::Malformed(_) => "malformed",
            Self::Incomplete(_) => "incomplete",
            Self::TooLarge(_) => "too_large",
            Self::Database(_) => "database",
            Self::Refused(_) => "refused",
        }
    }
}
