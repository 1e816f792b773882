//! Why nothing usable came back.

use std::time::Duration;

/// What a vendor's refusal, or silence, means. The text is for people; it holds no secret and no personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Asked too fast, or while another request was in flight.
    #[error("throttled: {text}")]
    Throttled {
        /// What the vendor asked us to wait, where it said so.
        retry_after: Option<Duration>,
        /// The vendor's words.
        text: String,
    },
    /// The day's allowance is used up.
    #[error("quota spent: {0}")]
    QuotaSpent(String),
    /// The credential was refused: a person must act.
    #[error("unauthorised: {0}")]
    Unauthorised(String),
    /// The vendor is being maintained.
    #[error("maintenance: {0}")]
    Maintenance(String),
    /// The vendor works on an earlier question of this kind, whoever's, and takes no second one.
    #[error("busy: {0}")]
    Busy(String),
    /// No whole answer arrived: refused connection, 5xx, broken body. The vendor has ended its work.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// No answer within the time-out. The vendor may still be working on it.
    #[error("timed out: {0}")]
    TimedOut(String),
    /// An answer that cannot be read: HTML, cut-off JSON, an unknown shape.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The vendor understood and said no for good: asking the same again is pointless.
    #[error("refused: {0}")]
    Refused(String),
}

impl Fault {
    /// One word for metrics and tables.
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
            Self::Refused(_) => "refused",
        }
    }
}
