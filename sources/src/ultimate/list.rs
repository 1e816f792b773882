//! The list of a day's files.

use super::address::{is_file, unsigned};
use super::cursor::Files;
use super::refusal::{Words, of_list};
use super::request::UNFIT;
use crate::quote::malformed;
use domain::fault::Fault;
use domain::source::{Head, Reader, Step};
use entities::upsert::Batch;
use serde_json::Value;

/// The most that a list may have: some thousand addresses.
const LONGEST: usize = 1024 * 1024;
/// The most that is kept of a refusal.
const NOTE: usize = 64 * 1024;
/// What the addresses go by: two clients know the first name, one the second.
const NAMES: [&str; 3] = ["urls", "signed_urls", "signedUrls"];

/// A list that is being read.
#[derive(Default)]
pub struct List {
    body: Vec<u8>,
    /// The first list, where this is the second one.
    before: Option<Files>,
}

impl List {
    /// A day's first list, or the one after `before`.
    pub fn new(before: Option<Files>) -> Self {
        Self { body: Vec::new(), before }
    }

    fn step(&self, urls: Vec<String>) -> Result<Step, Fault> {
        let files = match &self.before {
            None if urls.is_empty() => return Ok(Step::default()),
            None => Files { urls, next: 0, fresh: false, again: false },
            Some(before) if before.urls.len() == urls.len() => {
                // Where they are other files, or in another order, none may be passed over: all are read again.
                let same = before.urls.iter().zip(&urls).all(|(before, url)| unsigned(before) == unsigned(url));
                Files { urls, next: if same { before.next } else { 0 }, fresh: true, again: false }
            }
            Some(_) => return Err(Fault::Unreachable("the list of files changed".to_owned())),
        };
        Ok(Step { cursor: Some(files.cursor()), ..Step::default() })
    }
}

impl Reader<Batch> for List {
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        if head.status == 200 {
            self.body.extend_from_slice(chunk);
            return if self.body.len() > LONGEST { Err(malformed("a list of more than 1 MiB")) } else { Ok(()) };
        }
        let room = NOTE.saturating_sub(self.body.len()).min(chunk.len());
        self.body.extend(chunk.iter().take(room));
        Ok(())
    }

    fn take(&mut self) -> Option<Batch> {
        None
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        let body = std::mem::take(&mut self.body);
        if head.status == 200 {
            return self.step(urls(&body)?);
        }
        of_list(head, &Words::read(&body))?;
        self.step(Vec::new())
    }
}

/// The addresses in a list.
fn urls(body: &[u8]) -> Result<Vec<String>, Fault> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii();
    if body.starts_with(b"<") {
        return Err(malformed("HTML page instead of JSON"));
    }
    let read = serde_json::from_slice(body);
    let Ok(Value::Object(mut members)) = read else { return Err(malformed("no list of files")) };
    let Some(Value::Array(urls)) = NAMES.iter().find_map(|name| members.remove(*name)) else {
        return Err(malformed("a list without addresses"));
    };
    let text = |url: Value| match url {
        Value::String(url) if is_file(url.trim()) => Ok(url.trim().to_owned()),
        Value::String(_) => Err(Fault::Refused(UNFIT.to_owned())),
        _ => Err(malformed("a list with something else than addresses")),
    };
    urls.into_iter().map(text).collect()
}
