//! The answer to a GET, from its first chunk to what it comes to.

use super::days::next;
use super::message::Message;
use super::refusal::refusal;
use super::request::{AGAIN, CONFIRM, Question};
use super::shelf::Shelf;
use crate::json::Json;
use crate::quote::malformed;
use crate::words::{NOTE, Words};
use chrono::NaiveDate;
use domain::fault::Fault;
use domain::source::{Cursor, Head, Reader, Step};
use entities::upsert::Batch;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The longest answer: 500 rows of 64 kB.
const BODY: usize = 32 * 1024 * 1024;
/// Under which names the rows may be.
const ROWS: [&str; 3] = ["results", "data", "messages"];
const EXCLUSIVE: &str = "the vendor leaves toDate out: write to_date = \"exclusive\"";

/// An answer that is being read.
#[derive(Debug)]
pub struct Answer {
    shelf: Shelf,
    question: Question,
    row_cap: u64,
    /// Whether the vendor is known to count `toDate` in; `None` where that makes no difference.
    counts_in: Option<Arc<AtomicBool>>,
    body: Vec<u8>,
    is_too_long: bool,
}

impl Answer {
    /// The answer to `question`; with `row_cap` rows or more it is known to be cut. `counts_in` is what the account has
    /// learnt of `toDate` so far.
    pub fn new(shelf: Shelf, question: Question, row_cap: u64, counts_in: Option<Arc<AtomicBool>>) -> Self {
        Self { shelf, question, row_cap, counts_in, body: Vec::new(), is_too_long: false }
    }

    /// HTTP's status first, then what the body says.
    fn read(&mut self, head: Head) -> Result<Step, Fault> {
        let body = std::mem::take(&mut self.body);
        if head.status != 200 {
            return Err(refusal(head, &Words::read(&body)));
        }
        let text = std::str::from_utf8(&body).map_err(|_| malformed("bytes that are no UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('<') {
            return Err(malformed("HTML page instead of JSON"));
        }
        let last = self.last();
        let mut seen = Seen::default();
        for (place, raw) in rows(text, self.row_cap)?.into_iter().enumerate() {
            let day = self.add(place + 1, raw)?;
            seen.last |= day == Some(last);
            seen.after |= day == Some(next(last));
        }
        self.shelf.close();
        let cursor = self.cursor(seen)?.map(|step| Cursor(step.to_owned()));
        // A day that is asked for a second time must not look like a full answer.
        let counts = !matches!(self.question, Question::Confirm(_));
        let rows = if counts { self.shelf.count } else { 0 };
        Ok(Step { rows, rejects: std::mem::take(&mut self.shelf.rejects), cursor, ..Step::default() })
    }

    /// Takes one row; tells its day.
    fn add(&mut self, number: usize, raw: &RawValue) -> Result<Option<NaiveDate>, Fault> {
        let read = Message::read(raw, self.shelf.bot());
        let day = read.as_ref().ok().map(|message| message.at.date_naive());
        self.shelf.add(read, &format!("row {number}"), raw.get())?;
        Ok(day)
    }

    fn last(&self) -> NaiveDate {
        match self.question {
            Question::Rows(span) | Question::Mail(span) => span.last,
            Question::Confirm(day) | Question::Again(day) => day,
        }
    }

    /// Were `toDate` left out, the last day of every answer would be missing, and nobody would see it. So an answer
    /// without a row of its last day is looked into, until the vendor has shown that it counts `toDate` in. A row that
    /// turns up then may have been sent between the two questions: only one that the first question, asked again, does
    /// not bring proves anything.
    fn cursor(&self, seen: Seen) -> Result<Option<&'static str>, Fault> {
        let Some(counts_in) = &self.counts_in else { return Ok(None) };
        let (is_shown, next) = match self.question {
            Question::Rows(_) | Question::Again(_) if seen.last => (true, None),
            Question::Rows(_) if self.shelf.count >= self.row_cap || counts_in.load(Ordering::Relaxed) => (false, None),
            Question::Rows(_) => (false, Some(CONFIRM)),
            // There the day after was `toDate`.
            Question::Confirm(_) if seen.after => (true, None),
            Question::Confirm(_) => (false, seen.last.then_some(AGAIN)),
            Question::Again(_) => return Err(Fault::Refused(EXCLUSIVE.to_owned())),
            Question::Mail(_) => (false, None),
        };
        if is_shown {
            counts_in.store(true, Ordering::Relaxed);
        }
        Ok(next)
    }
}

/// Of which days there were rows.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    last: bool,
    after: bool,
}

impl Reader<Batch> for Answer {
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        let most = if head.status == 200 { BODY } else { NOTE };
        let room = most.saturating_sub(self.body.len()).min(chunk.len());
        self.body.extend(chunk.iter().take(room));
        self.is_too_long |= head.status == 200 && room < chunk.len();
        if self.is_too_long { Err(malformed("longer than 500 rows can be")) } else { Ok(()) }
    }

    fn take(&mut self) -> Option<Batch> {
        self.shelf.take()
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        let step = if self.is_too_long { Err(malformed("longer than 500 rows can be")) } else { self.read(head) };
        if step.is_err() {
            // They belong to an answer that does not count.
            self.shelf.clear();
        }
        step
    }
}

/// The rows: a list, or an object with a list of them.
fn rows(text: &str, row_cap: u64) -> Result<Vec<&RawValue>, Fault> {
    if text.is_empty() {
        return Err(malformed("an empty answer"));
    }
    let cut_off = |_| malformed("the answer is cut off, or no JSON");
    if !text.starts_with('{') {
        // Read twice, so that a number is no cut-off list.
        serde_json::from_str::<&RawValue>(text).map_err(cut_off)?;
        return serde_json::from_str(text).map_err(|_| malformed("neither a list nor an object"));
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(cut_off)?;
    let found = ROWS
        .iter()
        .find_map(|name| members.get(*name).and_then(|rows| serde_json::from_str::<Vec<&RawValue>>(rows.get()).ok()));
    let rows = found.ok_or_else(|| malformed("an object without rows"))?;
    check(&members, u64::try_from(rows.len()).unwrap_or(u64::MAX), row_cap)?;
    Ok(rows)
}

/// An answer that speaks of more rows than it holds is no whole answer; at the cap that is known already.
fn check(members: &BTreeMap<String, &RawValue>, count: u64, row_cap: u64) -> Result<(), Fault> {
    let said = |name: &str| members.get(name).and_then(|raw| Json::of(raw)).filter(|value| !value.is_empty());
    if said("next").is_some() {
        return Err(Fault::Refused("the vendor answers in pages now, which this source does not follow".to_owned()));
    }
    match said("count").and_then(|value| value.shown().parse::<u64>().ok()) {
        Some(spoken) if spoken > count && count < row_cap => {
            Err(Fault::Malformed(format!("the answer speaks of {spoken} rows and holds {count}")))
        }
        _ => Ok(()),
    }
}
