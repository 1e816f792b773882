//! A page of the list of processes. It tells which there are, and nothing of them is stored.

use super::refusal::refusal;
use super::request::{ROWS, is_id, is_key};
use crate::json::Json;
use crate::quote::malformed;
use crate::record::{Members, text};
use crate::whole::{Page, value};
use crate::words::Words;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::lead::Lead;
use domain::source::{Cursor, Head, Reject, Step};
use domain::want::Slice;
use domain::window::Window;
use entities::rows::Rows;

/// A page.
#[derive(Debug)]
pub struct List {
    window: Window,
    start: Option<String>,
}

/// By what a list that goes on in another way would say so.
const SIGNS: [&str; 4] = ["next", "key", "cursor", "last"];
/// The most that is kept of a row that could not be read.
const RAW: usize = 16 * 1024;

impl List {
    /// The page of `window` that begins at `start`.
    pub fn new(window: Window, start: Option<String>) -> Self {
        Self { window, start }
    }

    /// Where the next page begins.
    fn next(&self, page: &Members, rows: usize) -> Result<Option<Cursor>, Fault> {
        let Some(next) = page.get("next") else {
            let is_sign = |name: &str| SIGNS.iter().any(|sign| name.contains(sign));
            if rows >= ROWS && page.names().any(is_sign) {
                return Err(Fault::Refused("the list goes on in a way that is not known".to_owned()));
            }
            return Ok(None);
        };
        // The name of a parameter stands after `?` or `&`; the value is sent back to the letter.
        let query = text(next).unwrap_or_default();
        let query = query.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let start = query.split('&').find_map(|part| part.strip_prefix("start_key="));
        let start = start.filter(|start| is_key(start)).ok_or_else(|| malformed("a next page without a start_key"))?;
        if self.start.as_deref() == Some(start) {
            return Err(malformed("a next page that is this page"));
        }
        Ok(Some(Cursor(start.to_owned())))
    }

    fn lead(&self, row: &Members) -> Result<Option<Lead>, &'static str> {
        let id = row.text("process_id").filter(|id| is_id(id)).ok_or("has no process_id")?;
        let created = row.time("creation_date");
        if created.is_some_and(|at| !self.window.contains(at)) {
            // The list does not heed its dates; then it shows what nobody asked for.
            return Ok(None);
        }
        let of = created.and_then(|at| Window::new(at, at + TimeDelta::seconds(1))).unwrap_or(self.window);
        Ok(Some(Lead { slice: Slice::Key(id), of: Some(of), seen: row.time("update_date"), has_ended: false }))
    }
}

impl Page for List {
    fn read(&self, body: &str) -> Result<(Step, Vec<Rows>), Fault> {
        let page = Members::of(value(body)?).ok_or_else(|| malformed("no list of processes"))?;
        let rows = page.list("processes").filter(|_| page.has("processes"));
        let rows = rows.ok_or_else(|| malformed("no list of processes"))?;
        let mut step = Step { cursor: self.next(&page, rows.len())?, ..Step::default() };
        for (number, row) in rows.iter().enumerate() {
            let read = Members::of(row.clone()).ok_or("is no object").and_then(|row| self.lead(&row));
            match read {
                Ok(lead) => step.leads.extend(lead),
                Err(reason) => step.rejects.push(reject(number + 1, reason, row)),
            }
        }
        // What is listed is no row yet.
        step.rows = u64::try_from(step.rejects.len()).unwrap_or(u64::MAX);
        Ok((step, Vec::new()))
    }

    fn refusal(&self, head: Head, words: &Words) -> Fault {
        refusal(head, words, "Truora has no such list")
    }
}

fn reject(number: usize, reason: &str, row: &Json) -> Reject {
    let mut raw = row.to_string();
    raw.truncate(raw.floor_char_boundary(RAW));
    Reject { reason: format!("row {number} {reason}"), raw }
}
