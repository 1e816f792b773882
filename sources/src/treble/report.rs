//! The report of sessions that can be downloaded, `general_sessions_report_*.csv`.

use super::phone;
use super::question::is_id;
use super::session::put_phone;
use super::shelf::Shelf;
use crate::grid::Sheet;
use crate::json::Json;
use crate::moment::instant;
use crate::plain::plain;
use crate::quote::malformed;
use crate::record::{Field, Kind, Members, field, named};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::fault::Fault;
use domain::lead::Lead;
use entities::rows::Cell;
use entities::shape::Table;
use entities::tables::treble_sessions::Entity;
use entities::upsert::Batch;
use xxhash_rust::xxh3::xxh3_128;

const ID: &str = "session_id";
const PHONE: &str = "user_cellphone";
const STARTED: &str = "session_started_timestamp";
/// The columns besides those three, by their names in the file.
const FIELDS: [Field; 9] = [
    named("poll_id", "poll_id", Kind::Text),
    named("cellphone", PHONE, Kind::Text),
    named("first_message_at", "first_message_timestamp", Kind::Time),
    named("last_message_at", "last_message_timestamp", Kind::Time),
    named("finished_at", "session_finished_timestamp", Kind::Time),
    field("session_status", Kind::Text),
    field("conversation_version", Kind::Text),
    field("last_message", Kind::Text),
    field("last_node_id", Kind::Text),
];

/// A report that is being read.
#[derive(Debug)]
pub struct Report {
    account: String,
    names: Vec<String>,
    shelf: Shelf,
}

impl Report {
    /// Nothing of it yet.
    pub fn new(account: &str) -> Self {
        Self { account: account.to_owned(), names: Vec::new(), shelf: Shelf::new(Entity::shape()) }
    }
}

impl Sheet for Report {
    fn head(&mut self, names: &[String]) -> Result<(), Fault> {
        let known = || FIELDS.iter().map(|field| field.name).chain([ID, STARTED]);
        let name = |(place, name): (usize, &String)| {
            let found = known().find(|known| plain(known) == plain(name));
            let own = if name.trim().is_empty() { format!("column {}", place + 1) } else { name.trim().to_owned() };
            found.map_or(own, str::to_owned)
        };
        self.names = names.iter().enumerate().map(name).collect();
        let has = |wanted: &str| self.names.iter().any(|name| name == wanted);
        if has(PHONE) && has(STARTED) {
            return Ok(());
        }
        Err(malformed("no report of sessions: its first line names no user_cellphone, or no session_started_timestamp"))
    }

    fn row(&mut self, cells: &[String]) -> Result<(), &'static str> {
        let cells = self.names.iter().cloned().zip(cells.iter().map(|cell| Json::Text(cell.trim().to_owned())));
        let mut members = Members::named(cells);
        let started = members.text(STARTED).and_then(|text| instant(&text));
        let started = started.ok_or("has no start that could be read")?;
        let digits = members.text(PHONE).and_then(|text| phone::digits_of(&text));
        let id = match members.text(ID) {
            Some(id) if is_id(&id) => id,
            Some(_) => return Err("has an id that is none"),
            None => stand_in(digits.as_deref().ok_or("has no phone")?, started),
        };
        for name in [ID, STARTED] {
            members.take(name);
        }
        let mut row = self.shelf.row(&self.account);
        row.put("session_id", Cell::Text(id.into()));
        row.put("created_at", Cell::Time(started));
        put_phone(&mut row, digits);
        members.fill(&mut row, &FIELDS);
        row.put("extra", members.rest());
        self.shelf.push(&row).map_err(|_| "does not fit into a row")
    }

    fn take(&mut self) -> Option<Batch> {
        self.shelf.take()
    }

    /// It names no session that could be asked for.
    fn finish(&mut self) -> Vec<Lead> {
        self.shelf.close();
        Vec::new()
    }

    fn clear(&mut self) {
        self.shelf.clear();
    }
}

/// What tells a session apart that has no id: who and when.
fn stand_in(digits: &str, started: DateTime<Utc>) -> String {
    let parts = [phone::tail(digits), &started.to_rfc3339_opts(SecondsFormat::Micros, true)].join("|");
    format!("csv:{:032x}", xxh3_128(parts.as_bytes()))
}
