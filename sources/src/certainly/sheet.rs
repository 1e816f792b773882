//! A report as a CSV file: what comes by mail, or by hand. The vendor documents neither its columns nor its spelling.

use super::message::{Draft, is_report};
use super::names::{Meaning, meaning};
use super::shelf::Shelf;
use crate::encoding::Encoding;
use crate::json::Json;
use crate::lines::{Lines, MARK, Rest, cells, sniff};
use crate::quote::malformed;
use domain::fault::Fault;
use domain::source::{Head, Reader, Step};
use entities::upsert::Batch;

/// A file that is being read.
#[derive(Debug)]
pub struct Sheet {
    shelf: Shelf,
    lines: Lines,
    encoding: Encoding,
    columns: Vec<(String, Meaning)>,
    /// What was wrong already. A file does not recover from that.
    fault: Option<Fault>,
}

impl Sheet {
    /// A file of the shelf's bot.
    pub fn new(shelf: Shelf) -> Self {
        let (lines, encoding) = (Lines::new(), Encoding::default());
        Self { shelf, lines, encoding, columns: Vec::new(), fault: None }
    }

    fn read(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        for byte in chunk {
            if let Some((row, line)) = self.lines.push(*byte)? {
                self.add(&row, line)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, row: &[u8], line: u64) -> Result<(), Fault> {
        if self.columns.is_empty() { self.read_header(row) } else { self.read_row(row, line) }
    }

    fn read_header(&mut self, row: &[u8]) -> Result<(), Fault> {
        let marked = row.strip_prefix(MARK);
        if marked.is_some() {
            self.encoding = Encoding::Utf8;
        }
        if row.starts_with(b"\xFF\xFE") || row.starts_with(b"\xFE\xFF") || row.contains(&0) {
            return Err(malformed("no message report: written in UTF-16; save it as CSV in UTF-8"));
        }
        let text = self.encoding.decode(marked.unwrap_or(row));
        let text = text.ok_or_else(|| malformed("no message report: its first line is no text"))?;
        // What Excel puts first to say what stands between cells.
        if let Some([delimiter]) = text.trim_end().strip_prefix("sep=").map(str::as_bytes) {
            self.lines.delimiter = Some(*delimiter);
            return Ok(());
        }
        let delimiter = *self.lines.delimiter.get_or_insert_with(|| sniff(&text));
        let names = cells(&text, char::from(delimiter)).into_iter().enumerate();
        let columns: Vec<(String, Meaning)> = names
            .map(|(place, name)| match name.trim() {
                "" => (format!("column {}", place + 1), Meaning::Stranger),
                name => (name.to_owned(), meaning(name)),
            })
            .collect();
        if !is_report(columns.iter().map(|(_, means)| means)) {
            return Err(malformed("no message report: its first line names no timestamp, or no id"));
        }
        self.columns = columns;
        Ok(())
    }

    fn read_row(&mut self, row: &[u8], line: u64) -> Result<(), Fault> {
        let Some(text) = self.encoding.decode(row) else {
            self.shelf.add_unread(format!("line {line} holds bytes that are no UTF-8"), &String::from_utf8_lossy(row));
            return Ok(());
        };
        let cells = self.cells(&text);
        if cells.len() != self.columns.len() {
            let (have, named) = (cells.len(), self.columns.len());
            self.shelf.add_unread(format!("line {line} has {have} cells, and {named} are named"), &text);
            return Ok(());
        }
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            // Spreadsheets put such rows at the end.
            return Ok(());
        }
        let mut draft = Draft::new();
        for ((name, means), cell) in self.columns.iter().zip(cells) {
            draft.note(name, means, Json::Text(cell));
        }
        let read = draft.finish(self.shelf.bot(), true);
        self.shelf.add(read, &format!("line {line}"), &text)
    }

    fn cells(&self, row: &str) -> Vec<String> {
        cells(row, char::from(self.lines.delimiter.unwrap_or(b',')))
    }

    /// The last row, where no line end follows it: whole, or what is left of one.
    fn conclude(&mut self) -> Result<(), Fault> {
        if let Some(Rest { row, line, is_open }) = self.lines.finish() {
            let cells = self.encoding.decode(&row).map(|text| self.cells(&text)).unwrap_or_default();
            // Cut between the two halves of a quote, a cell looks closed.
            let is_half = cells.last().is_some_and(|cell| cell.starts_with(['{', '[']) && Json::read(cell).is_none());
            // Nothing may end the first line: the names in it would be fewer than there were.
            if is_open || is_half || self.columns.is_empty() || cells.len() != self.columns.len() {
                return Err(malformed("the file is cut off in the middle of a row"));
            }
            self.add(&row, line)?;
        }
        if self.columns.is_empty() { Err(malformed("no message report: an empty file")) } else { Ok(()) }
    }

    /// Keeps what was wrong, and gives up the rows: they belong to a file that does not count.
    fn kept(&mut self, heard: Result<(), Fault>) -> Result<(), Fault> {
        if let Err(fault) = &heard {
            self.fault = Some(fault.clone());
            self.shelf.clear();
        }
        heard
    }
}

impl Reader<Batch> for Sheet {
    fn feed(&mut self, _: Head, chunk: &[u8]) -> Result<(), Fault> {
        let heard = self.fault.clone().map_or_else(|| self.read(chunk), Err);
        self.kept(heard)
    }

    fn take(&mut self) -> Option<Batch> {
        self.shelf.take()
    }

    fn finish(&mut self, _: Head) -> Result<Step, Fault> {
        let heard = self.fault.clone().map_or_else(|| self.conclude(), Err);
        self.kept(heard)?;
        self.shelf.close();
        let rejects = std::mem::take(&mut self.shelf.rejects);
        Ok(Step { rows: self.shelf.count, rejects, ..Step::default() })
    }
}
