//! Builds the request for a day's list of files, or for one file.

use super::file_cursor::FileCursor;
use super::file_url::is_allowed;
use super::{Ultimate, rules};
use chrono::{NaiveDate, NaiveTime};
use domain::fault::Fault;
use domain::source::Request;
use domain::window::Window;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// The day that `window` is, in UTC.
///
/// # Errors
/// [`Fault::Refused`] where the window is not one day.
pub fn day(window: Window) -> Result<NaiveDate, Fault> {
    let from = window.from();
    if from.time() != NaiveTime::MIN || window.span() != rules::limits().longest {
        return Err(Fault::Refused(format!("{window} is not one day in UTC, and Ultimate answers days only")));
    }
    Ok(from.date_naive())
}

/// The request for the list of `day`'s files.
pub fn list(account: &Ultimate, bot: &str, day: NaiveDate) -> Request {
    let url = format!("{}/data-export/{}/get-signed-urls", account.base, account.version);
    let key = account.token.expose_secret();
    let authorization = if account.is_bearer { format!("Bearer {key}") } else { key.to_owned() };
    let header = |name: &str, value: &str| (name.to_owned(), SecretString::from(value));
    let headers = vec![
        header("authorization", &authorization),
        header("organizationid", &account.organization),
        header("botid", bot),
    ];
    let minutes = account.ttl.as_secs() / 60;
    Request::post(url, headers, json!({"date": day.to_string(), "ttl": minutes}).to_string())
}

/// The request for the next file. It has no headers: the URL is signed, storage services refuse a second credential, and
/// the key must not leave the vendor. The vendor's answer names the host, so that the worker sends the request to public
/// addresses only, unless the account's API itself is on this machine.
pub fn file(files: &FileCursor, is_local: bool) -> Result<Request, Fault> {
    let url = files.urls.get(files.next).filter(|url| is_allowed(url, is_local));
    let url = url.ok_or_else(|| Fault::Refused(UNSAFE_URL.to_owned()))?;
    let request = Request::get(url.clone(), Vec::new());
    Ok(if is_local { request } else { request.public_only() })
}

/// The reason for refusing a URL.
pub const UNSAFE_URL: &str = "the list of files has a URL that is not https, or that leads to this machine";
