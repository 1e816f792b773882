//! One message: from names and values to a row of `certainly_messages`.

use super::field_names::{FieldName, resolve};
use super::fields::{FIELDS, cell, trim_id};
use crate::json::Json;
use crate::stand_in_id::stand_in_id;
use chrono::{DateTime, SecondsFormat, Utc};
use entities::certainly_messages::Entity;
use entities::rows::{Cell, Row};
use entities::schema::VendorTable;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// The cells of [`FIELDS`], in their order.
    pub cells: Vec<Cell<'static>>,
    /// The values without a column, as JSON.
    pub extra: String,
}

/// Why values are not a message of the bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// The row lacks what every message has.
    Invalid(Cow<'static, str>),
    /// The row belongs to another bot.
    OtherBot,
}

/// Collects the values of a message.
#[derive(Debug)]
pub struct MessageBuilder {
    fields: Vec<Option<NamedValue>>,
    parts: Vec<MetaPart>,
    extra: BTreeMap<String, Json>,
    bots: Vec<(String, Json)>,
}

/// A value, and the name under which it came.
#[derive(Debug)]
struct NamedValue {
    name: String,
    value: Json,
}

/// A part of a field.
#[derive(Debug)]
struct MetaPart {
    field: usize,
    path: Vec<String>,
    named: NamedValue,
}

const ID: usize = 0;
const TIMESTAMP: usize = 1;
const MESSAGE: usize = 2;
const CONVERSATION: usize = 4;

impl MessageBuilder {
    /// No values yet.
    pub fn new() -> Self {
        let fields = FIELDS.iter().map(|_| None).collect();
        Self { fields, parts: Vec::new(), extra: BTreeMap::new(), bots: Vec::new() }
    }

    /// Adds the value of `name`, which stands for `field`.
    pub fn add(&mut self, name: &str, field: &FieldName, value: Json) {
        if value.is_empty() {
            return;
        }
        let named = || name.to_owned();
        match field {
            FieldName::Field(index) => self.add_field(*index, NamedValue { name: named(), value }),
            FieldName::Object(object) => self.add_object(object, name, value),
            FieldName::Path(index, path) => {
                self.parts.push(MetaPart {
                    field: *index,
                    path: path.clone(),
                    named: NamedValue { name: named(), value },
                });
            }
            FieldName::Bot => self.bots.push((named(), value)),
            FieldName::Unknown => self.add_extra(name, value),
        }
    }

    /// Of two values for one field the one under the documented name wins, whichever came first.
    fn add_field(&mut self, index: usize, new: NamedValue) {
        let Some(slot) = self.fields.get_mut(index) else { return };
        let (winner, loser) = match slot.take() {
            None => (new, None),
            Some(old) if old.rank(index) <= new.rank(index) => (old, Some(new)),
            Some(old) => (new, Some(old)),
        };
        let differs = |loser: &NamedValue| trim_id(&loser.value.to_cell()) != trim_id(&winner.value.to_cell());
        let loser = loser.filter(differs);
        *slot = Some(winner);
        if let Some(NamedValue { name, value }) = loser {
            self.add_extra(&name, value);
        }
    }

    fn add_object(&mut self, object: &str, name: &str, value: Json) {
        match value.untyped() {
            Json::Object(members) => {
                for (member, value) in members {
                    let name = format!("{object}.{member}");
                    let field = resolve(&name);
                    self.add(&name, &field, value);
                }
            }
            other => self.add_extra(name, other),
        }
    }

    fn add_extra(&mut self, name: &str, value: Json) {
        let mut value = value.untyped();
        value.ids_to_text();
        if !value.is_empty() {
            self.extra.insert(name.trim().to_owned(), value);
        }
    }

