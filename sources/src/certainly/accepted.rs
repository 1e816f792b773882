//! The answer to the question for an export: taken, or not now. The rows come by mail.

use super::refusal::export_refusal;
use crate::words::{NOTE, Words};
use domain::fault::Fault;
use domain::source::{Head, Reader, Step};
use entities::upsert::Batch;

/// An answer that is being read.
#[derive(Debug, Default)]
pub struct Accepted {
    note: Vec<u8>,
}

impl Reader<Batch> for Accepted {
    fn feed(&mut self, _: Head, chunk: &[u8]) -> Result<(), Fault> {
        let room = NOTE.saturating_sub(self.note.len()).min(chunk.len());
        self.note.extend(chunk.iter().take(room));
        Ok(())
    }

    fn take(&mut self) -> Option<Batch> {
        None
    }

    fn finish(&mut self, head: Head) -> Result<Step, Fault> {
        match export_refusal(head, &Words::read(&self.note)) {
            Some(fault) => Err(fault),
            None => Ok(Step { awaited: true, ..Step::default() }),
        }
    }
}
