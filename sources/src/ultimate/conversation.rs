//! One conversation of a file → one row of `ultimate_conversations`.

use super::json;
use super::value::{Kind, text};
use crate::fields::{Fields, Names, Record};
use entities::rows::{Cell, Row};
use entities::shape::Table;
use entities::tables::ultimate_conversations::Entity;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A column: its name in the table, the vendor's names for it, the documented one first, and what it is made of.
struct Column {
    name: &'static str,
    names: &'static [&'static str],
    kind: Kind,
}

const fn column(name: &'static str, names: &'static [&'static str], kind: Kind) -> Column {
    Column { name, names, kind }
}

/// The columns whose names are the vendor's but for the letters, and those that have several names.
const COLUMNS: [Column; 42] = [
    // These two come first: see `BOT` and `ID`.
    column("bot_id", &["bot_id"], Kind::Text),
    column("conversation_id", &["conversation_id"], Kind::Text),
    column("bot_name", &["bot_name"], Kind::Text),
    column("platform_conversation_id", &["platform_conversation_id"], Kind::Text),
    column("conversation_start_time", &["conversation_start_time"], Kind::Instant),
    column("conversation_end_time", &["conversation_end_time"], Kind::Instant),
    column("conversation_type", &["conversation_type"], Kind::Text),
    column("language", &["language"], Kind::Text),
    column("channel", &["channel"], Kind::Text),
    column("labels", &["labels"], Kind::List),
    column("segments", &["segments"], Kind::List),
    column("conversations_data", &["conversations_data", "conversation_data"], Kind::Inside),
    column("test_mode", &["test_mode"], Kind::Truth),
    column("conversation_status", &["conversation_status"], Kind::Text),
    column("last_resolution", &["last_resolution"], Kind::Text),
    column("resolution_tier", &["resolution_tier"], Kind::Text),
    column("automated_resolution", &["automated_resolution"], Kind::Text),
    column("automated_resolution_reasoning", &["automated_resolution_reasoning"], Kind::Text),
    column("triggered_replies", &["triggered_replies"], Kind::List),
    column("triggered_intent_replies", &["triggered_intent_replies"], Kind::List),
    column("triggered_procedures", &["triggered_procedures"], Kind::List),
    column("triggered_use_cases", &["triggered_use_cases"], Kind::List),
    column("is_llm_conversation", &["is_llm_conversation"], Kind::Truth),
    column("llm_notunderstood_count", &["llm_notUnderstood_count"], Kind::Count),
    column("llm_responsegenerated_count", &["llm_responseGenerated_count"], Kind::Count),
    column("llm_erroroccurred_count", &["llm_errorOccurred_count"], Kind::Count),
    column("llm_escalationrequired_count", &["llm_escalationRequired_count"], Kind::Count),
    column("llm_fallback_count", &["llm_fallback_count"], Kind::Count),
    column(
        "knowledge_notunderstood_count",
        &["knowledge_notUnderstood_count", "knowledge_notUndestood_count"],
        Kind::Count,
    ),
    column("knowledge_responsegenerated_count", &["knowledge_responseGenerated_count"], Kind::Count),
    column("knowledge_erroroccurred_count", &["knowledge_errorOccurred_count"], Kind::Count),
    column("knowledge_escalationrequired_count", &["knowledge_escalationRequired_count"], Kind::Count),
    column("knowledge_fallback_count", &["knowledge_fallback_count"], Kind::Count),
    column("has_knowledge_response_attempt", &["has_knowledge_response_attempt"], Kind::Truth),
    column("knowledge_sources", &["knowledge_sources"], Kind::List),
    column("bot_messages_count", &["bot_messages_count"], Kind::Count),
    column("visitor_messages_count", &["visitor_messages_count"], Kind::Count),
    column("not_understood_messages_count", &["not_understood_messages_count"], Kind::Count),
    column("session_ended_timestamp", &["session_ended_timestamp"], Kind::Instant),
    column("rbp_status_name", &["rbp_status_name"], Kind::Text),
    column("instance_account_id", &["instance_account_id"], Kind::Text),
    column("conversation_end_date", &["conversation_end_date"], Kind::Text),
];
/// Where the bot's id is among them.
const BOT: usize = 0;
/// Where the conversation's id is.
const ID: usize = 1;
/// When the vendor put the row together, which says nothing of the conversation and may differ from file to file.
const STAMPS: &str = "zdp_meta_";

/// A conversation as a file has it.
pub type Conversation<'a> = Fields<'a, Export>;

/// The data export.
pub struct Export;

impl Record for Export {
    fn names() -> &'static Names {
        static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(COLUMNS.iter().map(|column| column.names)));
        &NAMES
    }
}

