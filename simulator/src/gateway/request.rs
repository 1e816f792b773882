//! What a vendor tells the gateway about a request: its parameters, its violations and its answer.

use super::answer::Answer;
use super::faults::{Fault, Faults};
use super::limits::{Limits, Throttle, too_many};
use super::rule::Rule;
use axum::http::{Method, Uri};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::time::Duration;

/// A request as a vendor's dialect reads and answers it.
pub(crate) trait VendorRequest {
    /// What the log keeps of it.
    fn facts(&self) -> RequestFacts;

    /// The limits that the gateway checks before the vendor looks at the request; none by default.
    fn limits(&self) -> Option<&Limits> {
        None
    }

    /// The faults that it may meet; none by default.
    fn faults(&self) -> Option<&Faults> {
        None
    }

    /// How long the vendor works on an answer that is not of [`VendorRequest::answer`].
    fn latency(&self) -> Duration {
        Duration::ZERO
    }

    /// The rules that it breaks. The first violation with an answer decides the answer; the log gets all of them.
    fn violations(&self, arrival: &Arrival) -> Vec<Violation>;

    /// The vendor's answer for an error that is not the caller's.
    fn error(&self, arrival: &Arrival, error: ErrorAnswer) -> Answer;

    /// The answer where no violation decides it. A `fault` is met by the gateway; the vendor needs it only where an
    /// answer that is lost must have no effect.
    fn answer(&self, arrival: &Arrival, chance: Chance) -> Reply;

    /// Whether the vendor stops working when the caller hangs up. By default it works on, and the key stays busy.
    fn stops_on_hang_up(&self) -> bool {
        false
    }
}

/// The method, path and parameters of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestFacts {
    /// The good key that it came with, by its place in the configuration.
    pub key: Option<usize>,
    /// `GET` or `POST`.
    #[serde(serialize_with = "as_text")]
    pub method: Method,
    /// The path, with the query where that holds nothing secret.
    pub path: String,
    /// The bot, where the request names one that can be read.
    pub bot: Option<String>,
    /// The first instant or day of the range, as the caller wrote it.
    pub from: Option<String>,
    /// The last instant or day of the range, as the caller wrote it.
    pub to: Option<String>,
}

/// When a request arrived, and beside how many others.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) ordinal: u64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) in_flight: u32,
    pub(super) throttle: Option<Throttle>,
}

/// A rule that a request breaks, and the vendor's answer to it, if it refuses the request.
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    pub(crate) detail: String,
    pub(crate) answer: Option<Answer>,
}

/// An error of the vendor itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorAnswer {
    /// HTTP 429; the gateway adds `Retry-After`, which the text may name.
    Throttled(Duration),
    /// HTTP 500.
    Internal,
    /// HTTP 200 with a web page.
    WebPage,
}

/// The fault that the gateway has drawn, and the rest of the roll, which decides the vendor's own faults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    pub(crate) fault: Option<Fault>,
    /// From 0 to 1; `None` where the request met a fault or broke a rule.
    pub(crate) roll: Option<f64>,
}

/// An answer with what the log keeps of it.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    /// How long the vendor works before it sends.
    pub(crate) latency: Duration,
    /// How long the caller may then take to read; `None` for ever.
    pub(crate) read_within: Option<Duration>,
    pub(crate) outcome: &'static str,
    pub(crate) matched: usize,
    pub(crate) rows: usize,
}

impl RequestFacts {
    /// The facts of a request without parameters.
    pub(crate) fn new(key: Option<usize>, method: Method, uri: &Uri) -> Self {
        let path = uri.path_and_query().map_or_else(String::new, ToString::to_string);
        Self { key, method, path, ..Self::default() }
    }
}

impl Arrival {
    /// The violation of a limit on requests in flight, answered with `answer`.
    pub(crate) fn too_many(&self, permitted: u32, answer: impl FnOnce() -> Option<Answer>) -> Option<Violation> {
        (self.in_flight > permitted).then(|| Violation {
            rule: Rule::SIMULTANEOUS,
            detail: too_many(self.in_flight, permitted),
            answer: answer(),
        })
    }
}

impl Violation {
    /// A violation that the vendor refuses.
    pub(crate) fn new(rule: Rule, detail: impl Into<String>, answer: Answer) -> Self {
        Self { rule, detail: detail.into(), answer: Some(answer) }
    }

    /// A violation that the vendor only records.
    pub(crate) fn silent(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into(), answer: None }
    }
}

impl Reply {
    /// An answer without rows.
    pub(crate) fn new(answer: Answer, latency: Duration, outcome: &'static str) -> Self {
        Self { answer, latency, read_within: None, outcome, matched: 0, rows: 0 }
    }

    /// The same with `rows` rows, all that the query matched.
    pub(crate) fn with_rows(self, rows: usize) -> Self {
        Self { matched: rows, rows, ..self }
    }
}

fn as_text<S: serde::Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}
