//! Parses a body that is one JSON array, entry by entry in bounded memory.

use super::Json;
use super::sequence::{JsonEvent, JsonSequence, Layout, MAX_VALUE};
use crate::error_body::ErrorBody;
use crate::reject_log::RejectLog;
use crate::response_reader::BodyParser;
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use serde_json::value::RawValue;

/// Handles the entries of an array.
pub trait EntryHandler: Send {
    /// Takes an entry.
    ///
    /// # Errors
    /// Why the entry cannot become a row.
    fn add(&mut self, entry: Json) -> Result<(), String>;

    /// The next batch of rows.
    fn take(&mut self) -> Option<RowBatch>;

    /// Ends the array, which had `count` entries.
    fn finish(&mut self, count: u64) -> ResponseSummary;

    /// Drops all rows: the response does not count.
    fn discard(&mut self);

    /// The meaning of another status than 200.
    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Fault;
}

/// The parser looks at this many bytes at a time.
const PIECE: usize = 64 << 10;
/// The most entries that are kept as rejects.
const MAX_REJECTS: usize = 1000;
/// The longest entry. The parsed value takes a multiple of that.
const MAX_ENTRY: usize = 2 << 20;

/// An array that is being parsed.
#[derive(Debug)]
pub struct JsonArray<H> {
    handler: H,
    sequence: JsonSequence,
    count: u64,
    rejects: RejectLog,
}

impl<H: EntryHandler> JsonArray<H> {
    /// An array of which nothing has arrived yet.
    pub fn new(handler: H) -> Self {
        let sequence = JsonSequence::new(Layout::Array, MAX_VALUE);
        Self { handler, sequence, count: 0, rejects: RejectLog::with_limit(MAX_REJECTS) }
    }

    fn parse(&mut self, is_last: bool) -> Result<(), Fault> {
        let Self { handler, sequence, count, rejects } = self;
        sequence.parse(is_last, |event: JsonEvent<'_, &RawValue>| {
            let JsonEvent::Value(raw, value) = event else { return };
            *count += 1;
            let entry = match value {
                None => Err("has bytes that are not UTF-8".to_owned()),
                Some(raw) if raw.get().len() > MAX_ENTRY => Err("has more than 2 MiB".to_owned()),
                Some(raw) => Json::from_raw(raw).ok_or_else(|| "is nested too deeply".to_owned()),
            };
            if let Err(reason) = entry.and_then(|entry| handler.add(entry)) {
                rejects.push(format!("entry {count} {reason}"), raw);
            }
        })
    }
}

impl<H: EntryHandler> BodyParser for JsonArray<H> {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        for piece in chunk.chunks(PIECE) {
            self.sequence.push(piece)?;
            if self.sequence.is_ready() {
                self.parse(false)?;
            }
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<RowBatch>, Fault> {
        Ok(self.handler.take())
    }

    fn finish(&mut self, _: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.parse(true)?;
        let (step, rejects) = (self.handler.finish(self.count), self.rejects.take());
        let rows = step.rows.max(u64::try_from(rejects.len()).unwrap_or(u64::MAX));
        Ok(ResponseSummary { rows, rejects, ..step })
    }

    fn discard(&mut self) {
        self.handler.discard();
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(self.handler.refusal(head, body))
    }
}
