//! One row of the report `chat_8` becomes a row of `wolkvox_chats`.

use super::duration::seconds;
use super::local_time;
use crate::fields::{ColumnNames, Fields, Record};
use crate::json::{Json, string};
use crate::stand_in_id::stand_in_id;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entities::rows::{Cell, Row};
use entities::schema::VendorTable;
use entities::wolkvox_chats::Entity;
use serde_json::Number;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use xxhash_rust::xxh3::xxh3_128;

/// A column of the report. Its name in the table is the vendor's name.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    content: Content,
}

/// The content of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Text,
    Count,
    /// A local time, and the column for the instant.
    Time(&'static str),
    /// A duration, and the column for its seconds.
    Duration(&'static str),
}

const fn column(name: &'static str, content: Content) -> Column {
    Column { name, content }
}

/// The columns in the vendor's order.
pub const COLUMNS: [Column; 22] = [
    column("conn_id", Content::Text),
    column("session_id", Content::Text),
    column("times_chatted", Content::Count),
    column("start_date", Content::Time("start_at")),
    column("end_date", Content::Time("end_at")),
    column("time_on_chatbot", Content::Duration("time_on_chatbot_seconds")),
    column("rp_id", Content::Text),
    column("channel", Content::Text),
    column("go_to_agent", Content::Text),
    column("customer_phone", Content::Text),
    column("customer_name", Content::Text),
    column("agent_id", Content::Text),
    column("agent_name", Content::Text),
    column("time_with_agent", Content::Duration("time_with_agent_seconds")),
    column("total_time", Content::Duration("total_time_seconds")),
    column("customer_chars", Content::Count),
    column("agent_chars", Content::Count),
    column("total_chars", Content::Count),
    column("asa", Content::Duration("asa_seconds")),
    column("last_sender", Content::Text),
    column("customer_id", Content::Text),
    column("customer_email", Content::Text),
];
const CONN_ID: usize = 0;
const SESSION_ID: usize = 1;
const START_DATE: usize = 3;
const END_DATE: usize = 4;
const CUSTOMER_PHONE: usize = 9;
/// The longest id in bytes that an index of the database takes; the vendor's ids have some ten characters.
const MAX_ID: usize = 512;

/// A row of the report.
pub type Chat<'a> = Fields<'a, ChatReport>;

/// The report `chat_8`.
pub struct ChatReport;

impl Record for ChatReport {
    fn names() -> &'static ColumnNames {
        static NAMES: LazyLock<ColumnNames> = LazyLock::new(|| {
            let names: Vec<[&'static str; 1]> = COLUMNS.iter().map(|column| [column.name]).collect();
            ColumnNames::new(names.iter().map(<[_; 1]>::as_slice))
        });
        &NAMES
    }
}

/// Turns the rows of one account into rows of the table.
#[derive(Clone, Debug)]
pub struct ChatMapper {
    /// The account's name.
    pub account: String,
    /// The zone of the vendor's local times.
    pub zone: Tz,
}

/// A row of the table, and what the reader needs to know of it.
#[derive(Debug)]
pub struct MappedChat<'a> {
    /// The row.
    pub row: Row<'a>,
    /// A hash of the chat's id.
    pub id: u128,
    /// How new this state of the chat is.
    pub age: Age,
}

/// The age of a state of a chat. A state without an end is the oldest, then one whose end cannot be parsed, then by end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// The chat is open.
    Open,
    /// The chat has ended; its end cannot be parsed.
    UnknownEnd,
    /// The chat ended at this instant.
    Ended(DateTime<Utc>),
}

impl ChatMapper {
    /// The row of the table for `chat`.
    ///
    /// # Errors
    /// The reason for rejecting the row.
    pub fn map<'a>(&'a self, chat: &Chat<'a>) -> Result<MappedChat<'a>, &'static str> {
        let texts: [Cow<'a, str>; COLUMNS.len()] =
            std::array::from_fn(|column| chat.get(column).map_or(Cow::Borrowed(""), text));
        let mut extra = extra(chat);
        let id = chat_id(&texts, &mut extra)?;
        let mut row = Row::new(Entity::schema());
        row.set(POSITIONS.account, Cell::Text(Cow::Borrowed(&self.account)));
        let mut age = Age::Open;
        for (index, ((column, position), text)) in COLUMNS.iter().zip(&POSITIONS.columns).zip(&texts).enumerate() {
            if index == CONN_ID {
                continue;
            }
            match column.content {
                Content::Text => {}
                Content::Count => {
                    match text.trim().parse() {
                        Ok(count) => row.set(position.own, Cell::Int(count)),
                        Err(_) if text.trim().is_empty() => {}
                        // The value stays in `extra`.
                        Err(_) => drop(extra.insert(column.name.to_owned(), Json::Text(text.to_string()))),
                    }
                    continue;
                }
                Content::Time(_) => {
                    let at = local_time::parse(text, self.zone);
                    row.set(position.derived, at.map_or(Cell::Null, Cell::Time));
                    if index == END_DATE && !text.trim().is_empty() {
                        age = at.map_or(Age::UnknownEnd, Age::Ended);
                    }
                }
                Content::Duration(_) => row.set(position.derived, seconds(text).map_or(Cell::Null, Cell::Int)),
            }
            row.set(position.own, Cell::Text(text.clone()));
        }
        let hash = xxh3_128(id.as_bytes());
        row.set(POSITIONS.columns[CONN_ID].own, Cell::Text(id));
        let extra = if extra.is_empty() { "{}".into() } else { Json::Object(extra).to_string().into() };
        row.set(POSITIONS.extra, Cell::Json(extra));
        Ok(MappedChat { row, id: hash, age })
    }
}