/// Whose conversations they are.
#[derive(Clone, Debug)]
pub struct Place {
    /// The account's name.
    pub account: String,
    /// The bot's id: the stream's name.
    pub bot: String,
}

impl Place {
    /// The conversation as a row.
    pub fn row<'a>(&'a self, conversation: &Conversation<'a>) -> Result<Row<'a>, &'static str> {
        let id = conversation.get(ID).and_then(|value| text(value.get()));
        if id.is_none_or(|id| id.trim().is_empty()) {
            return Err("has no conversation_id");
        }
        let mut row = Row::new(Entity::shape());
        let mut extra = Extra::default();
        row.put("account", Cell::Text(Cow::Borrowed(&self.account)));
        for (number, (column, place)) in COLUMNS.iter().zip(&PLACES.columns).enumerate() {
            let value = conversation.get(number);
            let cell = match value {
                _ if number == BOT => self.bot(value),
                Some(value) => column.kind.cell(value.get()),
                None => Some(Cell::Null),
            };
            match (cell, value) {
                (Some(cell), _) => row.set(*place, cell),
                // Nothing is lost that does not fit.
                (None, Some(value)) => extra.keep(column.name.to_owned(), value),
                (None, None) => {}
            }
        }
        // A bot's file holds that bot's conversations, and coverage goes by the stream.
        row.put("bot_id", Cell::Text(Cow::Borrowed(&self.bot)));
        for (name, value) in &conversation.extra {
            let name = name.trim().to_ascii_lowercase();
            if !name.starts_with(STAMPS) {
                extra.keep(name, value);
            }
        }
        row.set(PLACES.extra, Cell::Json(extra.written()));
        Ok(row)
    }

    /// The bot that the stream is named after; `None` where the row names another one.
    fn bot<'a>(&'a self, said: Option<&'a RawValue>) -> Option<Cell<'a>> {
        let same = |id: Cow<'_, str>| id.trim().is_empty() || id.trim().eq_ignore_ascii_case(&self.bot);
        let is_ours = said.is_none_or(|value| text(value.get()).is_some_and(same));
        is_ours.then_some(Cell::Text(Cow::Borrowed(&self.bot)))
    }
}

/// Where the columns are in the table.
struct Places {
    columns: Vec<usize>,
    extra: usize,
}

static PLACES: LazyLock<Places> = LazyLock::new(|| {
    let find = |name: &str| Entity::shape().columns.iter().position(|column| column.name == name);
    let place = |name: &str| {
        let found = find(name);
        debug_assert!(found.is_some(), "the table has no column {name}");
        found.unwrap_or(usize::MAX)
    };
    Places { columns: COLUMNS.iter().map(|column| place(column.name)).collect(), extra: place("extra") }
});

/// What has no column, by its name in small letters: the vendor writes the same names in capitals too.
#[derive(Default)]
struct Extra<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Extra<'a> {
    fn keep(&mut self, mut name: String, value: &'a RawValue) {
        while self.0.contains_key(&name) {
            name.push('_');
        }
        self.0.insert(name, value);
    }

    fn written(self) -> Cow<'static, str> {
        if self.0.is_empty() {
            return Cow::Borrowed("{}");
        }
        let member =
            |(name, value): (&String, &&RawValue)| format!("{}:{}", json::quoted(name), json::compact(value.get()));
        Cow::Owned(format!("{{{}}}", self.0.iter().map(member).collect::<Vec<_>>().join(",")))
    }
}
