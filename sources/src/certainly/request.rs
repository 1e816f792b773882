//! A window → the request for it.

use super::Certainly;
use super::days::{LONGEST, Span, ToDate, next};
use chrono::NaiveDate;
use domain::fault::Fault;
use domain::source::{Cursor, Request};
use domain::want::Slice;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// What is asked, and in which step of the asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The rows of a span.
    Rows(Span),
    /// The last day of the span was empty: is it still, where the day after is asked for too?
    Confirm(NaiveDate),
    /// It was not: does it come now without the day after?
    Again(NaiveDate),
    /// The rows of a span, by mail.
    Mail(Span),
}

/// What a step of asking names for the next one.
pub const CONFIRM: &str = "confirm";
/// What the step after that is named.
pub const AGAIN: &str = "again";

impl Question {
    /// What `slice` asks after a step that named `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Err(Fault::Refused(why.to_owned()));
        let cursor = cursor.map(|cursor| cursor.0.as_str());
        match (slice, cursor) {
            (Slice::Export(window), None) => Ok(Self::Mail(Span::of(*window))),
            (Slice::Window(window), cursor) => {
                let span = Span::of(*window);
                if span.count() > LONGEST {
                    return Err(Fault::Refused(format!("{window} touches more than the {LONGEST} days of one answer")));
                }
                match cursor {
                    None => Ok(Self::Rows(span)),
                    Some(CONFIRM) => Ok(Self::Confirm(span.last)),
                    Some(AGAIN) => Ok(Self::Again(span.last)),
                    Some(_) => refused("Certainly has nothing to go on with"),
                }
            }
            (Slice::Export(_), Some(_)) => refused("Certainly takes an export at once"),
            (Slice::Part(..) | Slice::Key(_) | Slice::Delivery(_), _) => {
                refused("Certainly is asked by windows of time only")
            }
        }
    }

    /// `fromDate` and `toDate`.
    fn dates(self, to: ToDate) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Rows(span) | Self::Mail(span) => span.dates(to),
            Self::Confirm(day) => (day, next(day)),
            Self::Again(day) => (day, day),
        }
    }
}

/// Asks `question` about `bot`.
pub fn request(account: &Certainly, bot: &str, question: Question) -> Request {
    let (from, to) = question.dates(account.to_date);
    let report = account.report;
    // Without its last slash a GET is redirected, and a POST fails.
    let url = format!("{}/{}/", account.base, account.path);
    let header = |name: &str, value: String| (name.to_owned(), SecretString::from(value));
    let headers = vec![
        // "Authorization: JWT": the word itself.
        header("Authorization", format!("JWT {}", account.token.expose_secret())),
        header("Content-Type", "application/json".to_owned()),
    ];
    if matches!(question, Question::Mail(_)) {
        let body = json!({"fromDate": from.to_string(), "toDate": to.to_string(), "reportId": report, "botId": bot});
        return Request::post(url, headers, body.to_string());
    }
    Request::get(format!("{url}?fromDate={from}&toDate={to}&reportId={report}&botId={bot}"), headers)
}
