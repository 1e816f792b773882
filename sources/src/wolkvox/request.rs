//! Builds the request for a window.

use super::{Wolkvox, local_time, rules};
use chrono::{NaiveDateTime, TimeDelta};
use domain::fault::Fault;
use domain::source::Request;
use domain::window::Window;
use secrecy::SecretString;

/// "The wolkvox-token header must be used to make use of the authorization token."
pub const TOKEN_HEADER: &str = "wolkvox-token";
/// The report's name in the request, and the stream's name.
pub const REPORT: &str = "chat_8";

/// The request for the chats of `window`.
pub fn request(account: &Wolkvox, window: Window) -> Result<Request, Fault> {
    let range = local_time::range(window, account.zone);
    let range = range.ok_or_else(|| Fault::Refused(format!("{window} is outside the calendar")))?;
    // The vendor includes both ends, so the range is a second longer than their distance.
    if range.last - range.first + TimeDelta::seconds(1) > rules::limits().longest {
        return Err(Fault::Refused(format!("{window} is longer than the 31 days that Wolkvox permits")));
    }
    let url = format!(
        "{}/api/v2/reports_manager.php?api={REPORT}&date_ini={}&date_end={}",
        account.base,
        stamp(range.first),
        stamp(range.last),
    );
    Ok(Request::get(url, headers(account)))
}

/// The headers of every request.
pub fn headers(account: &Wolkvox) -> Vec<(String, SecretString)> {
    let mut headers = vec![(TOKEN_HEADER.to_owned(), account.token.clone())];
    // The vendor's pages name only the token. Its own collection of examples and three public clients also send the
    // server; one of them calls that mandatory.
    let server = account.server.iter();
    headers.extend(server.map(|server| (server.name.clone(), SecretString::from(server.digits.as_str()))));
    headers
}

/// `YYYYmmddHHiiss`.
fn stamp(at: NaiveDateTime) -> String {
    at.format("%Y%m%d%H%M%S").to_string()
}
