//! CSV files that people download from a vendor's pages. The vendors document neither columns nor spelling.

use crate::encoding::Encoding;
use crate::lines::{Lines, MARK, cells, sniff};
use crate::quote::malformed;
use domain::fault::Fault;
use domain::lead::Lead;
use domain::source::{Head, Reader, Reject, Step};
use entities::upsert::Batch;

/// What a file's rows mean.
pub trait Sheet: Send {
    /// Takes the names over the columns.
    ///
    /// # Errors
    /// Where they are those of another file.
    fn head(&mut self, names: &[String]) -> Result<(), Fault>;

    /// Takes a row, a cell per name.
    ///
    /// # Errors
    /// Why it is none, in words without a word of it.
    fn row(&mut self, cells: &[String]) -> Result<(), &'static str>;

    /// The next rows for a table.
    fn take(&mut self) -> Option<Batch>;

    /// The file is over: what is worth asking for because of it.
    fn finish(&mut self) -> Vec<Lead>;

    /// The file counts for nothing.
    fn clear(&mut self);
}

/// The most that is kept of one row that could not be read, and of all of them together.
const RAW: (usize, usize) = (16 * 1024, 1024 * 1024);
/// The most rows that are kept aside.
const REJECTS: usize = 60_000;

/// A file that is being read.
#[derive(Debug)]
pub struct Grid<S> {
    sheet: S,
    lines: Lines,
    encoding: Encoding,
    /// How many columns there are; none until the first line has told.
    columns: usize,
    count: u64,
    rejects: Vec<Reject>,
    rejected_bytes: usize,
    /// What was wrong already. A file does not recover from that.
    fault: Option<Fault>,
}

impl<S: Sheet> Grid<S> {
    /// Nothing of it yet.
    pub fn new(sheet: S) -> Self {
        let (lines, encoding) = (Lines::new(), Encoding::default());
        let (columns, count, rejects, rejected_bytes, fault) = (0, 0, Vec::new(), 0, None);
        Self { sheet, lines, encoding, columns, count, rejects, rejected_bytes, fault }
    }

    fn read(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        for byte in chunk {
            match self.lines.push(*byte)? {
                Some((row, _)) if self.columns == 0 => self.read_head(&row)?,
                Some((row, line)) => self.read_row(&row, line),
                None => {}
            }
        }
        Ok(())
    }

    fn read_head(&mut self, row: &[u8]) -> Result<(), Fault> {
        if row.starts_with(b"\xFF\xFE") || row.starts_with(b"\xFE\xFF") || row.contains(&0) {
            return Err(malformed("written in UTF-16; save it as CSV in UTF-8"));
        }
        let marked = row.strip_prefix(MARK);
        if marked.is_some() {
            self.encoding = Encoding::Utf8;
        }
        let text =
            self.encoding.decode(marked.unwrap_or(row)).ok_or_else(|| malformed("a first line that is no text"))?;
        // What Excel puts first to say what stands between cells.
        if let Some([delimiter]) = text.trim_end().strip_prefix("sep=").map(str::as_bytes) {
            self.lines.delimiter = Some(*delimiter);
            return Ok(());
        }
        let delimiter = *self.lines.delimiter.get_or_insert_with(|| sniff(&text));
        let names = cells(&text, char::from(delimiter));
        self.sheet.head(&names)?;
        self.columns = names.len();
        Ok(())
    }

    fn read_row(&mut self, row: &[u8], line: u64) {
        let delimiter = char::from(self.lines.delimiter.unwrap_or(b','));
        let Some(text) = self.encoding.decode(row) else {
            return self.reject(format!("line {line} holds bytes that are no UTF-8"), &String::from_utf8_lossy(row));
        };
        let cells = cells(&text, delimiter);
        if cells.len() != self.columns {
            let (have, named) = (cells.len(), self.columns);
            return self.reject(format!("line {line} has {have} cells, and {named} are named"), &text);
        }
        // Spreadsheets put empty rows at the end.
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            match self.sheet.row(&cells) {
                Ok(()) => self.count += 1,
                Err(reason) => self.reject(format!("line {line} {reason}"), &text),
            }
        }
    }

    fn reject(&mut self, reason: String, raw: &str) {
        self.count += 1;
        if self.rejects.len() < REJECTS {
            let room = RAW.0.min(RAW.1 - self.rejected_bytes);
            let raw = raw.get(..raw.floor_char_boundary(room)).unwrap_or_default().to_owned();
            self.rejected_bytes += raw.len();
            self.rejects.push(Reject { reason, raw });
        }
    }

    /// Half of a last row may look whole: half of an id is an id. So the last line must be ended.
    fn conclude(&mut self) -> Result<(), Fault> {
        match self.lines.finish() {
            Some(_) => Err(malformed("the file is cut off: its last line has no end")),
            None if self.columns == 0 => Err(malformed("an empty file")),
            None => Ok(()),
        }
    }

    /// Keeps what was wrong, and gives up the rows: they belong to a file that does not count.
    fn kept(&mut self, heard: Result<(), Fault>) -> Result<(), Fault> {
        if let Err(fault) = &heard {
            self.fault = Some(fault.clone());
            self.sheet.clear();
        }
        heard
    }
}

impl<S: Sheet> Reader<Batch> for Grid<S> {
    fn feed(&mut self, _: Head, chunk: &[u8]) -> Result<(), Fault> {
        let heard = self.fault.clone().map_or_else(|| self.read(chunk), Err);
        self.kept(heard)
    }

    fn take(&mut self) -> Option<Batch> {
        self.sheet.take()
    }

    fn finish(&mut self, _: Head) -> Result<Step, Fault> {
        let heard = self.fault.clone().map_or_else(|| self.conclude(), Err);
        self.kept(heard)?;
        let (leads, rejects) = (self.sheet.finish(), std::mem::take(&mut self.rejects));
        Ok(Step { rows: self.count, rejects, leads, ..Step::default() })
    }
}
