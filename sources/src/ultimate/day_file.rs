//! Parses one of a day's files.

use super::conversation::{Conversation, ConversationMapper};
use super::decompressor::Decompressor;
use super::file_cursor::FileCursor;
use super::file_url::without_signature;
use super::refusal::{file_refusal, is_expired};
use super::unpacked_size::UnpackedSize;
use crate::error_body::ErrorBody;
use crate::json::sequence::{JsonEvent, JsonSequence, Layout, MAX_VALUE};
use crate::reject_log::RejectLog;
use crate::response_reader::BodyParser;
use crate::row_batcher::RowBatcher;
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use entities::schema::VendorTable;
use entities::ultimate_conversations::Entity;

/// The most rows that are kept as rejects.
const MAX_REJECTS: usize = 10_000;

/// A file that is being parsed. It parses no further than to the next full batch, however much arrives at once.
pub struct DayFile {
    files: FileCursor,
    /// The bytes that arrived, and where the ones begin that are not decompressed yet.
    input: Vec<u8>,
    at: usize,
    decompressor: Option<Decompressor>,
    size: UnpackedSize,
    rows: ConversationRows,
}

/// The rows of a file.
struct ConversationRows {
    sequence: JsonSequence,
    mapper: ConversationMapper,
    count: u64,
    batcher: RowBatcher,
    rejects: RejectLog,
}

impl DayFile {
    /// The next one of `files`.
    pub fn new(mapper: ConversationMapper, files: FileCursor) -> Self {
        let rows = ConversationRows {
            sequence: JsonSequence::new(Layout::Any, MAX_VALUE),
            mapper,
            count: 0,
            batcher: RowBatcher::new(Entity::schema()),
            rejects: RejectLog::with_limit(MAX_REJECTS),
        };
        Self { files, input: Vec::new(), at: 0, decompressor: None, size: UnpackedSize::default(), rows }
    }

    /// The bytes that the parser holds.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        let rows = &self.rows;
        self.input.capacity() + rows.sequence.size() + rows.batcher.size() + rows.rejects.size()
    }

    /// Parses until a batch is full or the input ends; with `is_last` to the end of the file.
    fn advance(&mut self, is_last: bool) -> Result<(), Fault> {
        let Self { files, input, at, decompressor, size, rows } = self;
        let too_large = |account: &str, limit: String| {
            Fault::TooLarge(format!("account {account}: file {} of {} {limit}", files.next + 1, files.urls.len()))
        };
        let unpack = |size: &mut UnpackedSize, rows: &mut ConversationRows, piece: &[u8]| {
            size.add_unpacked(piece.len()).map_err(|limit| too_large(&rows.mapper.account, limit))?;
            rows.push(piece)
        };
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            none => match Decompressor::detect(input, is_last) {
                Some(found) => none.insert(found),
                None => return Ok(()),
            },
        };
        while *at < input.len() && (is_last || !rows.batcher.has_full()) {
            let end = input.len().min(*at + decompressor.input_size());
            let bytes = input.get(*at..end).unwrap_or_default();
            size.add_packed(bytes.len());
            decompressor.push(bytes, |piece| unpack(size, rows, piece))?;
            *at = end;
        }
        if is_last {
            decompressor.finish(|piece| unpack(size, rows, piece))?;
            rows.parse(true)?;
            rows.batcher.close();
        }
        Ok(())
    }
}

impl BodyParser for DayFile {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        self.input.drain(..self.at);
        self.at = 0;
        self.input.extend_from_slice(chunk);
        self.advance(false)
    }

    /// Some 500 rows, or 1 MiB; fewer only at the end.
    fn take(&mut self) -> Result<Option<RowBatch>, Fault> {
        if !self.rows.batcher.has_full() {
            self.advance(false)?;
        }
        Ok(self.rows.batcher.take())
    }

    fn finish(&mut self, _: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.advance(true)?;
        let mut files = self.files.clone();
        files.next += 1;
        let cursor = (files.next < files.urls.len()).then(|| files.to_cursor());
        Ok(ResponseSummary {
            rows: self.rows.count,
            rejects: self.rows.rejects.take(),
            cursor,
            ..ResponseSummary::default()
        })
    }

    fn discard(&mut self) {
        self.rows.batcher.discard();
        self.input = Vec::new();
        self.at = 0;
    }

    /// Requests a fresh list once where the URL may have expired. The storage service's text names the file, and is not
    /// quoted.
    fn refusal(&self, head: ResponseHead, _: &ErrorBody) -> Result<ResponseSummary, Fault> {
        if !is_expired(head.status) {
            return Err(file_refusal(head));
        }
        let mut files = self.files.clone();
        if files.fresh {
            return Err(Fault::Unreachable(format!("HTTP {} for a file, also with a fresh URL", head.status)));
        }
        files.again = true;
        for url in &mut files.urls {
            url.truncate(without_signature(url).len());
        }
        Ok(ResponseSummary { cursor: Some(files.to_cursor()), ..ResponseSummary::default() })
    }
}

impl ConversationRows {
    fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.sequence.push(piece)?;
        if self.sequence.is_ready() { self.parse(false) } else { Ok(()) }
    }

    fn parse(&mut self, is_last: bool) -> Result<(), Fault> {
        let Self { sequence, mapper, count, batcher, rejects } = self;
        sequence.parse::<Conversation<'_>>(is_last, |event| {
            let JsonEvent::Value(raw, conversation) = event else { return };
            *count += 1;
            let result = match conversation.as_ref() {
                Some(conversation) => match mapper.row(conversation) {
                    Ok(row) => batcher.push(&row).map(|_| ()).map_err(|bad| bad.to_string()),
                    Err(reason) => Err(reason.to_owned()),
                },
                None if std::str::from_utf8(raw).is_err() => Err("has bytes that are not UTF-8".to_owned()),
                None if raw.starts_with(b"{") => Err("has a name that is not text".to_owned()),
                None => Err("is not an object".to_owned()),
            };
            if let Err(reason) = result {
                rejects.push(format!("row {count} {reason}"), raw);
            }
        })
    }
}
