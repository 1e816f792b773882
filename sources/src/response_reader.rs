//! Reads one HTTP response: a body under the status 200 goes to a parser, any other body is kept as a refusal.

use crate::error_body::{ErrorBody, MAX_BYTES};
use domain::fault::Fault;
use domain::source::{Reader, ResponseHead, ResponseSummary};
use entities::rows::RowBatch;

/// Parses the body of a successful response, chunk by chunk.
pub trait BodyParser: Send {
    /// Parses the next chunk.
    ///
    /// # Errors
    /// As soon as the body cannot become a complete response any more.
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault>;

    /// The next batch of rows.
    ///
    /// # Errors
    /// Where the parser finds a fault in what it has kept of earlier chunks.
    fn take(&mut self) -> Result<Option<RowBatch>, Fault>;

    /// Ends the body.
    ///
    /// # Errors
    /// Where the body is cut off, or is a refusal under the status 200.
    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault>;

    /// Drops all rows: the response does not count.
    fn discard(&mut self);

    /// The meaning of another status than 200. `Ok` where the vendor says in this way that there are no rows.
    ///
    /// # Errors
    /// The fault that the status stands for.
    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault>;
}

/// A response that is being read. The first fault is final: it drops the rows, and every later call returns it again.
#[derive(Debug)]
pub struct ResponseReader<P> {
    parser: P,
    /// The beginning of a body under another status than 200.
    error_body: Vec<u8>,
    fault: Option<Fault>,
}

impl<P: BodyParser> ResponseReader<P> {
    /// A response of which nothing has arrived yet.
    pub fn new(parser: P) -> Self {
        Self { parser, error_body: Vec::new(), fault: None }
    }

    /// The parser, for tests that measure it.
    #[cfg(test)]
    pub fn parser(&self) -> &P {
        &self.parser
    }

    /// Runs `step` unless a fault was found before, and keeps a fault that it finds.
    fn latch<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let result = step(self);
        if let Err(fault) = &result {
            self.fault = Some(fault.clone());
            self.parser.discard();
        }
        result
    }
}

impl<P: BodyParser> Reader<RowBatch> for ResponseReader<P> {
    fn feed(&mut self, head: ResponseHead, chunk: &[u8]) -> Result<(), Fault> {
        self.latch(|reader| {
            if head.status == 200 {
                return reader.parser.feed(chunk);
            }
            let room = MAX_BYTES.saturating_sub(reader.error_body.len()).min(chunk.len());
            reader.error_body.extend(chunk.iter().take(room));
            Ok(())
        })
    }

    /// A fault that shows here is returned by the next call of [`Reader::feed`] or [`Reader::finish`].
    fn take(&mut self) -> Option<RowBatch> {
        self.latch(|reader| reader.parser.take()).ok().flatten()
    }

    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.latch(|reader| {
            if head.status == 200 {
                return reader.parser.finish(head);
            }
            reader.parser.refusal(head, &ErrorBody::parse(&reader.error_body))
        })
    }
}
