//! Parses a body that is short enough to be parsed once all of it has arrived.

use super::Json;
use crate::error_body::ErrorBody;
use crate::malformed::malformed;
use crate::preamble::json_text;
use crate::response_reader::BodyParser;
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use std::collections::VecDeque;

/// The longest body in bytes: a hundred rows of 20 kB. The parsed value takes a multiple of that.
const MAX_BODY: usize = 2 << 20;
/// The longest body in bytes that is received to its end to learn its size.
const MAX_SKIPPED: u64 = 64 << 20;

/// Parses the text of a whole response.
pub trait ResponseParser: Send {
    /// The longest body in bytes.
    const MAX_BODY: usize = MAX_BODY;

    /// What follows a body of `size` bytes, which is over [`Self::MAX_BODY`]: a request for fewer rows.
    ///
    /// # Errors
    /// [`Fault::TooLarge`] where the vendor cannot be asked for less.
    fn too_large(&self, size: u64) -> Result<ResponseSummary, Fault> {
        Err(over_limit("the answer", size, Self::MAX_BODY))
    }

    /// The result of a body, and its rows.
    ///
    /// # Errors
    /// Where the body has an unexpected shape.
    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault>;

    /// The meaning of another status than 200. `Ok` where the vendor says in this way that there are no rows.
    ///
    /// # Errors
    /// The fault that the status stands for.
    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault>;
}

/// A body that is arriving. There are no rows before its end: half a response counts for nothing.
#[derive(Debug)]
pub struct JsonBody<P> {
    parser: P,
    body: Vec<u8>,
    /// The bytes that arrived. Of a body over the limit none is kept.
    size: u64,
    rows: VecDeque<RowBatch>,
}

impl<P: ResponseParser> JsonBody<P> {
    /// A body of which nothing has arrived yet.
    pub fn new(parser: P) -> Self {
        Self { parser, body: Vec::new(), size: 0, rows: VecDeque::new() }
    }
}

impl<P: ResponseParser> BodyParser for JsonBody<P> {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        self.size = self.size.saturating_add(chunk.len() as u64);
        if self.size > MAX_SKIPPED {
            return Err(over_limit("the answer", self.size, P::MAX_BODY));
        }
        if self.size > P::MAX_BODY as u64 {
            self.body = Vec::new();
        } else {
            self.body.extend_from_slice(chunk);
        }
        Ok(())
    }

    fn take(&mut self) -> Result<Option<RowBatch>, Fault> {
        Ok(self.rows.pop_front())
    }

    fn finish(&mut self, _: ResponseHead) -> Result<ResponseSummary, Fault> {
        if self.size > P::MAX_BODY as u64 {
            return self.parser.too_large(self.size);
        }
        let body = std::mem::take(&mut self.body);
        let (step, rows) = self.parser.parse(json_text(&body)?)?;
        self.rows.extend(rows);
        Ok(step)
    }

    fn discard(&mut self) {
        self.body = Vec::new();
        self.rows.clear();
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        self.parser.refusal(head, body)
    }
}

/// The fault of `what`, whose `size` is over `limit`. It names both: an operator compares them.
pub fn over_limit(what: &str, size: u64, limit: usize) -> Fault {
    Fault::TooLarge(format!("{what} has {size} bytes or more, over the limit of {limit}"))
}

/// The JSON value that is all of `body`.
///
/// # Errors
/// [`Fault::Malformed`] where the body is cut off, or not JSON; the text quotes nothing.
pub fn parse_value(body: &str) -> Result<Json, Fault> {
    Json::parse(body).ok_or_else(|| malformed("the body is cut off, or not JSON"))
}
