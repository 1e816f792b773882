//! The vendor's answers: texts of the gateway, JSON of the API, XML of the file host.

use crate::gateway::{Answer, ErrorAnswer};
use chrono::NaiveDate;
use serde_json::{Map, json};

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const XML: &str = "application/xml; charset=UTF-8";

/// A short text, as a gateway writes it.
pub(super) fn text(status: u16, words: &str) -> Answer {
    Answer::text(status, TEXT, words)
}

/// A message of the API.
pub(super) fn message(status: u16, message: &str) -> Answer {
    Answer::text(status, JSON, json!({"statusCode": status, "message": message}).to_string())
}

/// An error of the file host.
pub(super) fn xml(status: u16, code: &str, message: &str) -> Answer {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    Answer::text(status, XML, format!("{head}\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

/// The list of the files of a day, under `key`.
pub(super) fn list(key: &str, day: Option<NaiveDate>, urls: &[String]) -> Answer {
    let mut list = Map::new();
    list.insert("date".to_owned(), json!(day));
    list.insert(key.to_owned(), json!(urls));
    Answer::text(200, JSON, json!(list).to_string())
}

/// An error of the API.
pub(super) fn api_error(error: ErrorAnswer) -> Answer {
    match error {
        ErrorAnswer::Throttled(_) => text(429, "Too Many Requests"),
        ErrorAnswer::Internal => text(500, "Internal Server Error"),
        ErrorAnswer::WebPage => Answer::page(200, "Ultimate"),
    }
}

/// An error of the file host.
pub(super) fn file_host_error(error: ErrorAnswer) -> Answer {
    match error {
        ErrorAnswer::Throttled(_) => xml(429, "SlowDown", "Reduce your rate"),
        ErrorAnswer::Internal => xml(500, "InternalError", "We had an internal error"),
        ErrorAnswer::WebPage => Answer::page(200, "Ultimate"),
    }
}
