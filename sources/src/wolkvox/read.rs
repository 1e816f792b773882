//! One answer, from its first chunk to what it comes to.

use super::envelope::{Envelope, Said};
use super::refusal::{Words, refusal};
use super::report::Report;
use super::row::{Place, Row};
use super::wall::instant;
use crate::quote::malformed;
use domain::fault::Fault;
use domain::source::{Head, Reader, Reject, Step};
use entities::upsert::Batch;
use std::collections::{HashMap, HashSet, VecDeque};
use xxhash_rust::xxh3::xxh3_128;

/// Rows handed over at once.
const BATCH: usize = 500;
/// The most that is kept of a body which is no success.
const NOTE: usize = 64 * 1024;
/// The most that is kept of one row that could not be read, and of all of them together.
const RAW: (usize, usize) = (16 * 1024, 1024 * 1024);
/// Rows to remember. No answer has more; from there on it is asked for again in halves anyway.
const REMEMBERED: usize = 60_000;

/// An answer that is being read.
pub struct Reading {
    rows: Rows,
    row_cap: u64,
    body: Body,
    /// What was wrong already. An answer does not recover from that.
    fault: Option<Fault>,
}

enum Body {
    Nothing,
    Envelope(Envelope),
    Note(Vec<u8>),
}

impl Reading {
    /// The answer for `report`; with `row_cap` rows or more it is known to be cut.
    pub fn new(report: &'static Report, place: Place, row_cap: u64) -> Self {
        Self { rows: Rows::new(report, place), row_cap, body: Body::Nothing, fault: None }
    }

    /// The next rows, each once.
    pub fn take_rows(&mut self) -> Option<Vec<Row>> {
        let count = self.rows.waiting.len().min(BATCH);
        let mut rows: Vec<Row> = self.rows.waiting.drain(..count).collect();
        let mut known = HashSet::new();
        // Of two states in one batch the later one in line is the newer one: older ones were not let in after it.
        let mut is_newest: VecDeque<bool> = rows.iter().rev().map(|row| known.insert(row.key.clone())).collect();
        rows.retain(|_| is_newest.pop_back().unwrap_or(true));
        (!rows.is_empty()).then_some(rows)
    }

    fn read(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        if matches!(self.body, Body::Nothing) {
            let is_success = head.status == 200;
            self.body = if is_success { Body::Envelope(Envelope::default()) } else { Body::Note(Vec::new()) };
        }
        match &mut self.body {
            Body::Nothing => Ok(()),
            Body::Envelope(envelope) => envelope.feed(chunk, &mut |raw| self.rows.add(raw)),
            Body::Note(note) => {
                let room = NOTE.saturating_sub(note.len()).min(chunk.len());
                note.extend(chunk.iter().take(room));
                Ok(())
            }
        }
    }

    /// HTTP's status first, then what the body says.
    fn conclude(&mut self, head: Head) -> Result<(), Fault> {
        match std::mem::replace(&mut self.body, Body::Nothing) {
            Body::Envelope(envelope) => self.conclude_envelope(head, &envelope.finish()?),
            Body::Nothing if head.status == 200 => Err(malformed("an empty answer")),
            Body::Nothing => refusal(head.status, &format!("HTTP {}", head.status), head, &Words::default()),
            Body::Note(note) => refusal(head.status, &format!("HTTP {}", head.status), head, &Words::read(&note)),
        }
    }

    fn conclude_envelope(&self, head: Head, said: &Said) -> Result<(), Fault> {
        let count = self.rows.count;
        match said.code.as_deref() {
            None => Err(malformed("an envelope without a code")),
            // The samples have 200 as a number and as a text, and one has "0".
            Some("200" | "0") => self.check(said),
            Some(code) => match code.parse() {
                Ok(404) if count > 0 => Err(malformed("rows under the code 404")),
                Ok(code) => refusal(code, &format!("code {code} under HTTP 200"), head, &said.words),
                Err(_) => Err(malformed("an unknown code")),
            },
        }
    }

