//! Parses the list of polls. The worker fetches the sessions of each poll by itself, so that a poll that always fails stops no
//! other.

use super::query::is_id;
use super::refusal::refusal;
use super::timestamps::normalize_timestamps;
use crate::error_body::ErrorBody;
use crate::json::Json;
use crate::json::array::EntryHandler;
use crate::members::{Mapping, Members, ValueType, same_name};
use crate::row_batcher::RowBatcher;
use domain::fault::Fault;
use domain::item::Item;
use domain::slice::Slice;
use domain::source::{ResponseHead, ResponseSummary};
use domain::window::Window;
use entities::rows::Cell;
use entities::rows::RowBatch;
use entities::schema::VendorTable;
use entities::treble_polls::Entity;

/// The columns of a poll that have the vendor's names.
const POLL: [Mapping; 3] = [
    same_name("name", ValueType::Text),
    same_name("settings", ValueType::Json),
    same_name("created_at", ValueType::Time),
];

/// The polls, and the window whose sessions the worker fetches.
#[derive(Debug)]
pub struct PollList {
    account: String,
    window: Window,
    batcher: RowBatcher,
    items: Vec<Item>,
}

impl PollList {
    /// No polls yet.
    pub fn new(account: &str, window: Window) -> Self {
        Self { account: account.to_owned(), window, batcher: RowBatcher::new(Entity::schema()), items: Vec::new() }
    }
}

impl EntryHandler for PollList {
    fn add(&mut self, entry: Json) -> Result<(), String> {
        let mut members = Members::of(normalize_timestamps(entry)).ok_or("is not an object")?;
        let id = members.text("id").filter(|id| is_id(id)).ok_or("has no valid id")?;
        members.take("id");
        let mut row = self.batcher.row(&self.account);
        row.set_named("poll_id", Cell::Text(id.as_str().into()));
        members.fill(&mut row, &POLL);
        row.set_named("extra", members.into_extra());
        self.batcher.push(&row).map_err(|bad| bad.to_string())?;
        self.items.push(Item {
            slice: Slice::Partition(id, self.window),
            scope: None,
            seen_version: None,
            has_ended: false,
        });
        Ok(())
    }

    fn take(&mut self) -> Option<RowBatch> {
        self.batcher.take()
    }

    /// A poll belongs to no time, so polls do not count as rows of the window.
    fn finish(&mut self, _: u64) -> ResponseSummary {
        self.batcher.close();
        ResponseSummary { items: std::mem::take(&mut self.items), ..ResponseSummary::default() }
    }

    fn discard(&mut self) {
        self.batcher.discard();
        self.items.clear();
    }

    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Fault {
        refusal(head, body, "Treble has no such list of polls")
    }
}
