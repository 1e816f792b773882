//! One conversation of a file becomes a row of `ultimate_conversations`.

use super::cell_type::{CellType, text};
use crate::fields::{ColumnNames, Fields, Record};
use crate::json::compact::compact;
use crate::json::string;
use entities::rows::{Cell, Row};
use entities::schema::VendorTable;
use entities::ultimate_conversations::Entity;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A column: its name in the table, its spellings at the vendor, the documented one first, and its type.
struct Column {
    name: &'static str,
    names: &'static [&'static str],
    cell_type: CellType,
}

const fn column(name: &'static str, names: &'static [&'static str], cell_type: CellType) -> Column {
    Column { name, names, cell_type }
}

/// The columns of the export. Most have the vendor's name in lower case.
const COLUMNS: [Column; 42] = [
    // The constants `BOT_ID` and `CONVERSATION_ID` are the indexes of these two.
    column("bot_id", &["bot_id"], CellType::Text),
    column("conversation_id", &["conversation_id"], CellType::Text),
    column("bot_name", &["bot_name"], CellType::Text),
    column("platform_conversation_id", &["platform_conversation_id"], CellType::Text),
    column("conversation_start_time", &["conversation_start_time"], CellType::Time),
    column("conversation_end_time", &["conversation_end_time"], CellType::Time),
    column("conversation_type", &["conversation_type"], CellType::Text),
    column("language", &["language"], CellType::Text),
    column("channel", &["channel"], CellType::Text),
    column("labels", &["labels"], CellType::List),
    column("segments", &["segments"], CellType::List),
    column("conversations_data", &["conversations_data", "conversation_data"], CellType::Json),
    column("test_mode", &["test_mode"], CellType::Bool),
    column("conversation_status", &["conversation_status"], CellType::Text),
    column("last_resolution", &["last_resolution"], CellType::Text),
    column("resolution_tier", &["resolution_tier"], CellType::Text),
    column("automated_resolution", &["automated_resolution"], CellType::Text),
    column("automated_resolution_reasoning", &["automated_resolution_reasoning"], CellType::Text),
    column("triggered_replies", &["triggered_replies"], CellType::List),
    column("triggered_intent_replies", &["triggered_intent_replies"], CellType::List),
    column("triggered_procedures", &["triggered_procedures"], CellType::List),
    column("triggered_use_cases", &["triggered_use_cases"], CellType::List),
    column("is_llm_conversation", &["is_llm_conversation"], CellType::Bool),
    column("llm_notunderstood_count", &["llm_notUnderstood_count"], CellType::Count),
    column("llm_responsegenerated_count", &["llm_responseGenerated_count"], CellType::Count),
    column("llm_erroroccurred_count", &["llm_errorOccurred_count"], CellType::Count),
    column("llm_escalationrequired_count", &["llm_escalationRequired_count"], CellType::Count),
    column("llm_fallback_count", &["llm_fallback_count"], CellType::Count),
    column(
        "knowledge_notunderstood_count",
        &["knowledge_notUnderstood_count", "knowledge_notUndestood_count"],
        CellType::Count,
    ),
    column("knowledge_responsegenerated_count", &["knowledge_responseGenerated_count"], CellType::Count),
    column("knowledge_erroroccurred_count", &["knowledge_errorOccurred_count"], CellType::Count),
    column("knowledge_escalationrequired_count", &["knowledge_escalationRequired_count"], CellType::Count),
    column("knowledge_fallback_count", &["knowledge_fallback_count"], CellType::Count),
    column("has_knowledge_response_attempt", &["has_knowledge_response_attempt"], CellType::Bool),
    column("knowledge_sources", &["knowledge_sources"], CellType::List),
    column("bot_messages_count", &["bot_messages_count"], CellType::Count),
    column("visitor_messages_count", &["visitor_messages_count"], CellType::Count),
    column("not_understood_messages_count", &["not_understood_messages_count"], CellType::Count),
    column("session_ended_timestamp", &["session_ended_timestamp"], CellType::Time),
    column("rbp_status_name", &["rbp_status_name"], CellType::Text),
    column("instance_account_id", &["instance_account_id"], CellType::Text),
    column("conversation_end_date", &["conversation_end_date"], CellType::Text),
];
/// The index of the bot's id.
const BOT_ID: usize = 0;
/// The index of the conversation's id.
const CONVERSATION_ID: usize = 1;
/// Columns with this prefix say when the vendor built the file. They differ from file to file, and are not stored.
const BUILD_PREFIX: &str = "zdp_meta_";

/// A conversation in a file.
pub type Conversation<'a> = Fields<'a, Export>;

/// The data export.
pub struct Export;

impl Record for Export {
    fn names() -> &'static ColumnNames {
        static NAMES: LazyLock<ColumnNames> =
            LazyLock::new(|| ColumnNames::new(COLUMNS.iter().map(|column| column.names)));
        &NAMES
    }
}

