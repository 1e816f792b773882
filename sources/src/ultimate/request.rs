//! A day, or one of its files → the request for it.

use super::address::is_file;
use super::cursor::Files;
use super::{Ultimate, rules};
use chrono::{NaiveDate, NaiveTime};
use domain::fault::Fault;
use domain::source::Request;
use domain::window::Window;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// The only day in `window`, in UTC.
pub fn day(window: Window) -> Result<NaiveDate, Fault> {
    let from = window.from();
    if from.time() != NaiveTime::MIN || window.span() != rules::limits().longest {
        return Err(Fault::Refused(format!("{window} is not one day in UTC, which is what Ultimate is asked for")));
    }
    Ok(from.date_naive())
}

/// Asks for the list of `day`'s files.
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

/// Asks for the next file. Its address is signed, and stores of signed files refuse a second way of saying who one is;
/// nor is the key any business of theirs.
pub fn file(files: &Files) -> Result<Request, Fault> {
    let url = files.urls.get(files.next).filter(|url| is_file(url));
    let url = url.ok_or_else(|| Fault::Refused(UNFIT.to_owned()))?;
    Ok(Request::get(url.clone(), Vec::new()))
}

/// What is said of an address that is none to go to.
pub const UNFIT: &str = "the list of files names an address that is neither https nor on this machine";
