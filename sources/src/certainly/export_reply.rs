//! Parses the response to a request for an export. The vendor accepts or declines; the rows come by mail.

use super::refusal::export_refusal;
use crate::error_body::{ErrorBody, MAX_BYTES};
use crate::response_reader::BodyParser;
use domain::fault::Fault;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;

/// A response that is being parsed.
#[derive(Debug, Default)]
pub struct ExportReply {
    body: Vec<u8>,
}

impl BodyParser for ExportReply {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let room = MAX_BYTES.saturating_sub(self.body.len()).min(chunk.len());
        self.body.extend(chunk.iter().take(room));
        Ok(())
    }

    fn take(&mut self) -> Result<Option<RowBatch>, Fault> {
        Ok(None)
    }

    fn finish(&mut self, head: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.refusal(head, &ErrorBody::parse(&self.body))
    }

    fn discard(&mut self) {}

    /// The vendor may accept with any status of success.
    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        match export_refusal(head, body) {
            Some(fault) => Err(fault),
            None => Ok(ResponseSummary { by_mail: true, ..ResponseSummary::default() }),
        }
    }
}
