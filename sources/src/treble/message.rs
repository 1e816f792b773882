//! A session's history: a row for each entry, be it a message or not.

use super::entries::Each;
use super::question::Session;
use super::shelf::Shelf;
use super::spelling::settled;
use crate::json::Json;
use crate::record::{Field, Kind, Members, field};
use chrono::TimeDelta;
use domain::lead::Found;
use domain::source::Step;
use entities::rows::Cell;
use entities::shape::Table;
use entities::tables::treble_messages::Entity;
use entities::upsert::Batch;

const FIELDS: [Field; 7] = [
    field("type", Kind::Text),
    field("sender", Kind::Text),
    field("text", Kind::Text),
    field("file_url", Kind::Text),
    field("created_at", Kind::Time),
    field("delivered_at", Kind::Time),
    field("read_at", Kind::Time),
];
/// "Replies arrive after session creation", and some sessions never close: they are looked at for so long.
const PATIENCE: TimeDelta = TimeDelta::days(7);

/// A history.
#[derive(Debug)]
pub struct Messages {
    account: String,
    session: Session,
    shelf: Shelf,
    ordinal: i64,
}

impl Messages {
    /// That of `session`.
    pub fn new(account: &str, session: Session) -> Self {
        Self { account: account.to_owned(), session, shelf: Shelf::new(Entity::shape()), ordinal: 0 }
    }
}

impl Each for Messages {
    const MISSING: &'static str = "Treble has no such session";

    fn add(&mut self, entry: Json) -> Result<(), String> {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        let entry = settled(entry);
        let mut members = Members::of(entry.clone()).unwrap_or_else(|| Members::one("entry", entry));
        let mut row = self.shelf.row(&self.account);
        row.put("session_id", Cell::Text(self.session.id.as_str().into()));
        row.put("ordinal", Cell::Int(ordinal));
        row.put("session_created_at", Cell::Time(self.session.created));
        let kind = members.text("type");
        if let Some(kind) = &kind {
            members.take("type");
            row.put("entry_type", Cell::Text(kind.clone().into()));
        }
        let is_message = kind.as_deref() == Some("MESSAGE");
        let message = members.get("message").filter(|_| is_message).cloned().and_then(Members::of);
        if let Some(mut message) = message {
            members.take("message");
            message.fill(&mut row, &FIELDS);
            members = message.and(members);
        }
        row.put("extra", members.rest());
        self.shelf.push(&row).map_err(|bad| bad.to_string())
    }

    fn take(&mut self) -> Option<Batch> {
        self.shelf.take()
    }

    /// A history does not tell whether its session has ended; the list does. Messages may be delivered, and read, after the
    /// end: what has ended is looked at once more.
    fn finish(&mut self, count: u64) -> Step {
        self.shelf.close();
        let late = Some(self.session.created + PATIENCE);
        let found = Found { version: None, open_until: late, look_again: late };
        Step { rows: count, found: Some(found), ..Step::default() }
    }

    fn clear(&mut self) {
        self.shelf.clear();
    }
}
