//! One message, from the names and values that were said about it to its row.

use super::fields::{FIELDS, cell, id};
use super::names::{Meaning, meaning};
use crate::json::Json;
use chrono::{DateTime, SecondsFormat, Utc};
use entities::rows::{Cell, Row};
use entities::shape::Table;
use entities::tables::certainly_messages::Entity;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_128;

/// A message that could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// Its fields, in their order.
    pub cells: Vec<Cell<'static>>,
    /// What has no column, as JSON.
    pub extra: String,
}

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It lacks what a row must have.
    Reason(&'static str),
    /// It is another bot's.
    Stranger,
}

/// A message in the making.
#[derive(Debug)]
pub struct Draft {
    said: Vec<Option<Said>>,
    parts: Vec<(usize, Vec<String>, String, Json)>,
    extra: BTreeMap<String, Json>,
    bots: Vec<(String, Json)>,
}

/// What a field was said to be, and under which name.
#[derive(Debug)]
struct Said {
    name: String,
    value: Json,
}

const ID: usize = 0;
const TIMESTAMP: usize = 1;
const MESSAGE: usize = 2;
const CONVERSATION: usize = 4;

impl Draft {
    /// Nothing said yet.
    pub fn new() -> Self {
        let said = FIELDS.iter().map(|_| None).collect();
        Self { said, parts: Vec::new(), extra: BTreeMap::new(), bots: Vec::new() }
    }

    /// Notes that `name`, which stands for `means`, is `value`.
    pub fn note(&mut self, name: &str, means: &Meaning, value: Json) {
        if value.is_empty() {
            return;
        }
        match means {
            Meaning::Field(place) => self.note_field(*place, name, value),
            Meaning::Whole(whole) => self.note_whole(whole, name, value),
            Meaning::Part(place, path) => self.parts.push((*place, path.clone(), name.to_owned(), value)),
            Meaning::Bot => self.bots.push((name.to_owned(), value)),
            Meaning::Stranger => self.put_aside(name, value),
        }
    }

    /// Where two names fit one field, the documented one goes first, in whatever order they come.
    fn note_field(&mut self, place: usize, name: &str, value: Json) {
        let Some(slot) = self.said.get_mut(place) else { return };
        let said = Said { name: name.to_owned(), value };
        let (winner, loser) = match slot.take() {
            None => (said, None),
            Some(other) if other.rank(place) <= said.rank(place) => (other, Some(said)),
            Some(other) => (said, Some(other)),
        };
        let differs = |other: &Said| id(&other.value.shown()) != id(&winner.value.shown());
        let loser = loser.filter(differs);
        *slot = Some(winner);
        if let Some(Said { name, value }) = loser {
            self.put_aside(&name, value);
        }
    }

    fn note_whole(&mut self, whole: &str, name: &str, value: Json) {
        match value.agreed() {
            Json::Object(members) => {
                for (member, value) in members {
                    let name = format!("{whole}.{member}");
                    let means = meaning(&name);
                    self.note(&name, &means, value);
                }
            }
            other => self.put_aside(name, other),
        }
    }

    fn put_aside(&mut self, name: &str, value: Json) {
        let mut value = value.agreed();
        value.spell_ids();
        if !value.is_empty() {
            self.extra.insert(name.trim().to_owned(), value);
        }
    }

    /// The message of `bot`. Where it is said to be another's, that is kept in `extra`, or told where `is_strict`.
    pub fn finish(mut self, bot: &str, is_strict: bool) -> Result<Message, Unread> {
        for (name, value) in std::mem::take(&mut self.bots) {
            if value.shown().trim().eq_ignore_ascii_case(bot) {
                continue;
            }
            if is_strict {
                return Err(Unread::Stranger);
            }
            self.put_aside(&name, value);
        }
        self.join_parts();
        let mut cells = Vec::with_capacity(FIELDS.len());
        for (place, field) in FIELDS.iter().enumerate() {
            let said = self.said.get_mut(place).and_then(Option::take);
            let made = said.map_or(Ok(Cell::Null), |said| cell(field.kind, said.value));
            cells.push(made.unwrap_or_else(|unfit| {
                self.put_aside(field.column, unfit);
                Cell::Null
            }));
        }
        let Some(Cell::Time(at)) = cells.get(TIMESTAMP) else {
            return Err(Unread::Reason("has no timestamp that could be read"));
        };
        let at = *at;
        if cells.get(ID) == Some(&Cell::Null) {
            let key = stand_in(at, &cells).ok_or(Unread::Reason("has neither an id nor a conversation"))?;
            cells[ID] = Cell::Text(key.into());
        }
        Ok(Message { at, cells, extra: Json::Object(self.extra).to_string() })
    }

    /// Puts the parts of a field into it, or makes it of them.
    fn join_parts(&mut self) {
        for (place, path, name, value) in std::mem::take(&mut self.parts) {
            let Some(slot) = self.said.get_mut(place) else { continue };
            let said = slot.take().unwrap_or_else(|| Said { name: name.clone(), value: Json::Object(BTreeMap::new()) });
            let mut whole = said.value.agreed();
            let value = value.agreed();
            let is_in = whole.fill(&path, value.clone());
            *slot = Some(Said { name: said.name, value: whole });
            if !is_in {
                self.put_aside(&name, value);
            }
        }
    }
}

impl Said {
    fn rank(&self, place: usize) -> (bool, &str) {
        let field = FIELDS.get(place);
        let is_own = field.is_some_and(|field| field.names.first() == Some(&self.name.as_str()));
        (!is_own, self.name.as_str())
    }
}

impl Message {
    /// Reads one element of an answer about `bot`.
    pub fn read(raw: &RawValue, bot: &str) -> Result<Self, Unread> {
        let Some(Json::Object(members)) = Json::of(raw) else { return Err(Unread::Reason("is no object")) };
        let mut draft = Draft::new();
        for (name, value) in members {
            draft.note(&name, &meaning(&name), value);
        }
        draft.finish(bot, false)
    }

    /// Its row.
    pub fn row<'a>(self, account: &'a str, bot: &'a str) -> Row<'a> {
        let mut row = Row::new(Entity::shape());
        let named = [Cell::Text(account.into()), Cell::Text(bot.into())];
        let extra = Cell::Json(self.extra.into());
        for (place, cell) in named.into_iter().chain(self.cells).chain([extra]).enumerate() {
            row.set(place, cell);
        }
        row
    }
}

/// What tells a message apart that has no id.
fn stand_in(at: DateTime<Utc>, cells: &[Cell<'_>]) -> Option<String> {
    let text = |place: usize| match cells.get(place) {
        Some(Cell::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let parts = [text(CONVERSATION)?, &at, text(MESSAGE).unwrap_or_default()].join("|");
    Some(format!("~{:032x}", xxh3_128(parts.as_bytes())))
}

/// Whether a file whose columns have these meanings is a message report: a row needs a time, and an id or what stands
/// in for it.
pub fn is_report<'a>(columns: impl IntoIterator<Item = &'a Meaning>) -> bool {
    let mut has = [false; 3];
    for means in columns {
        for (has, place) in has.iter_mut().zip([TIMESTAMP, ID, CONVERSATION]) {
            *has |= *means == Meaning::Field(place);
        }
    }
    let [timestamp, id, conversation] = has;
    timestamp && (id || conversation)
}

/// The fields that the constants here speak of.
#[cfg(test)]
pub fn places() -> [&'static str; 4] {
    [ID, TIMESTAMP, MESSAGE, CONVERSATION].map(|place| FIELDS[place].column)
}