/// The members without a column, by name.
fn extra(chat: &Chat<'_>) -> BTreeMap<String, Json> {
    let member =
        |(name, value): &(Cow<'_, str>, &RawValue)| (without_nul(name.trim().into()).into_owned(), json(value));
    chat.extra.iter().map(member).collect()
}

/// The chat's id; where the vendor sends none, `~` and a hash of session, start and phone. What the vendor sent instead
/// of an id goes to `extra`.
fn chat_id<'a>(
    texts: &[Cow<'a, str>; COLUMNS.len()],
    extra: &mut BTreeMap<String, Json>,
) -> Result<Cow<'a, str>, &'static str> {
    let is_set = |column: usize| is_id(texts[column].trim());
    if ![CONN_ID, SESSION_ID, START_DATE].into_iter().any(is_set) {
        return Err("has neither an id nor a session nor a start");
    }
    if !is_set(CONN_ID) {
        extra.insert(COLUMNS[CONN_ID].name.to_owned(), Json::Text(texts[CONN_ID].to_string()));
        // A session id stands for a customer on a channel, and repeats over the customer's chats; with the start it is
        // unique.
        let parts = [SESSION_ID, START_DATE, CUSTOMER_PHONE].map(|column| texts[column].as_ref());
        return Ok(stand_in_id("~", &parts).into());
    }
    let id = match &texts[CONN_ID] {
        Cow::Borrowed(id) => Cow::Borrowed(id.trim()),
        Cow::Owned(id) => Cow::Owned(id.trim().to_owned()),
    };
    if id.len() > MAX_ID { Err("has an id that is too long") } else { Ok(id) }
}

/// The vendor's own samples write `-` and `0` where there is no id.
fn is_id(text: &str) -> bool {
    !["", "-", "0"].contains(&text)
}

/// A value as text: a string decoded, nothing for `null`, anything else as JSON. A number keeps all its digits.
fn text(value: &RawValue) -> Cow<'_, str> {
    let raw = value.get();
    without_nul(match raw.as_bytes().first() {
        Some(b'"') => string::decode(raw).unwrap_or_default(),
        Some(b'{' | b'[') => Json::from_raw(value).map_or(Cow::Borrowed(raw), |json| json.to_string().into()),
        _ => Cow::Borrowed(raw),
    })
}

/// A value for `extra`. A number whose digits a JSON reader would change becomes a string.
fn json(value: &RawValue) -> Json {
    let raw = value.get();
    let is_exact = || serde_json::from_str::<Number>(raw).is_ok_and(|number| number.to_string() == raw);
    match Json::from_raw(value) {
        Some(Json::Scalar(_)) if !["null", "true", "false"].contains(&raw) && !is_exact() => Json::Text(raw.to_owned()),
        Some(json) => json_without_nul(json),
        None => Json::Text(raw.to_owned()),
    }
}

fn json_without_nul(json: Json) -> Json {
    match json {
        Json::Text(text) => Json::Text(without_nul(text.into()).into_owned()),
        Json::List(items) => Json::List(items.into_iter().map(json_without_nul).collect()),
        Json::Object(members) => {
            let member =
                |(name, value): (String, Json)| (without_nul(name.into()).into_owned(), json_without_nul(value));
            Json::Object(members.into_iter().map(member).collect())
        }
        Json::Scalar(word) => Json::Scalar(word),
    }
}

/// No database stores the character NUL.
fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text }
}

/// The positions of the columns in the table.
struct ColumnPositions {
    account: usize,
    columns: Vec<ColumnPosition>,
    extra: usize,
}

/// The position of a column, and of the column with its parsed value.
struct ColumnPosition {
    own: usize,
    derived: usize,
}

static POSITIONS: LazyLock<ColumnPositions> = LazyLock::new(|| {
    let position = |name: &str| {
        let found = Entity::schema().columns.iter().position(|column| column.name == name);
        debug_assert!(found.is_some(), "the table has no column {name}");
        found.unwrap_or(usize::MAX)
    };
    let columns = COLUMNS.iter().map(|column| {
        let derived = match column.content {
            Content::Text | Content::Count => column.name,
            Content::Time(name) | Content::Duration(name) => name,
        };
        ColumnPosition { own: position(column.name), derived: position(derived) }
    });
    ColumnPositions { account: position("account"), columns: columns.collect(), extra: position("extra") }
});
