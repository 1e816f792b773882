//! Parses a page of a poll's sessions.

use super::query::is_next_id;
use super::refusal::refusal;
use super::request::PAGE_SIZE;
use super::session;
use crate::error_body::ErrorBody;
use crate::json::body::{ResponseParser, over_limit, parse_value};
use crate::malformed::malformed;
use crate::members::{Members, scalar_text};
use crate::page_position::PagePosition;
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
    position: PagePosition,
}

impl SessionPage {
    /// The page of `poll` at `position`.
    pub fn new(account: &str, poll: String, position: PagePosition) -> Self {
        Self { account: account.to_owned(), poll, position }
    }

    /// The cursor of the next page.
    fn cursor(&self, page: &Members) -> Result<Option<Cursor>, Fault> {
        let Some(next) = page.get("next_id") else { return Ok(None) };
        let next = scalar_text(next).filter(|next| is_next_id(next)).ok_or_else(|| malformed("an invalid next_id"))?;
        if self.position.start.as_ref() == Some(&next) {
            return Err(malformed("a next page that is the same page"));
        }
        Ok(Some(self.position.next(next).to_cursor()))
    }
}

impl ResponseParser for SessionPage {
    /// Requests the page again with fewer sessions.
    fn too_large(&self, size: u64) -> Result<ResponseSummary, Fault> {
        let fewer = self.position.with_fewer_rows(PAGE_SIZE).ok_or_else(|| {
            over_limit(&format!("a page of poll {} with a single session", self.poll), size, Self::MAX_BODY)
        })?;
        Ok(ResponseSummary { cursor: Some(fewer.to_cursor()), ..ResponseSummary::default() })
    }

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
