//! A page of a poll's sessions.

use super::question::is_next;
use super::refusal::refusal;
use super::session;
use super::shelf::Shelf;
use crate::quote::malformed;
use crate::record::{Members, text};
use crate::whole::{self, value};
use crate::words::Words;
use domain::fault::Fault;
use domain::source::{Cursor, Head, Reject, Step};
use entities::rows::Rows;
use entities::shape::Table;
use entities::tables::treble_sessions::Entity;

/// The most that is kept of a row that could not be read.
const RAW: usize = 16 * 1024;

/// A page.
#[derive(Debug)]
pub struct Page {
    account: String,
    poll: String,
    next: Option<String>,
}

impl Page {
    /// The page of `poll` that begins at `next`.
    pub fn new(account: &str, poll: String, next: Option<String>) -> Self {
        Self { account: account.to_owned(), poll, next }
    }

    /// Where the next page begins.
    fn cursor(&self, page: &Members) -> Result<Option<Cursor>, Fault> {
        let Some(next) = page.get("next_id") else { return Ok(None) };
        let next = text(next).filter(|next| is_next(next)).ok_or_else(|| malformed("a next_id that is none"))?;
        if self.next.as_ref() == Some(&next) {
            return Err(malformed("a next page that is this page"));
        }
        Ok(Some(Cursor(next)))
    }
}

impl whole::Page for Page {
    fn read(&self, body: &str) -> Result<(Step, Vec<Rows>), Fault> {
        let page = Members::of(value(body)?).ok_or_else(|| malformed("no page of sessions"))?;
        let results = page.list("results").filter(|_| page.has("results"));
        let results = results.ok_or_else(|| malformed("no page of sessions"))?;
        let count = u64::try_from(results.len()).unwrap_or(u64::MAX);
        let mut step = Step { rows: count, cursor: self.cursor(&page)?, ..Step::default() };
        let mut shelf = Shelf::new(Entity::shape());
        for (number, result) in results.into_iter().enumerate() {
            let raw = result.to_string();
            match session::store(&mut shelf, &self.account, &self.poll, result) {
                Ok(lead) => step.leads.push(lead),
                Err(reason) => {
                    let raw = raw.get(..raw.floor_char_boundary(RAW)).unwrap_or_default().to_owned();
                    step.rejects.push(Reject { reason: format!("row {} {reason}", number + 1), raw });
                }
            }
        }
        shelf.close();
        Ok((step, std::iter::from_fn(|| shelf.take()).collect()))
    }

    fn refusal(&self, head: Head, words: &Words) -> Fault {
        refusal(head, words, "Treble has no such poll")
    }
}
