//! Parses the list of a day's files.

use super::file_cursor::FileCursor;
use super::file_url::{is_allowed, without_signature};
use super::refusal::list_refusal;
use super::request::UNSAFE_URL;
use crate::error_body::ErrorBody;
use crate::json::body::ResponseParser;
use crate::malformed::malformed;
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use serde_json::Value;

/// Names of the member with the URLs: two clients know the first name, one the second.
const NAMES: [&str; 3] = ["urls", "signed_urls", "signedUrls"];

/// A list.
#[derive(Default)]
pub struct FileList {
    /// The first list of the day, where this is the second.
    first: Option<FileCursor>,
    /// Whether the account's API is on this machine, and so may be its files.
    is_local: bool,
}

impl FileList {
    /// The first list of a day, or the second one after `first`.
    pub fn new(first: Option<FileCursor>, is_local: bool) -> Self {
        Self { first, is_local }
    }

    fn step(&self, urls: Vec<String>) -> Result<ResponseSummary, Fault> {
        let files = match &self.first {
            None if urls.is_empty() => return Ok(ResponseSummary::default()),
            None => FileCursor { urls, next: 0, fresh: false, again: false },
            Some(first) if first.urls.len() == urls.len() => {
                // Where the files or their order differ, all are read again, so that none is left out.
                let is_same =
                    first.urls.iter().zip(&urls).all(|(old, new)| without_signature(old) == without_signature(new));
                FileCursor { urls, next: if is_same { first.next } else { 0 }, fresh: true, again: false }
            }
            Some(_) => return Err(Fault::Unreachable("the list of files changed".to_owned())),
        };
        Ok(ResponseSummary { cursor: Some(files.to_cursor()), ..ResponseSummary::default() })
    }
}

impl ResponseParser for FileList {
    /// Some thousand URLs.
    const MAX_BODY: usize = 1024 * 1024;

    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
        Ok((self.step(urls(body, self.is_local)?)?, Vec::new()))
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        list_refusal(head, body)?;
        self.step(Vec::new())
    }
}

/// The URLs in a list.
fn urls(body: &str, is_local: bool) -> Result<Vec<String>, Fault> {
    let Ok(Value::Object(mut members)) = serde_json::from_str(body) else {
        return Err(malformed("not a list of files"));
    };
    let Some(Value::Array(urls)) = NAMES.iter().find_map(|name| members.remove(*name)) else {
        return Err(malformed("a list of files without URLs"));
    };
    let text = |url: Value| match url {
        Value::String(url) if is_allowed(url.trim(), is_local) => Ok(url.trim().to_owned()),
        Value::String(_) => Err(Fault::Refused(UNSAFE_URL.to_owned())),
        _ => Err(malformed("a list of files with something other than URLs")),
    };
    urls.into_iter().map(text).collect()
}
