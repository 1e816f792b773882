//! Rows on their way out, made chunk by chunk so that no answer is ever whole in memory.

use super::chat::Odd;
use super::record::Slot;
use super::truth::{Key, Moment, Truth};
use axum::body::Bytes;
use std::io;
use std::sync::Arc;

/// Bytes after which a chunk is sent.
const CHUNK: usize = 64 * 1024;

/// One row to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Whether as it first was, and not as it is.
    pub(super) at_first: bool,
}

/// A text of rows between a head and a tail, as chunks.
pub(super) struct Sheet {
    pub(super) truth: Arc<Truth>,
    pub(super) moment: Moment,
    pub(super) odd_columns: bool,
    pub(super) head: String,
    pub(super) rows: std::vec::IntoIter<Row>,
    pub(super) tail: String,
    pub(super) begun: bool,
    /// The request it answers, under way until the last chunk is made.
    pub(super) slot: Option<Slot>,
}

impl Sheet {
    pub(super) fn new(truth: Arc<Truth>, moment: Moment, head: String, rows: Vec<Row>, tail: &str) -> Self {
        let rows = rows.into_iter();
        Self { truth, moment, odd_columns: false, head, rows, tail: tail.to_owned(), begun: false, slot: None }
    }

    /// Leaves out all but the first `rows` rows, and breaks off inside the next.
    pub(super) fn cut_after(&mut self, rows: usize) {
        self.rows = self.rows.by_ref().take(rows).collect::<Vec<_>>().into_iter();
        let comma = if self.rows.len() > 0 { "," } else { "" };
        self.tail = format!("{comma}{{\"conn_id\":\"2067");
    }

    fn write(&self, row: Row, chunk: &mut Vec<u8>) {
        let chat = if row.at_first { self.truth.row_at_first(row.key) } else { self.truth.row(row.key, self.moment) };
        let written = if self.odd_columns {
            serde_json::to_writer(&mut *chunk, &Odd(&chat))
        } else {
            serde_json::to_writer(&mut *chunk, &chat)
        };
        if let Err(error) = written {
            tracing::error!(%error, "a row could not be written");
        }
    }
}

impl Iterator for Sheet {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.slot.as_ref().is_some_and(Slot::is_over) {
            self.slot = None;
            self.rows = Vec::new().into_iter();
            self.tail.clear();
            return Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the caller read too slowly")));
        }
        let mut chunk = std::mem::take(&mut self.head).into_bytes();
        while chunk.len() < CHUNK {
            let Some(row) = self.rows.next() else {
                chunk.append(&mut std::mem::take(&mut self.tail).into_bytes());
                // Before the caller can have it: who asks again after the last byte is not simultaneous.
                self.slot = None;
                break;
            };
            if self.begun {
                chunk.push(b',');
            }
            self.begun = true;
            self.write(row, &mut chunk);
        }
        (!chunk.is_empty()).then(|| Ok(Bytes::from(chunk)))
    }
}
