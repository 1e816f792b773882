//! The result of one process: its row, and a row for each answer of the customer.

use super::process::Process;
use super::refusal::refusal;
use crate::quote::malformed;
use crate::whole::{Page, value};
use crate::words::Words;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::lead::Found;
use domain::source::{Head, Step};
use entities::rows::{BadRow, Rows};

/// "Typically 24 hours" after its beginning a process expires; twice that is waited for its end.
const PATIENCE: TimeDelta = TimeDelta::hours(48);
/// An operator may override a result. It is looked at once more, this long after the end.
const AGAIN: TimeDelta = TimeDelta::days(7);

/// A result.
#[derive(Debug)]
pub struct Outcome {
    account: String,
    id: String,
}

impl Outcome {
    /// That of process `id`.
    pub fn new(account: &str, id: String) -> Self {
        Self { account: account.to_owned(), id }
    }
}

impl Page for Outcome {
    fn read(&self, body: &str) -> Result<(Step, Vec<Rows>), Fault> {
        let process = Process::read(value(body)?).map_err(malformed)?;
        if process.id != self.id {
            return Err(malformed("the result of another process"));
        }
        let found = Found {
            version: process.updated,
            open_until: process.ended.is_none().then_some(process.created + PATIENCE),
            look_again: process.ended.map(|at| at + AGAIN),
        };
        let step = Step { rows: 1, found: Some(found), ..Step::default() };
        let unfit = |bad: BadRow| malformed(&bad.to_string());
        Ok((step, process.rows(&self.account).map_err(unfit)?))
    }

    fn refusal(&self, head: Head, words: &Words) -> Fault {
        refusal(head, words, "Truora has no such process")
    }
}
