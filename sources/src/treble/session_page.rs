//! Parses a page of a poll's sessions.

use super::query::is_next_id;
use super::refusal::refusal;
use super::session;
use crate::error_body::ErrorBody;
use crate::json::body::{ResponseParser, parse_value};
use crate::malformed::malformed;
use crate::members::{Members, scalar_text};
use crate::reject_log::RejectLog;
use crate::row_batcher::RowBatcher;
use domain::fault::Fault;
use domain::source::{Cursor, ResponseHead, ResponseSummary};
use entities::rows::RowBatch;
use entities::schema::VendorTable;
use entities::treble_sessions::Entity;

/// A page of sessions.
#[derive(Debug)]
pub struct SessionPage {
    account: String,
    poll: String,
    next: Option<String>,
}

impl SessionPage {
    /// The page of `poll` that begins at `next`.
    pub fn new(account: &str, poll: String, next: Option<String>) -> Self {
        Self { account: account.to_owned(), poll, next }
    }

    /// The cursor of the next page.
    fn cursor(&self, page: &Members) -> Result<Option<Cursor>, Fault> {
        let Some(next) = page.get("next_id") else { return Ok(None) };
        let next = scalar_text(next).filter(|next| is_next_id(next)).ok_or_else(|| malformed("an invalid next_id"))?;
        if self.next.as_ref() == Some(&next) {
            return Err(malformed("a next page that is the same page"));
        }
        Ok(Some(Cursor(next)))
    }
}

impl ResponseParser for SessionPage {
    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
        let page = Members::of(parse_value(body)?).ok_or_else(|| malformed("not a page of sessions"))?;
        let results = page.list("results").filter(|_| page.has("results"));
        let results = results.ok_or_else(|| malformed("not a page of sessions"))?;
        let count = u64::try_from(results.len()).unwrap_or(u64::MAX);
        let mut step = ResponseSummary { rows: count, cursor: self.cursor(&page)?, ..ResponseSummary::default() };
        let schema = Entity::schema();
        let mut batcher = RowBatcher::merging(schema, session::merge_rules(schema));
        let mut rejects = RejectLog::default();
        for (index, result) in results.into_iter().enumerate() {
            let raw = result.to_string();
            match session::store(&mut batcher, &self.account, &self.poll, result) {
                Ok(item) => step.items.push(item),
                Err(reason) => rejects.push(format!("row {} {reason}", index + 1), raw.as_bytes()),
            }
        }
        step.rejects = rejects.take();
        batcher.close();
        Ok((step, std::iter::from_fn(|| batcher.take()).collect()))
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(refusal(head, body, "Treble has no such poll"))
    }
}
