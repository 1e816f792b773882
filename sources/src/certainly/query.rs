//! Builds the request for a window.

use super::Certainly;
use super::days::{DayRange, MAX_DAYS, ToDate, next};
use chrono::NaiveDate;
use domain::fault::Fault;
use domain::slice::Slice;
use domain::source::{Cursor, Request};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// A query, and its step within one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// The rows of a range of days.
    RowBatch(DayRange),
    /// The last day of the range had no rows: the same day again, with the next day as `toDate`.
    Confirm(NaiveDate),
    /// That query had rows: the same day once more, without the next day.
    Repeat(NaiveDate),
    /// The rows of a range of days, by mail.
    Mail(DayRange),
}

/// The cursor of [`Query::Confirm`].
pub const CONFIRM: &str = "confirm";
/// The cursor of [`Query::Repeat`].
pub const REPEAT: &str = "again";

impl Query {
    /// The query for `slice` after a step that returned `cursor`.
    pub fn of(slice: &Slice, cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let refused = |why: &str| Err(Fault::Refused(why.to_owned()));
        let cursor = cursor.map(|cursor| cursor.0.as_str());
        match (slice, cursor) {
            (Slice::Export(window), None) => Ok(Self::Mail(DayRange::of(*window))),
            (Slice::Window(window), cursor) => {
                let days = DayRange::of(*window);
                if days.count() > MAX_DAYS {
                    return Err(Fault::Refused(format!(
                        "{window} touches more than the {MAX_DAYS} days that one request may name"
                    )));
                }
                match cursor {
                    None => Ok(Self::RowBatch(days)),
                    Some(CONFIRM) => Ok(Self::Confirm(days.last)),
                    Some(REPEAT) => Ok(Self::Repeat(days.last)),
                    Some(_) => refused("this is not a cursor of Certainly"),
                }
            }
            (Slice::Export(_), Some(_)) => refused("an export of Certainly has no cursor"),
            (Slice::Partition(..) | Slice::Item(_) | Slice::Delivery(_), _) => {
                refused("Certainly answers windows of time only")
            }
        }
    }

    /// The values of `fromDate` and `toDate`.
    fn dates(self, to: ToDate) -> (NaiveDate, NaiveDate) {
        match self {
            Self::RowBatch(days) | Self::Mail(days) => days.dates(to),
            Self::Confirm(day) => (day, next(day)),
            Self::Repeat(day) => (day, day),
        }
    }
}

/// The request for `query` about `bot`.
pub fn request(account: &Certainly, bot: &str, query: Query) -> Request {
    let (from, to) = query.dates(account.to_date);
    let report = account.report;
    // Without the slash at the end such servers redirect a GET, and fail on a POST.
    let url = format!("{}/{}/", account.base, account.path);
    let header = |name: &str, value: String| (name.to_owned(), SecretString::from(value));
    let headers = vec![
        // "Authorization: JWT": the vendor wants the word itself.
        header("Authorization", format!("JWT {}", account.token.expose_secret())),
        header("Content-Type", "application/json".to_owned()),
    ];
    if matches!(query, Query::Mail(_)) {
        let body = json!({"fromDate": from.to_string(), "toDate": to.to_string(), "reportId": report, "botId": bot});
        return Request::post(url, headers, body.to_string());
    }
    Request::get(format!("{url}?fromDate={from}&toDate={to}&reportId={report}&botId={bot}"), headers)
}
