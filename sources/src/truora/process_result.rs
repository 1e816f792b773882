//! Parses the result of one process: its row, and a row for each answer of the customer.

use super::process::Process;
use super::refusal::refusal;
use crate::error_body::ErrorBody;
use crate::json::body::{ResponseParser, parse_value};
use crate::malformed::malformed;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::item::ItemStatus;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::{BadRow, RowBatch};

/// A process expires "typically 24 hours" after its start; the source waits twice as long for its end.
const MAX_OPEN: TimeDelta = TimeDelta::hours(48);
/// An operator may override a result, so the source reads it once more, this long after the end.
const LAST_CHECK: TimeDelta = TimeDelta::days(7);

/// The result of a process.
#[derive(Debug)]
pub struct ProcessResult {
    account: String,
    id: String,
}

impl ProcessResult {
    /// The result of the process `id`.
    pub fn new(account: &str, id: String) -> Self {
        Self { account: account.to_owned(), id }
    }
}

impl ResponseParser for ProcessResult {
    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
        let process = Process::parse(parse_value(body)?).map_err(malformed)?;
        if process.id != self.id {
            return Err(malformed("the result of another process"));
        }
        let found = ItemStatus {
            version: process.updated,
            open_until: process.ended.is_none().then_some(process.created + MAX_OPEN),
            recheck_at: process.ended.map(|at| at + LAST_CHECK),
        };
        let step = ResponseSummary { rows: 1, item_status: Some(found), ..ResponseSummary::default() };
        let invalid = |bad: BadRow| malformed(bad.to_string());
        Ok((step, process.rows(&self.account).map_err(invalid)?))
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(refusal(head, body, "Truora has no such process"))
    }
}
