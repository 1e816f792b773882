//! Rows that a parser could not read, in bounded memory.

use domain::source::Reject;
use xxhash_rust::xxh3::xxh3_128;

/// The most bytes that the log keeps of one row.
const MAX_ROW_BYTES: usize = 16 * 1024;
/// The most bytes that the log keeps of all rows together.
const MAX_TOTAL_BYTES: usize = 1024 * 1024;
/// The most rows, where the parser does not say otherwise.
const MAX_ROWS: usize = 60_000;

/// Rejected rows, each with its reason. Rows beyond the limits are counted by the parser, and not kept.
#[derive(Debug)]
pub struct RejectLog {
    rejects: Vec<Reject>,
    max_rows: usize,
    bytes: usize,
}

impl Default for RejectLog {
    fn default() -> Self {
        Self::with_limit(MAX_ROWS)
    }
}

impl RejectLog {
    /// An empty log that keeps `max_rows` rows at most.
    pub fn with_limit(max_rows: usize) -> Self {
        Self { rejects: Vec::new(), max_rows, bytes: 0 }
    }

    /// Keeps the beginning of `raw`, a digest of all of it, and why the parser rejects it.
    pub fn push(&mut self, reason: String, raw: &[u8]) {
        if self.rejects.len() >= self.max_rows {
            return;
        }
        let room = MAX_ROW_BYTES.min(MAX_TOTAL_BYTES - self.bytes);
        let mut text = String::from_utf8_lossy(raw.get(..room).unwrap_or(raw)).into_owned();
        text.truncate(text.floor_char_boundary(room));
        self.bytes += text.len();
        self.rejects.push(Reject { reason, raw: text, digest: xxh3_128(raw) });
    }

    /// The bytes that the log holds.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.bytes
    }

    /// The rejected rows; the log is empty afterwards.
    pub fn take(&mut self) -> Vec<Reject> {
        self.bytes = 0;
        std::mem::take(&mut self.rejects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The log cuts the first row after 16 KiB, and keeps nothing of the rows after 1 MiB.
    #[test]
    fn the_digest_tells_rows_apart_of_which_the_log_keeps_the_same_part() {
        let mut log = RejectLog::default();
        let row = |number: u32| format!("{}{number}", "x".repeat(MAX_ROW_BYTES)).into_bytes();
        for number in (0..200).chain(0..200) {
            log.push("is no object".to_owned(), &row(number));
        }
        assert!(log.size() <= MAX_TOTAL_BYTES, "{} bytes", log.size());
        let rejects = log.take();
        let texts: BTreeSet<_> = rejects.iter().map(|reject| reject.raw.as_str()).collect();
        let digests: BTreeSet<_> = rejects.iter().map(|reject| reject.digest).collect();
        assert_eq!((rejects.len(), texts.len(), digests.len()), (400, 2, 200));
    }
}
