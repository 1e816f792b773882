//! A file as chunks, so that no file is whole in memory.

use super::conversation::Version;
use super::dataset::{Dataset, StateKey};
use super::day_file::DayFile;
use super::file_row::FileRow;
use super::variants::{Compression, Layout, Variants};
use crate::gateway::{CHUNK, Chunk, RowStream};
use crate::random::whole;
use axum::body::Bytes;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::iter::Peekable;
use std::sync::Arc;

/// Where a file that is cut off breaks: inside a row, after any number of rows.
const HALF_ROW: &[u8] = br#"{"bot_id":"6a4"#;

type Rows = Peekable<Box<dyn Iterator<Item = StateKey> + Send>>;

/// The bytes of a file, row by row.
pub(super) struct DayFileStream {
    dataset: Arc<Dataset>,
    version: Version,
    variants: Variants,
    /// About how many rows the file has.
    expected_rows: u64,
    rows: Rows,
    output: Output,
    written: u64,
    ended: bool,
    /// Whether the file is the one object of its only row.
    is_object: bool,
    cut_after: Option<u64>,
}

/// Bytes that were written but not yet sent.
enum Output {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl DayFileStream {
    /// The rows of `file`; no variant is mixed.
    pub(super) fn new(dataset: &Arc<Dataset>, version: Version, variants: Variants, file: DayFile) -> Self {
        let rows: Box<dyn Iterator<Item = StateKey> + Send> = Box::new(dataset.rows(file));
        let mut rows = rows.peekable();
        let is_object = variants.layout == Layout::Object && has_one_row(&mut rows);
        let output = match variants.compression {
            Compression::Gzip => Output::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::fast())),
            Compression::None | Compression::Mixed => Output::Plain(Vec::new()),
        };
        let files = u64::from(dataset.file_count(file.bot, file.day));
        let expected_rows = dataset.count(file.bot, file.day) / files;
        let (written, ended, cut_after, dataset) = (0, false, None, Arc::clone(dataset));
        Self { dataset, version, variants, expected_rows, rows, output, written, ended, is_object, cut_after }
    }

    /// Writes the next row with its separator, or the end.
    fn step(&mut self) -> io::Result<()> {
        let is_array = !self.is_object && self.variants.layout != Layout::Lines;
        let separator = match (self.written, is_array) {
            (0, true) => "[",
            (0, false) => "",
            (_, true) => ",\n",
            (_, false) => "\n",
        };
        let cut = self.cut_after.is_some_and(|rows| self.written >= rows);
        let Some(row) = self.rows.next_if(|_| !cut) else {
            self.ended = true;
            return self.end(is_array, separator);
        };
        self.written += 1;
        let conversation = self.dataset.conversation(row);
        let row = FileRow { conversation: &conversation, version: self.version, variants: self.variants };
        let text = if self.is_object { serde_json::to_vec_pretty(&row)? } else { serde_json::to_vec(&row)? };
        self.output.write_all(separator.as_bytes())?;
        self.output.write_all(&text)
    }

    fn end(&mut self, is_array: bool, separator: &str) -> io::Result<()> {
        if self.cut_after.is_some() {
            self.output.write_all(separator.as_bytes())?;
            self.output.write_all(HALF_ROW)?;
            // A compressed file breaks there too, and not before its first row.
            return self.output.flush();
        }
        let end = match (is_array, self.written) {
            (true, 0) => "[]",
            (true, _) => "]",
            (false, 0) => "",
            (false, _) => "\n",
        };
        self.output.write_all(end.as_bytes())?;
        self.output.finish()
    }
}

impl RowStream for DayFileStream {
    fn cut_after(&mut self, share: f64) {
        let rows = std::time::Duration::from_secs(self.expected_rows).mul_f64(share);
        self.cut_after = Some(whole(rows.as_secs_f64()));
    }
}

impl Iterator for DayFileStream {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<io::Result<Chunk>> {
        let before = self.written;
        while !self.ended && self.output.bytes().len() < CHUNK {
            if let Err(error) = self.step() {
                self.ended = true;
                return Some(Err(error));
            }
        }
        let bytes = std::mem::take(self.output.bytes());
        // The rows of a file that is cut off do not count.
        let rows = if self.cut_after.is_some() { 0 } else { self.written - before };
        let rows = usize::try_from(rows).unwrap_or_default();
        (!bytes.is_empty()).then(|| Ok(Chunk { bytes: Bytes::from(bytes), rows }))
    }
}

impl Output {
    fn bytes(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Gzip(encoder) => encoder.get_mut(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Gzip(encoder) => encoder.try_finish(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

/// Whether there is one row and no other; takes none away.
fn has_one_row(rows: &mut Rows) -> bool {
    let Some(first) = rows.next() else { return false };
    let is_only = rows.peek().is_none();
    let none: Box<dyn Iterator<Item = StateKey> + Send> = Box::new(std::iter::empty());
    let rest = std::mem::replace(rows, none.peekable());
    let all: Box<dyn Iterator<Item = StateKey> + Send> = Box::new(std::iter::once(first).chain(rest));
    *rows = all.peekable();
    is_only
}
