//! Finds the first line of a CSV file, and the delimiter of its cells.

use crate::malformed::malformed;
use crate::preamble::BOM;
use domain::fault::Fault;

/// The delimiters that files use.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];
/// The longest first line in bytes.
const MAX_LINE: usize = 8 * 1024 * 1024;

/// The first line, until it is complete. `csv-core` must know the delimiter before it parses, because a quote opens a
/// cell only after one.
#[derive(Debug, Default)]
pub struct HeaderBuffer {
    bytes: Vec<u8>,
    quoting: Quoting,
    line: u64,
    previous: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quoting {
    /// At the start of a cell.
    #[default]
    Start,
    /// In a cell without quotes.
    Unquoted,
    /// In a quoted cell.
    Quoted,
    /// After a quote in a quoted cell: the cell's end, or the first half of a doubled quote.
    MaybeClosed,
}

impl HeaderBuffer {
    /// Takes the bytes of `chunk` up to the end of the first line that is not empty: how many, or `None` where the line
    /// goes on.
    ///
    /// # Errors
    /// [`Fault::Malformed`] where the line is too long.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Option<usize>, Fault> {
        for (at, byte) in chunk.iter().enumerate() {
            let is_end = matches!(byte, b'\n' | b'\r') && self.quoting != Quoting::Quoted;
            if is_end && self.bytes.is_empty() {
                self.line += u64::from(!(*byte == b'\n' && self.previous == b'\r'));
                self.previous = *byte;
                continue;
            }
            if self.bytes.len() >= MAX_LINE {
                return Err(malformed("a row of more than 8 MiB; is a quote left open?"));
            }
            self.quoting = self.next(*byte);
            self.bytes.push(*byte);
            if is_end {
                return Ok(Some(at + 1));
            }
        }
        Ok(None)
    }

    /// Whether no part of the line has arrived.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of the line, counted from 1.
    pub fn line(&self) -> u64 {
        self.line + 1
    }

    /// The line with its end.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    fn next(&self, byte: u8) -> Quoting {
        match (self.quoting, byte) {
            (Quoting::Start, _) if BOM.get(self.bytes.len()) == Some(&byte) => Quoting::Start,
            (Quoting::Quoted, b'"') => Quoting::MaybeClosed,
            (Quoting::Start | Quoting::MaybeClosed, b'"') | (Quoting::Quoted, _) => Quoting::Quoted,
            _ if DELIMITERS.contains(&byte) => Quoting::Start,
            _ => Quoting::Unquoted,
        }
    }
}

/// The delimiter that occurs most often outside quotes; the comma where none does.
pub fn sniff_delimiter(line: &str) -> u8 {
    let mut is_quoted = false;
    let mut counts = [0_u32; DELIMITERS.len()];
    for byte in line.bytes() {
        is_quoted ^= byte == b'"';
        let found = DELIMITERS.iter().position(|delimiter| *delimiter == byte && !is_quoted);
        if let Some(count) = found.and_then(|found| counts.get_mut(found)) {
            *count += 1;
        }
    }
    // Of equal counts the first delimiter wins.
    let best = DELIMITERS.iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    best.map_or(b',', |(delimiter, _)| *delimiter)
}