    /// Whether a success is one. What holds less than it says was cut on the way; at the cap that is known already.
    fn check(&self, said: &Said) -> Result<(), Fault> {
        let count = self.rows.count;
        if said.odd_data {
            return Err(malformed("rows of an unknown shape"));
        }
        if count == 0 && !said.words.error.trim().is_empty() {
            return Err(malformed("a success without rows that names an error"));
        }
        match said.words.found() {
            Some(found) if count < found && count < self.row_cap => {
                Err(Fault::Malformed(format!("the answer speaks of {found} rows and holds {count}")))
            }
            _ => Ok(()),
        }
    }

    /// Keeps what was wrong, and gives up the rows: they belong to an answer that does not count.
    fn kept(&mut self, heard: Result<(), Fault>) -> Result<(), Fault> {
        if let Err(fault) = &heard {
            self.fault = Some(fault.clone());
            self.rows.waiting.clear();
        }
        heard
    }
}

impl Reader<Batch> for Reading {
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        let heard = self.fault.clone().map_or_else(|| self.read(head, chunk), Err);
        self.kept(heard)
    }

    /// At most 500 rows; more may be waiting, so ask until there are none.
    fn take(&mut self) -> Option<Batch> {
        let rows = self.take_rows()?;
        Some((self.rows.report.batch)(&self.rows.place, rows))
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        let heard = self.fault.clone().map_or_else(|| self.conclude(head), Err);
        self.kept(heard)?;
        let rejects = std::mem::take(&mut self.rows.rejects);
        Ok(Step { rows: self.rows.count, rejects, ..Step::default() })
    }
}

/// The rows of one answer: those that wait to be taken, and what must be known of those that were.
struct Rows {
    report: &'static Report,
    place: Place,
    count: u64,
    waiting: VecDeque<Row>,
    rejects: Vec<Reject>,
    rejected_bytes: usize,
    seen: HashMap<u128, Age>,
}

/// How old a state is: without an end it is the oldest, then one whose end cannot be read, then by its end.
type Age = (u8, i64);

impl Rows {
    fn new(report: &'static Report, place: Place) -> Self {
        let (waiting, rejects, seen) = (VecDeque::new(), Vec::new(), HashMap::new());
        Self { report, place, count: 0, waiting, rejects, rejected_bytes: 0, seen }
    }

    /// Takes one element of `data`.
    fn add(&mut self, raw: &[u8]) {
        self.count += 1;
        match Row::read(self.report, raw) {
            Ok(row) if self.is_news(&row) => self.waiting.push_back(row),
            Ok(_) => {}
            Err(reason) => self.reject(reason, raw),
        }
    }

    /// Whether no newer state of the row came before it in this answer.
    fn is_news(&mut self, row: &Row) -> bool {
        let age = self.age(row.text(self.report.ended));
        let key = xxh3_128(row.key.as_bytes());
        let known = self.seen.get(&key).copied();
        if known.is_some() || self.seen.len() < REMEMBERED {
            self.seen.insert(key, known.map_or(age, |known| known.max(age)));
        }
        known.is_none_or(|known| age >= known)
    }

    fn age(&self, end: &str) -> Age {
        match instant(end, self.place.zone) {
            Some(at) => (2, at.timestamp()),
            None => (u8::from(!end.trim().is_empty()), 0),
        }
    }

    fn reject(&mut self, reason: &str, raw: &[u8]) {
        if self.rejects.len() >= REMEMBERED {
            return;
        }
        let (one, all) = RAW;
        let mut text = String::from_utf8_lossy(raw).into_owned();
        text.truncate(text.floor_char_boundary(one.min(all - self.rejected_bytes)));
        self.rejected_bytes += text.len();
        self.rejects.push(Reject { reason: format!("row {} {reason}", self.count), raw: text });
    }
}
