//! The list of polls. Each is to be asked for its sessions by itself: one that always fails stops no other.

use super::entries::Each;
use super::question::is_id;
use super::shelf::Shelf;
use super::spelling::settled;
use crate::json::Json;
use crate::record::{Field, Kind, Members, field};
use domain::lead::Lead;
use domain::source::Step;
use domain::want::Slice;
use domain::window::Window;
use entities::rows::Cell;
use entities::shape::Table;
use entities::tables::treble_polls::Entity;
use entities::upsert::Batch;

const FIELDS: [Field; 3] = [field("name", Kind::Text), field("settings", Kind::Json), field("created_at", Kind::Time)];

/// Polls, and the window that their sessions are wanted of.
#[derive(Debug)]
pub struct Polls {
    account: String,
    window: Window,
    shelf: Shelf,
    leads: Vec<Lead>,
}

impl Polls {
    /// None yet.
    pub fn new(account: &str, window: Window) -> Self {
        Self { account: account.to_owned(), window, shelf: Shelf::new(Entity::shape()), leads: Vec::new() }
    }
}

impl Each for Polls {
    const MISSING: &'static str = "Treble has no such list of polls";

    fn add(&mut self, entry: Json) -> Result<(), String> {
        let mut members = Members::of(settled(entry)).ok_or("is no object")?;
        let id = members.text("id").filter(|id| is_id(id)).ok_or("has no id")?;
        members.take("id");
        let mut row = self.shelf.row(&self.account);
        row.put("poll_id", Cell::Text(id.as_str().into()));
        members.fill(&mut row, &FIELDS);
        row.put("extra", members.rest());
        self.shelf.push(&row).map_err(|bad| bad.to_string())?;
        self.leads.push(Lead { slice: Slice::Part(id, self.window), of: None, seen: None, has_ended: false });
        Ok(())
    }

    fn take(&mut self) -> Option<Batch> {
        self.shelf.take()
    }

    /// A poll has no place in time, and does not count among a window's rows.
    fn finish(&mut self, _: u64) -> Step {
        self.shelf.close();
        Step { leads: std::mem::take(&mut self.leads), ..Step::default() }
    }

    fn clear(&mut self) {
        self.shelf.clear();
        self.leads.clear();
    }
}
