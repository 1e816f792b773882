//! One of a day's files, from its first chunk to what it comes to.

use super::conversation::{Conversation, Place};
use super::cursor::Files;
use super::refusal::{is_stale, of_file};
use super::unpack::Unpack;
use crate::elements::Elements;
use domain::fault::Fault;
use domain::source::{Head, Reader, Reject, Step};
use entities::rows::Rows;
use entities::shape::Table;
use entities::tables::ultimate_conversations::Entity;
use entities::upsert::Batch;
use std::collections::VecDeque;

/// Rows handed over at once, and their bytes.
const BATCH: (usize, usize) = (500, 1024 * 1024);
/// The most that is kept of one row that could not be read, and of all of them together.
const RAW: (usize, usize) = (16 * 1024, 1024 * 1024);
/// The most rows that are kept aside.
const KEPT: usize = 10_000;

/// A file that is being read. It reads no further than to the next full batch, however much comes at once.
pub struct File {
    files: Files,
    /// What has come and is not unpacked yet, and where in it that begins.
    packed: Vec<u8>,
    at: usize,
    unpack: Option<Unpack>,
    elements: Elements,
    rows: Read,
    is_over: bool,
    /// What was wrong already. A file does not recover from that.
    fault: Option<Fault>,
}

/// The rows read so far.
struct Read {
    place: Place,
    count: u64,
    open: Rows,
    full: VecDeque<Rows>,
    rejects: Vec<Reject>,
    rejected_bytes: usize,
}

impl File {
    /// The next one of `files`.
    pub fn new(place: Place, files: Files) -> Self {
        let (full, rejects) = (VecDeque::new(), Vec::new());
        let rows = Read { place, count: 0, open: Rows::new(Entity::shape()), full, rejects, rejected_bytes: 0 };
        let (packed, elements) = (Vec::new(), Elements::default());
        Self { files, packed, at: 0, unpack: None, elements, rows, is_over: false, fault: None }
    }

    /// How many bytes it holds.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        let full: usize = self.rows.full.iter().map(Rows::size).sum();
        self.packed.capacity() + self.elements.held() + self.rows.open.size() + full + self.rows.rejected_bytes
    }

    /// Reads on until a batch is full, or all that has come is read; at the end of the file all of it.
    fn go_on(&mut self, is_last: bool) -> Result<(), Fault> {
        let Self { packed, at, unpack, elements, rows, .. } = self;
        let unpack = match unpack {
            Some(unpack) => unpack,
            none => match Unpack::of(packed, is_last) {
                Some(found) => none.insert(found),
                None => return Ok(()),
            },
        };
        while *at < packed.len() && (is_last || rows.full.is_empty()) {
            let end = packed.len().min(*at + unpack.bite());
            unpack.unpack(packed.get(*at..end).unwrap_or_default(), |piece| look(elements, rows, piece))?;
            *at = end;
        }
        if is_last {
            unpack.finish(|piece| look(elements, rows, piece))?;
            elements.read(true, |raw, row| rows.add(raw, row.as_ref()))?;
        }
        Ok(())
    }

    fn conclude(&mut self, head: Head) -> Result<Step, Fault> {
        let mut files = self.files.clone();
        if head.status == 200 {
            self.go_on(true)?;
            self.is_over = true;
            files.next += 1;
            let cursor = (files.next < files.urls.len()).then(|| files.cursor());
            let rejects = std::mem::take(&mut self.rows.rejects);
            return Ok(Step { rows: self.rows.count, rejects, cursor, ..Step::default() });
        }
        if !is_stale(head.status) {
            return Err(of_file(head));
        }
        if files.fresh {
            return Err(Fault::Unreachable(format!("HTTP {} for a file, also at a fresh address", head.status)));
        }
        files.again = true;
        for url in &mut files.urls {
            url.truncate(super::address::unsigned(url).len());
        }
        Ok(Step { cursor: Some(files.cursor()), ..Step::default() })
    }

    /// Keeps what was wrong, and gives up the rows: they belong to a file that does not count.
    fn kept<T>(&mut self, heard: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault) = &heard {
            self.fault = Some(fault.clone());
            self.rows.full.clear();
            self.rows.open = Rows::new(Entity::shape());
            self.packed = Vec::new();
            self.at = 0;
        }
        heard
    }
}

fn look(elements: &mut Elements, rows: &mut Read, piece: &[u8]) -> Result<(), Fault> {
    elements.push(piece);
    if elements.is_ready() { elements.read(false, |raw, row| rows.add(raw, row.as_ref())) } else { Ok(()) }
}

impl Reader<Batch> for File {
    fn feed(&mut self, head: Head, chunk: &[u8]) -> Result<(), Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        if head.status != 200 {
            // A store's words name the file.
            return Ok(());
        }
        self.packed.drain(..self.at);
        self.at = 0;
        self.packed.extend_from_slice(chunk);
        let heard = self.go_on(false);
        self.kept(heard)
    }

    /// Some 500 rows, or 1 MiB; fewer only at the end. What was wrong on the way is told by the next chunk, or the end.
    fn take(&mut self) -> Option<Batch> {
        if self.rows.full.is_empty() && !self.is_over && self.fault.is_none() {
            let heard = self.go_on(false);
            let _ = self.kept(heard);
        }
        let full = self.rows.full.pop_front();
        full.or_else(|| {
            let is_some = self.is_over && !self.rows.open.is_empty();
            is_some.then(|| std::mem::replace(&mut self.rows.open, Rows::new(Entity::shape())))
        })
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        let heard = self.fault.clone().map_or_else(|| self.conclude(head), Err);
        self.kept(heard)
    }
}

impl Read {
    fn add(&mut self, raw: &[u8], row: Option<&Conversation<'_>>) {
        self.count += 1;
        let is_utf8 = || std::str::from_utf8(raw).is_ok();
        let heard = match row {
            Some(row) => match self.place.row(row) {
                Ok(row) => self.open.push(&row).map_err(|bad| bad.to_string()),
                Err(reason) => Err(reason.to_owned()),
            },
            None if !is_utf8() => Err("holds bytes that are no UTF-8".to_owned()),
            None if raw.starts_with(b"{") => Err("has a name that is no text".to_owned()),
            None => Err("is no object".to_owned()),
        };
        if let Err(reason) = heard {
            self.reject(&reason, raw);
        }
        if self.open.len() >= BATCH.0 || self.open.size() >= BATCH.1 {
            self.full.push_back(std::mem::replace(&mut self.open, Rows::new(Entity::shape())));
        }
    }

    fn reject(&mut self, reason: &str, raw: &[u8]) {
        if self.rejects.len() >= KEPT {
            return;
        }
        let (one, all) = RAW;
        let room = one.min(all - self.rejected_bytes);
        let mut text = String::from_utf8_lossy(raw.get(..room).unwrap_or(raw)).into_owned();
        text.truncate(text.floor_char_boundary(room));
        self.rejected_bytes += text.len();
        self.rejects.push(Reject { reason: format!("row {} {reason}", self.count), raw: text });
    }
}
