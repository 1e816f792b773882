//! Lists that may be long: polls with all their settings, and histories. Read entry by entry, in bounded memory.

use super::refusal::refusal;
use crate::elements::Elements;
use crate::json::Json;
use crate::quote::malformed;
use crate::words::{NOTE, Words};
use domain::fault::Fault;
use domain::source::{Head, Reader, Reject, Step};
use entities::upsert::Batch;
use serde_json::value::RawValue;

/// What becomes of the entries.
pub trait Each: Send {
    /// What a 404 says.
    const MISSING: &'static str;

    /// Takes an entry.
    ///
    /// # Errors
    /// Why it is none.
    fn add(&mut self, entry: Json) -> Result<(), String>;

    /// The next rows.
    fn take(&mut self) -> Option<Batch>;

    /// The list is over, and had `count` entries.
    fn finish(&mut self, count: u64) -> Step;

    /// The answer counts for nothing.
    fn clear(&mut self);
}

/// How much is looked at once.
const PIECE: usize = 64 << 10;
/// The most that is kept of one entry that could not be read, and the most entries.
const KEPT: (usize, usize) = (16 * 1024, 1000);
/// The longest entry. Read into values it takes many times as much.
const LONGEST: usize = 2 << 20;

/// A list that is being read.
#[derive(Debug)]
pub struct Entries<E> {
    each: E,
    elements: Elements,
    is_begun: bool,
    count: u64,
    rejects: Vec<Reject>,
    note: Vec<u8>,
    /// What was wrong already. An answer does not recover from that.
    fault: Option<Fault>,
}

impl<E: Each> Entries<E> {
    /// Nothing of it yet.
    pub fn new(each: E) -> Self {
        let (elements, rejects, note) = (Elements::default(), Vec::new(), Vec::new());
        Self { each, elements, is_begun: false, count: 0, rejects, note, fault: None }
    }

    /// Only a list is one: a lone object is some message.
    fn begin(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let is_before = |byte: &u8| b" \r\n\t\xEF\xBB\xBF".contains(byte);
        match chunk.iter().find(|byte| !is_before(byte)) {
            _ if self.is_begun => Ok(()),
            None => Ok(()),
            Some(b'[') => {
                self.is_begun = true;
                Ok(())
            }
            Some(b'<') => Err(malformed("HTML page instead of JSON")),
            Some(_) => Err(malformed("no list")),
        }
    }

    fn look(&mut self, is_last: bool) -> Result<(), Fault> {
        let Self { each, elements, count, rejects, .. } = self;
        elements.read(is_last, |raw: &[u8], entry: Option<&RawValue>| {
            *count += 1;
            let read = entry.ok_or_else(|| "holds bytes that are no UTF-8".to_owned());
            let read = match read {
                Ok(raw) if raw.get().len() > LONGEST => Err("has more than 2 MiB".to_owned()),
                Ok(raw) => Json::of(raw).ok_or_else(|| "is nested too deeply".to_owned()),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = read.and_then(|entry| each.add(entry))
                && rejects.len() < KEPT.1
            {
                let raw = String::from_utf8_lossy(raw.get(..KEPT.0).unwrap_or(raw)).into_owned();
                rejects.push(Reject { reason: format!("entry {count} {reason}"), raw });
            }
        })
    }

    fn read(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        self.begin(chunk)?;
        for piece in chunk.chunks(PIECE) {
            self.elements.push(piece);
            if self.elements.is_ready() {
                self.look(false)?;
            }
        }
        Ok(())
    }

    fn conclude(&mut self, head: Head) -> Result<Step, Fault> {
        if head.status != 200 {
            return Err(refusal(head, &Words::read(&self.note), E::MISSING));
        }
        self.look(true)?;
        if !self.is_begun {
            return Err(malformed("an empty answer"));
        }
        let step = self.each.finish(self.count);
        let rows = step.rows.max(u64::try_from(self.rejects.len()).unwrap_or(u64::MAX));
        Ok(Step { rows, rejects: std::mem::take(&mut self.rejects), ..step })
    }

    /// Keeps what was wrong, and gives up the rows: they belong to an answer that does not count.
    fn kept<T>(&mut self, heard: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &heard {
            self.fault = Some(fault.clone());
            self.each.clear();
        }
        heard
    }
}

impl<E: Each> Reader<Batch> for Entries<E> {
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        if head.status != 200 {
            let room = NOTE.saturating_sub(self.note.len()).min(chunk.len());
            self.note.extend(chunk.iter().take(room));
            return Ok(());
        }
        let heard = self.fault.clone().map_or_else(|| self.read(chunk), Err);
        self.kept(heard)
    }

    fn take(&mut self) -> Option<Batch> {
        self.each.take()
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        let heard = self.fault.clone().map_or_else(|| self.conclude(head), Err);
        self.kept(heard)
    }
}
