//! A window → the request for it.

use super::report::Report;
use super::{Wolkvox, rules, wall};
use chrono::{NaiveDateTime, TimeDelta};
use domain::fault::Fault;
use domain::source::Request;
use domain::window::Window;
use secrecy::SecretString;

/// "The wolkvox-token header must be used to make use of the authorization token."
pub const TOKEN_HEADER: &str = "wolkvox-token";

/// Asks for `report` over `window`.
pub fn request(account: &Wolkvox, report: &Report, window: Window) -> Result<Request, Fault> {
    let range = wall::range(window, account.zone);
    let range = range.ok_or_else(|| Fault::Refused(format!("{window} is beyond the calendar")))?;
    // Both ends count, so the range is a second longer than their distance.
    if range.last - range.first + TimeDelta::seconds(1) > rules::limits().longest {
        let title = report.title;
        return Err(Fault::Refused(format!("{window} is longer than the 31 days that \"{title}\" answers")));
    }
    let url = format!(
        "{}/api/v2/reports_manager.php?api={}&date_ini={}&date_end={}",
        account.base,
        report.api,
        stamp(range.first),
        stamp(range.last),
    );
    let mut headers = vec![(TOKEN_HEADER.to_owned(), account.token.clone())];
    // The vendor's pages name only the token. Its own collection of examples and three public clients also send the
    // server, one of them calling it mandatory.
    let server = account.server.iter();
    headers.extend(server.map(|server| (server.name.clone(), SecretString::from(server.digits.as_str()))));
    Ok(Request::get(url, headers))
}

/// `YYYYmmddHHiiss`.
fn stamp(at: NaiveDateTime) -> String {
    at.format("%Y%m%d%H%M%S").to_string()
}
