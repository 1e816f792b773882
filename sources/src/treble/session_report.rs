//! Reads the downloadable report of sessions, `general_sessions_report_*.csv`.

use super::phone;
use super::query::is_id;
use super::session::{LISTED, SHARED, put_phone};
use crate::csv_reader::{CsvRowHandler, RowError};
use crate::json::Json;
use crate::malformed::malformed;
use crate::members::{Mapping, Members, ValueType, renamed, same_name};
use crate::normalize::normalize;
use crate::row_batcher::RowBatcher;
use crate::stand_in_id::stand_in_id;
use chrono::{DateTime, SecondsFormat, Utc};
use domain::fault::Fault;
use domain::item::Item;
use entities::merge_rules::{MergeRule, MergeRules};
use entities::rows::Cell;
use entities::rows::RowBatch;
use entities::schema::VendorTable;
use entities::treble_sessions::Entity;

const ID: &str = "session_id";
const PHONE: &str = "user_cellphone";
const STARTED: &str = "session_started_timestamp";
/// The columns besides those three.
const SESSION: [Mapping; 9] = [
    same_name("poll_id", ValueType::Text),
    renamed("cellphone", PHONE, ValueType::Text),
    renamed("first_message_at", "first_message_timestamp", ValueType::Time),
    renamed("last_message_at", "last_message_timestamp", ValueType::Time),
    renamed("finished_at", "session_finished_timestamp", ValueType::Time),
    same_name("session_status", ValueType::Text),
    same_name("conversation_version", ValueType::Text),
    same_name("last_message", ValueType::Text),
    same_name("last_node_id", ValueType::Text),
];

/// A report that is being read.
#[derive(Debug)]
pub struct SessionReport {
    account: String,
    names: Vec<String>,
    batcher: RowBatcher,
}

impl SessionReport {
    /// A report of which nothing has arrived yet.
    pub fn new(account: &str) -> Self {
        Self { account: account.to_owned(), names: Vec::new(), batcher: RowBatcher::new(Entity::schema()) }
    }
}

impl CsvRowHandler for SessionReport {
    fn header(&mut self, names: &[String]) -> Result<(), Fault> {
        let known = || SESSION.iter().map(|mapping| mapping.member).chain([ID, STARTED]);
        let name = |(index, name): (usize, &String)| {
            let found = known().find(|known| normalize(known) == normalize(name));
            let own = if name.trim().is_empty() { format!("column {}", index + 1) } else { name.trim().to_owned() };
            found.map_or(own, str::to_owned)
        };
        self.names = names.iter().enumerate().map(name).collect();
        let has = |wanted: &str| self.names.iter().any(|name| name == wanted);
        if has(PHONE) && has(STARTED) {
            self.batcher = RowBatcher::merging(Entity::schema(), merge_rules(&self.names));
            return Ok(());
        }
        Err(malformed(
            "not a report of sessions: the first line names no user_cellphone, or no session_started_timestamp",
        ))
    }

    fn row(&mut self, cells: &[String]) -> Result<(), RowError> {
        let reject = |reason: &str| RowError::Reject(reason.to_owned());
        let cells = self.names.iter().cloned().zip(cells.iter().map(|cell| Json::Text(cell.trim().to_owned())));
        let mut members = Members::from_pairs(cells);
        let started = members.time(STARTED).ok_or_else(|| reject("has no valid start"))?;
        let digits = members.text(PHONE).and_then(|text| phone::digits_of(&text));
        let id = match members.text(ID) {
            Some(id) if is_id(&id) => id,
            Some(_) => return Err(reject("has an invalid session_id")),
            None => hashed_id(digits.as_deref().ok_or_else(|| reject("has no phone"))?, started),
        };
        for name in [ID, STARTED] {
            members.take(name);
        }
        let mut row = self.batcher.row(&self.account);
        row.set_named("session_id", Cell::Text(id.into()));
        row.set_named("created_at", Cell::Time(started));
        put_phone(&mut row, digits);
        members.fill(&mut row, &SESSION);
        row.set_named("report_extra", members.into_extra());
        // A report does not know what a list would put here.
        row.set_named("extra", Cell::Json("{}".into()));
        self.batcher.push(&row).map(|_| ()).map_err(|bad| RowError::Reject(bad.to_string()))
    }

    fn take(&mut self) -> Option<RowBatch> {
        self.batcher.take()
    }

    /// A report names no session that a request can fetch.
    fn finish(&mut self) -> Vec<Item> {
        self.batcher.close();
        Vec::new()
    }

    fn discard(&mut self) {
        self.batcher.discard();
    }
}

/// How a row of a report with the columns `names` meets a stored session: a list knows better what both have, and a column
/// that the report lacks stays.
fn merge_rules(names: &[String]) -> MergeRules {
    let is_shared = |column: &&str| LISTED.contains(column) || SHARED.contains(column);
    let named = SESSION.iter().filter(|mapping| names.iter().any(|name| name == mapping.member));
    let own = named.map(|mapping| mapping.column).filter(|column| !is_shared(column));
    let is_known =
        |name: &String| SESSION.iter().any(|mapping| mapping.member == name) || name == ID || name == STARTED;
    let extra_rule = if names.iter().all(is_known) { MergeRule::FillNull } else { MergeRule::Replace };
    MergeRules::keep_all(Entity::schema())
        .with(MergeRule::FillNull, LISTED.into_iter().chain(SHARED))
        .with(MergeRule::Replace, own)
        .with(extra_rule, ["report_extra"])
}

/// The id of a session that has none: a hash of phone and start.
fn hashed_id(digits: &str, started: DateTime<Utc>) -> String {
    stand_in_id("csv:", &[phone::tail(digits), &started.to_rfc3339_opts(SecondsFormat::Micros, true)])
}