/// Turns the conversations of one bot into rows of the table.
#[derive(Clone, Debug)]
pub struct ConversationMapper {
    /// The account's name.
    pub account: String,
    /// The bot's id, which is the stream's name.
    pub bot: String,
}

impl ConversationMapper {
    /// The row of the table for `conversation`.
    ///
    /// # Errors
    /// The reason for rejecting the row.
    pub fn row<'a>(&'a self, conversation: &Conversation<'a>) -> Result<Row<'a>, &'static str> {
        let id = conversation.get(CONVERSATION_ID).and_then(|value| text(value.get()));
        if id.is_none_or(|id| id.trim().is_empty()) {
            return Err("has no conversation_id");
        }
        let mut row = Row::new(Entity::schema());
        let mut extra = Extra::default();
        row.set_named("account", Cell::Text(Cow::Borrowed(&self.account)));
        for (index, (column, position)) in COLUMNS.iter().zip(&POSITIONS.columns).enumerate() {
            let value = conversation.get(index);
            let cell = match value {
                _ if index == BOT_ID => self.bot(value),
                Some(value) => column.cell_type.cell(value.get()),
                None => Some(Cell::Null),
            };
            match (cell, value) {
                (Some(cell), _) => row.set(*position, cell),
                // A value that does not fit its column goes to `extra`.
                (None, Some(value)) => extra.add(column.name.to_owned(), value),
                (None, None) => {}
            }
        }
        // The file holds the conversations of the stream's bot, and coverage goes by stream.
        row.set_named("bot_id", Cell::Text(Cow::Borrowed(&self.bot)));
        for (name, value) in &conversation.extra {
            let name = name.trim().to_ascii_lowercase();
            if !name.starts_with(BUILD_PREFIX) {
                extra.add(name, value);
            }
        }
        row.set(POSITIONS.extra, Cell::Json(extra.into_json()));
        Ok(row)
    }

    /// The bot's id; `None` where the row names another bot.
    fn bot<'a>(&'a self, value: Option<&'a RawValue>) -> Option<Cell<'a>> {
        let matches = |id: Cow<'_, str>| id.trim().is_empty() || id.trim().eq_ignore_ascii_case(&self.bot);
        let is_same = value.is_none_or(|value| text(value.get()).is_some_and(matches));
        is_same.then_some(Cell::Text(Cow::Borrowed(&self.bot)))
    }
}

/// The positions of the columns in the table.
struct ColumnPositions {
    columns: Vec<usize>,
    extra: usize,
}

static POSITIONS: LazyLock<ColumnPositions> = LazyLock::new(|| {
    let find = |name: &str| Entity::schema().columns.iter().position(|column| column.name == name);
    let position = |name: &str| {
        let found = find(name);
        debug_assert!(found.is_some(), "the table has no column {name}");
        found.unwrap_or(usize::MAX)
    };
    ColumnPositions { columns: COLUMNS.iter().map(|column| position(column.name)).collect(), extra: position("extra") }
});

/// The values without a column, by their names in lower case, because the vendor also writes them in upper case.
#[derive(Default)]
struct Extra<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Extra<'a> {
    fn add(&mut self, mut name: String, value: &'a RawValue) {
        while self.0.contains_key(&name) {
            name.push('_');
        }
        self.0.insert(name, value);
    }

    fn into_json(self) -> Cow<'static, str> {
        if self.0.is_empty() {
            return Cow::Borrowed("{}");
        }
        let member =
            |(name, value): (&String, &&RawValue)| format!("{}:{}", string::encode(name), compact(value.get()));
        Cow::Owned(format!("{{{}}}", self.0.iter().map(member).collect::<Vec<_>>().join(",")))
    }
}
