//! Bodies that are short enough to be read once all of them is there.

use crate::json::Json;
use crate::quote::malformed;
use crate::words::{NOTE, Words};
use domain::fault::Fault;
use domain::source::{Head, Reader, Step};
use entities::rows::Rows;
use entities::upsert::Batch;
use std::collections::VecDeque;

/// The longest good body: a hundred rows of 20 kB. Read into values it takes many times as much.
const LONGEST: usize = 2 << 20;

/// What a body says.
pub trait Page: Send {
    /// What a good one says, and its rows.
    ///
    /// # Errors
    /// Where it has another shape.
    fn read(&self, body: &str) -> Result<(Step, Vec<Rows>), Fault>;

    /// What any other status means.
    fn refusal(&self, head: Head, words: &Words) -> Fault;
}

/// A body that is being read.
#[derive(Debug)]
pub struct Whole<P> {
    page: P,
    body: Vec<u8>,
    is_too_long: bool,
    rows: VecDeque<Rows>,
}

impl<P: Page> Whole<P> {
    /// Nothing of it yet.
    pub fn new(page: P) -> Self {
        Self { page, body: Vec::new(), is_too_long: false, rows: VecDeque::new() }
    }

    fn read(&mut self, head: Head) -> Result<Step, Fault> {
        let body = std::mem::take(&mut self.body);
        if head.status != 200 {
            return Err(self.page.refusal(head, &Words::read(&body)));
        }
        let text = std::str::from_utf8(&body).map_err(|_| malformed("bytes that are no UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('<') {
            return Err(malformed("HTML page instead of JSON"));
        }
        let (step, rows) = self.page.read(text)?;
        self.rows.extend(rows);
        Ok(step)
    }
}

impl<P: Page> Reader<Batch> for Whole<P> {
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        let most = if head.status == 200 { LONGEST } else { NOTE };
        let room = most.saturating_sub(self.body.len()).min(chunk.len());
        self.body.extend(chunk.iter().take(room));
        self.is_too_long |= head.status == 200 && room < chunk.len();
        if self.is_too_long { Err(malformed("an answer of more than 2 MiB")) } else { Ok(()) }
    }

    /// There are none before the end: half an answer counts for nothing.
    fn take(&mut self) -> Option<Batch> {
        self.rows.pop_front()
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        if self.is_too_long { Err(malformed("an answer of more than 2 MiB")) } else { self.read(head) }
    }
}

/// The value that is all of `body`; a body that is cut off is none.
///
/// # Errors
/// [`Fault::Malformed`]; its text quotes nothing.
pub fn value(body: &str) -> Result<Json, Fault> {
    Json::read(body).ok_or_else(|| malformed("the answer is cut off, or no JSON"))
}