    /// The message of `bot`. Another bot's id goes to `extra`, or is an error where `is_strict`.
    ///
    /// # Errors
    /// Why the values are not a message of `bot`.
    pub fn finish(mut self, bot: &str, is_strict: bool) -> Result<Message, MessageError> {
        for (name, value) in std::mem::take(&mut self.bots) {
            if value.to_cell().trim().eq_ignore_ascii_case(bot) {
                continue;
            }
            if is_strict {
                return Err(MessageError::OtherBot);
            }
            self.add_extra(&name, value);
        }
        self.join_parts();
        let mut cells = Vec::with_capacity(FIELDS.len());
        for (index, field) in FIELDS.iter().enumerate() {
            let named = self.fields.get_mut(index).and_then(Option::take);
            let made = named.map_or(Ok(Cell::Null), |named| cell(field.value_type, named.value));
            cells.push(made.unwrap_or_else(|value| {
                self.add_extra(field.column, value);
                Cell::Null
            }));
        }
        let Some(Cell::Time(at)) = cells.get(TIMESTAMP) else {
            return Err(MessageError::Invalid("has no valid timestamp".into()));
        };
        let at = *at;
        if cells.get(ID) == Some(&Cell::Null) {
            let id = hashed_id(at, &cells);
            let id = id.ok_or(MessageError::Invalid("has neither an id nor a conversation".into()))?;
            cells[ID] = Cell::Text(id.into());
        }
        Ok(Message { at, cells, extra: Json::Object(self.extra).to_string() })
    }

    /// Puts parts into the fields that they belong to.
    fn join_parts(&mut self) {
        for MetaPart { field, path, named: NamedValue { name, value } } in std::mem::take(&mut self.parts) {
            let Some(slot) = self.fields.get_mut(field) else { continue };
            let empty = || NamedValue { name: name.clone(), value: Json::Object(BTreeMap::new()) };
            let whole = slot.take().unwrap_or_else(empty);
            let (mut object, value) = (whole.value.untyped(), value.untyped());
            let is_joined = object.set_default(&path, value.clone());
            *slot = Some(NamedValue { name: whole.name, value: object });
            if !is_joined {
                self.add_extra(&name, value);
            }
        }
    }
}

impl NamedValue {
    /// The smaller, the closer to the documented name of the field.
    fn rank(&self, index: usize) -> (bool, &str) {
        let field = FIELDS.get(index);
        let is_documented = field.is_some_and(|field| field.names.first() == Some(&self.name.as_str()));
        (!is_documented, self.name.as_str())
    }
}

impl Message {
    /// Parses one row of a response about `bot`.
    ///
    /// # Errors
    /// Why the row is not a message.
    pub fn parse(raw: &RawValue, bot: &str) -> Result<Self, MessageError> {
        let Some(Json::Object(members)) = Json::from_raw(raw) else {
            return Err(MessageError::Invalid("is not an object".into()));
        };
        let mut builder = MessageBuilder::new();
        for (name, value) in members {
            builder.add(&name, &resolve(&name), value);
        }
        builder.finish(bot, false)
    }

    /// The row of the table.
    pub fn row<'a>(self, account: &'a str, bot: &'a str) -> Row<'a> {
        let mut row = Row::new(Entity::schema());
        let first = [Cell::Text(account.into()), Cell::Text(bot.into())];
        let extra = Cell::Json(self.extra.into());
        for (position, cell) in first.into_iter().chain(self.cells).chain([extra]).enumerate() {
            row.set(position, cell);
        }
        row
    }
}

/// The id of a message that has none: a hash of conversation, time and text.
fn hashed_id(at: DateTime<Utc>, cells: &[Cell<'_>]) -> Option<String> {
    let text = |index: usize| match cells.get(index) {
        Some(Cell::Text(text)) => Some(text.as_ref()),
        _ => None,
    };
    let at = at.to_rfc3339_opts(SecondsFormat::Micros, true);
    Some(stand_in_id("~", &[text(CONVERSATION)?, &at, text(MESSAGE).unwrap_or_default()]))
}

/// Whether a file with these columns is a message report: each row needs a timestamp, and an id or a conversation.
pub fn is_report<'a>(columns: impl IntoIterator<Item = &'a FieldName>) -> bool {
    let mut has = [false; 3];
    for column in columns {
        for (has, index) in has.iter_mut().zip([TIMESTAMP, ID, CONVERSATION]) {
            *has |= *column == FieldName::Field(index);
        }
    }
    let [timestamp, id, conversation] = has;
    timestamp && (id || conversation)
}

/// The columns of the fields whose indexes are constants here.
#[cfg(test)]
pub fn indexed_columns() -> [&'static str; 4] {
    [ID, TIMESTAMP, MESSAGE, CONVERSATION].map(|index| FIELDS[index].column)
}
