//! Parses a page of the list of processes. The page names processes; nothing of it is stored.

use super::list_call::ListCall;
use super::query::{is_id, is_start_key};
use super::refusal::refusal;
use crate::error_body::ErrorBody;
use crate::json::body::{ResponseParser, over_limit, parse_value};
use crate::malformed::malformed;
use crate::members::{Members, scalar_text};
use crate::page_position::PagePosition;
use crate::reject_log::RejectLog;
use chrono::TimeDelta;
use domain::fault::Fault;
use domain::item::Item;
use domain::slice::Slice;
use domain::source::{Cursor, ResponseHead, ResponseSummary};
use domain::window::Window;
use entities::rows::RowBatch;

/// A page of the list.
#[derive(Debug)]
pub struct ProcessList {
    call: ListCall,
    window: Window,
    position: PagePosition,
}

/// Parts of the names by which a list with another kind of paging would show it.
const PAGING_NAMES: [&str; 4] = ["next", "key", "cursor", "last"];

/// The operator's next step after a list call that the vendor refuses.
const UNKNOWN_PARAMETERS: &str = "Truora documents no parameters of this call: check list_query and list_page_size";

impl ProcessList {
    /// The page of `window` at `position`, as `call` requested it.
    pub fn new(call: ListCall, window: Window, position: PagePosition) -> Self {
        Self { call, window, position }
    }

    /// The cursor of the next page.
    fn next_page(&self, page: &Members, rows: usize) -> Result<Option<Cursor>, Fault> {
        let Some(next) = page.get("next") else {
            let is_paging = |name: &str| PAGING_NAMES.iter().any(|part| name.contains(part));
            if rows >= usize::from(self.position.rows.unwrap_or(self.call.page_size)) && page.names().any(is_paging) {
                return Err(Fault::Refused("the list has a kind of paging that this version does not know".to_owned()));
            }
            return Ok(None);
        };
        // The source sends the value back unchanged, so it is not decoded.
        let query = scalar_text(next).unwrap_or_default();
        let query = query.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let name = &self.call.next_parameter;
        let mut parts = query.split('&').filter_map(|part| part.split_once('='));
        let start = parts.find_map(|(key, start)| (key == name).then_some(start));
        let start = start.filter(|start| is_start_key(start));
        let start =
            start.ok_or_else(|| malformed(format!("a next page without a {name}; check list_next_parameter")))?;
        if self.position.start.as_deref() == Some(start) {
            return Err(malformed("a next page that is the same page"));
        }
        Ok(Some(self.position.next(start.to_owned()).to_cursor()))
    }

    fn item(&self, row: &Members) -> Result<Option<Item>, &'static str> {
        let id = row.text("process_id").filter(|id| is_id(id)).ok_or("has no process_id")?;
        let created = row.time("creation_date");
        if created.is_some_and(|at| !self.window.contains(at)) {
            // The list ignores the dates of the request.
            return Ok(None);
        }
        let of = created.and_then(|at| Window::new(at, at + TimeDelta::seconds(1))).unwrap_or(self.window);
        Ok(Some(Item {
            slice: Slice::Item(id),
            scope: Some(of),
            seen_version: row.time("update_date"),
            has_ended: false,
        }))
    }
}

impl ResponseParser for ProcessList {
    /// Requests the page again with fewer rows, if the call can say how many.
    fn too_large(&self, size: u64) -> Result<ResponseSummary, Fault> {
        let fewer = self.position.with_fewer_rows(self.call.page_size).filter(|_| self.call.has_page_size());
        let fewer = fewer.ok_or_else(|| {
            let rows = self.position.rows.unwrap_or(self.call.page_size);
            over_limit(&format!("a page of the list of processes with at most {rows} rows"), size, Self::MAX_BODY)
        })?;
        Ok(ResponseSummary { cursor: Some(fewer.to_cursor()), ..ResponseSummary::default() })
    }

    fn parse(&mut self, body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
        let page = Members::of(parse_value(body)?).ok_or_else(|| malformed("not a list of processes"))?;
        let rows = page.list("processes").filter(|_| page.has("processes"));
        let rows = rows.ok_or_else(|| malformed("not a list of processes"))?;
        let mut step = ResponseSummary { cursor: self.next_page(&page, rows.len())?, ..ResponseSummary::default() };
        let mut rejects = RejectLog::default();
        for (index, row) in rows.iter().enumerate() {
            let item = Members::of(row.clone()).ok_or("is not an object").and_then(|row| self.item(&row));
            match item {
                Ok(item) => step.items.extend(item),
                Err(reason) => rejects.push(format!("row {} {reason}", index + 1), row.to_string().as_bytes()),
            }
        }
        step.rejects = rejects.take();
        // A process that the page names is not a row yet.
        step.rows = u64::try_from(step.rejects.len()).unwrap_or(u64::MAX);
        Ok((step, Vec::new()))
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(match refusal(head, body, "Truora has no such list") {
            Fault::Refused(text) if head.status == 400 => Fault::Refused(format!("{text}; {UNKNOWN_PARAMETERS}")),
            fault => fault,
        })
    }
}
