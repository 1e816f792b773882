//! The rows of an answer as chunks, so that no answer is whole in memory.

use super::chat::OddChat;
use super::dataset::{ChatKey, Dataset};
use crate::calendar::AsOf;
use crate::gateway::{CHUNK, Chunk, RowStream};
use crate::random::share_of;
use axum::body::Bytes;
use std::io;
use std::sync::Arc;

/// One row to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowKey {
    pub(super) key: ChatKey,
    /// Whether the row shows the chat as it was at its start.
    pub(super) initial: bool,
}

/// Rows between a head and a tail.
pub(super) struct ChatRows {
    pub(super) odd_columns: bool,
    dataset: Arc<Dataset>,
    as_of: AsOf,
    head: String,
    rows: std::vec::IntoIter<RowKey>,
    tail: String,
    is_first: bool,
}

impl RowKey {
    /// The chat in its current state.
    pub(super) fn current(key: ChatKey) -> Self {
        Self { key, initial: false }
    }
}

impl ChatRows {
    pub(super) fn new(dataset: Arc<Dataset>, as_of: AsOf, head: String, rows: Vec<RowKey>, tail: &str) -> Self {
        let (rows, tail) = (rows.into_iter(), tail.to_owned());
        Self { odd_columns: false, dataset, as_of, head, rows, tail, is_first: true }
    }

    fn write(&self, row: RowKey, chunk: &mut Vec<u8>) -> io::Result<()> {
        let chat =
            if row.initial { self.dataset.initial_chat(row.key) } else { self.dataset.chat(row.key, self.as_of) };
        let written = if self.odd_columns {
            serde_json::to_writer(&mut *chunk, &OddChat(&chat))
        } else {
            serde_json::to_writer(&mut *chunk, &chat)
        };
        written.map_err(io::Error::from)
    }
}

impl RowStream for ChatRows {
    fn cut_after(&mut self, share: f64) {
        let kept = share_of(self.rows.len(), share);
        self.rows = self.rows.by_ref().take(kept).collect::<Vec<_>>().into_iter();
        let comma = if kept > 0 { "," } else { "" };
        self.tail = format!("{comma}{{\"conn_id\":\"2067");
    }
}

impl Iterator for ChatRows {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<io::Result<Chunk>> {
        let mut chunk = std::mem::take(&mut self.head).into_bytes();
        while chunk.len() < CHUNK {
            let Some(row) = self.rows.next() else {
                chunk.append(&mut std::mem::take(&mut self.tail).into_bytes());
                break;
            };
            if !std::mem::take(&mut self.is_first) {
                chunk.push(b',');
            }
            if let Err(error) = self.write(row, &mut chunk) {
                return Some(Err(error));
            }
        }
        // The log has the number of rows since the answer was made.
        (!chunk.is_empty()).then(|| Ok(Chunk { bytes: Bytes::from(chunk), rows: 0 }))
    }
}
