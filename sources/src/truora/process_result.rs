//! Parses the result of one process: its row, and a row for each answer of the customer.

use super::process::Process;
use super::refusal::refusal;
use crate::error_body::ErrorBody;
use crate::json::body::{ResponseParser, over_limit, parse_value};
use crate::malformed::malformed;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::item::ItemStatus;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::{BadRow, RowBatch};

/// How long the source reads a process again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// No process is open longer after its start.
    pub expires_after: TimeDelta,
    /// How long after its end the source reads a process once more.
    pub recheck_after: TimeDelta,
}

/// The result of a process.
#[derive(Debug)]
pub struct ProcessResult {
    account: String,
    id: String,
    lifetime: Lifetime,
}

impl ProcessResult {
    /// The result of the process `id`.
    pub fn new(account: &str, id: String, lifetime: Lifetime) -> Self {
        Self { account: account.to_owned(), id, lifetime }
    }
}

impl ResponseParser for ProcessResult {
    fn too_large(&self, size: u64) -> Result<ResponseSummary, Fault> {
        Err(over_limit(&format!("the result of process {}", self.id), size, Self::MAX_BODY))
    }

    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
        let Lifetime { expires_after, recheck_after } = self.lifetime;
        let process = Process::parse(parse_value(body)?, expires_after).map_err(malformed)?;
        if process.id != self.id {
            return Err(malformed("the result of another process"));
        }
        let found = ItemStatus {
            version: process.updated,
            open_until: process.ended.is_none().then_some(process.created + expires_after),
            recheck_at: process.ended.map(|at| at + recheck_after),
        };
        let step = ResponseSummary { rows: 1, item_status: Some(found), ..ResponseSummary::default() };
        let invalid = |bad: BadRow| malformed(bad.to_string());
        Ok((step, process.rows(&self.account).map_err(invalid)?))
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(refusal(head, body, "Truora has no such process"))
    }
}
