//! A file on its way out, made chunk by chunk so that none is ever whole in memory.

use super::conversation::Version;
use super::record::Slot;
use super::shape::{Format, Packing, Shape};
use super::spelled::Spelled;
use super::truth::{Row, Truth};
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::iter::Peekable;
use std::sync::Arc;

/// Bytes after which a chunk is sent.
const CHUNK: usize = 64 * 1024;
/// Where a file that is cut off breaks: inside a row, however many came before.
const BROKEN: &[u8] = br#"{"bot_id":"6a4"#;

/// The rows of a file, as chunks of its bytes.
pub(super) struct Sheet {
    truth: Arc<Truth>,
    version: Version,
    shape: Shape,
    rows: Peekable<Box<dyn Iterator<Item = Row> + Send>>,
    pen: Pen,
    made: u64,
    begun: bool,
    ended: bool,
    /// Whether it is the lone object of a file that holds one row.
    alone: bool,
    cut_after: Option<u64>,
    /// The request it answers, under way until the last chunk is made.
    pub(super) slot: Option<Arc<Slot>>,
}

/// What is written but not yet sent.
enum Pen {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl Sheet {
    /// A file of `rows`; nothing in `shape` is mixed.
    pub(super) fn new(
        truth: Arc<Truth>,
        version: Version,
        shape: Shape,
        rows: Box<dyn Iterator<Item = Row> + Send>,
    ) -> Self {
        let mut rows = rows.peekable();
        let alone = shape.format == Format::Object && holds_one(&mut rows);
        let pen = match shape.packing {
            Packing::Gzip => Pen::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
            Packing::Plain | Packing::Mixed => Pen::Plain(Vec::new()),
        };
        let (made, begun, ended, cut_after, slot) = (0, false, false, None, None);
        Self { truth, version, shape, rows, pen, made, begun, ended, alone, cut_after, slot }
    }

    /// Leaves out all but the first `rows` rows, and breaks off inside the next.
    pub(super) fn cut_after(&mut self, rows: u64) {
        self.cut_after = Some(rows);
    }

    /// Writes the next piece: what stands before a row and the row, or the end.
    fn step(&mut self) -> io::Result<()> {
        let opens = if self.alone || self.shape.format == Format::Lines { "" } else { "[" };
        let between = if self.shape.format == Format::Lines { "\n" } else { ",\n" };
        let before = if self.begun { between } else { opens };
        let cut = self.cut_after.is_some_and(|rows| self.made >= rows);
        let row = self.rows.next_if(|_| !cut);
        self.ended = row.is_none();
        let Some(row) = row else {
            if self.cut_after.is_some() {
                self.pen.write_all(before.as_bytes())?;
                self.pen.write_all(BROKEN)?;
                // A packed file breaks there too, and not before its first row.
                return self.pen.flush();
            }
            let closes = match (opens, self.begun) {
                ("", true) => "\n",
                ("", false) => "",
                (_, true) => "]",
                (_, false) => "[]",
            };
            self.pen.write_all(closes.as_bytes())?;
            return self.pen.finish();
        };
        self.begun = true;
        self.made += 1;
        let conversation = self.truth.conversation(row);
        let spelled = Spelled { conversation: &conversation, version: self.version, shape: self.shape };
        let text = if self.alone { serde_json::to_vec_pretty(&spelled)? } else { serde_json::to_vec(&spelled)? };
        self.pen.write_all(before.as_bytes())?;
        self.pen.write_all(&text)
    }
}

impl Iterator for Sheet {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        while !self.ended && self.pen.held().len() < CHUNK {
            if let Err(error) = self.step() {
                tracing::error!(%error, "a row could not be written");
                self.ended = true;
                return Some(Err(error));
            }
        }
        let chunk = std::mem::take(self.pen.held());
        if let Some(slot) = &self.slot {
            let whole = self.cut_after.is_none();
            slot.sent(if whole { self.made } else { 0 }, chunk.len());
        }
        if self.ended {
            // Before the caller can have it: who asks again after the last byte is not simultaneous.
            self.slot = None;
        }
        (!chunk.is_empty()).then(|| Ok(Bytes::from(chunk)))
    }
}

impl Pen {
    fn held(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(held) => held,
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

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(held) => held.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(held) => held.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

/// Whether one row is left and no more; takes nothing away.
fn holds_one(rows: &mut Peekable<Box<dyn Iterator<Item = Row> + Send>>) -> bool {
    let Some(first) = rows.next() else { return false };
    let one = rows.peek().is_none();
    let rest =
        std::mem::replace(rows, (Box::new(std::iter::empty()) as Box<dyn Iterator<Item = Row> + Send>).peekable());
    *rows = (Box::new(std::iter::once(first).chain(rest)) as Box<dyn Iterator<Item = Row> + Send>).peekable();
    one
}
