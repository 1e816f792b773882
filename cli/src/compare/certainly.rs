//! Certainly's messages.

use super::{Comparison, compare};
use chrono::{DateTime, Utc};
use domain::window::Window;
use entities::DbErr;
use entities::database::Database;
use entities::tables::certainly_messages::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::certainly::{BotModule, BotUser, Certainly, Message};

/// Compares what `account` holds of the messages of `bot` in `window` with what the vendor's reports show of them now.
///
/// # Errors
/// What the database says.
pub async fn certainly(
    db: &Database,
    account: &str,
    vendor: &Certainly,
    bot: &str,
    window: Window,
) -> Result<Comparison, DbErr> {
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::BotId.eq(bot))
        .filter(Column::Timestamp.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::Timestamp.lt::<DateTime<Utc>>(window.to()))
        .all(db.connection())
        .await?;
    let truth = vendor.truth(bot, window);
    let truth: Vec<State> = truth.into_iter().map(|message| State { message, unfit: json!({}) }).collect();
    let table: Vec<State> = rows.iter().map(as_sent).collect();
    Ok(compare(&truth, &table, |state| (state.message.timestamp.to_rfc3339(), state.message.id.to_string())))
}

/// A message, and what of it was stored beyond its columns or does not read as the vendor writes.
#[derive(Serialize)]
struct State {
    message: Message,
    unfit: Value,
}

/// The columns of the simulated files that nobody documented, without case and punctuation: they say nothing.
const UNDOCUMENTED: [&str; 4] = ["sentimentscore", "channelname", "nps", "übergabe"];

/// A stored row as the vendor would have written it, with ids as numbers and types in small letters.
fn as_sent(row: &Model) -> State {
    let mut unfit = Unfit::new(&row.extra);
    let module = BotModule {
        id: unfit.needed("bot_module_id", row.bot_module_id.as_deref()),
        name: row.bot_module_name.clone().unwrap_or_default(),
        kind: row.bot_module_type.clone().unwrap_or_default(),
        instruction: row.bot_module_instruction.clone().unwrap_or_default(),
        error_instruction: row.bot_module_error_instruction.clone().unwrap_or_default(),
        is_global: unfit.truth("bot_module_is_global", row.bot_module_is_global),
        priority: unfit.read("bot_module_priority", row.bot_module_priority.map(Value::from).as_ref()),
        is_starting: unfit.truth("bot_module_is_starting", row.bot_module_is_starting),
        fallback_module_id: unfit.id("bot_module_fallback_module_id", row.bot_module_fallback_module_id.as_deref()),
        skip_user_input: unfit.truth("bot_module_skip_user_input", row.bot_module_skip_user_input),
        skip_global_connection_evaluation: unfit
            .truth("bot_module_skip_global_connection_evaluation", row.bot_module_skip_global_connection_evaluation),
        group: row.bot_module_group.as_ref().map(|group| unfit.read("bot_module_group", Some(group))),
        kpis: unfit.read("bot_module_kpis", row.bot_module_kpis.as_ref()),
    };
    let botuser = BotUser {
        id: unfit.needed("botuser_id", row.botuser_id.as_deref()),
        created_date: row.botuser_created_date.unwrap_or_default(),
        botuser_meta: unfit.read("botuser_meta", row.botuser_meta.as_ref()),
    };
    let message = Message {
        id: unfit.needed("message_id", Some(&row.message_id)),
        timestamp: row.timestamp,
        message: row.message.clone().unwrap_or_default(),
        response: unfit.read("response", row.response.as_ref()),
        conversation_id: unfit.needed("conversation_id", row.conversation_id.as_deref()),
        through_bot_modules: unfit.read("through_bot_modules", row.through_bot_modules.as_ref()),
        bot_module_id: module.id,
        is_test: unfit.truth("is_test", row.is_test),
        external_agent: row.external_agent.clone(),
        through_connection_id: unfit.id("through_connection_id", row.through_connection_id.as_deref()),
        is_global_module_match: unfit.truth("is_global_module_match", row.is_global_module_match),
        is_deleted: unfit.truth("is_deleted", row.is_deleted),
        id_message_evaluate: unfit.id("id_message_evaluate", row.id_message_evaluate.as_deref()),
        data: unfit.read("data", row.data.as_ref()),
        user_message_empty: unfit.truth("user_message_empty", row.user_message_empty),
        bot_response_empty: unfit.truth("bot_response_empty", row.bot_response_empty),
        bot_module: module,
        botuser,
    };
    State { message, unfit: Value::Object(unfit.found) }
}

/// What is not as the vendor writes it, by column.
struct Unfit {
    found: serde_json::Map<String, Value>,
}

impl Unfit {
    fn new(extra: &Value) -> Self {
        let plain = |name: &str| name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let members = extra.as_object().into_iter().flatten();
        let told = members.filter(|(name, _)| !UNDOCUMENTED.contains(&plain(name).as_str()));
        Self { found: told.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    /// A nested value; what is not there is empty, as in a file's cell.
    fn read<T: serde::de::DeserializeOwned + Default>(&mut self, column: &str, value: Option<&Value>) -> T {
        let Some(value) = value else { return T::default() };
        serde_json::from_value(unspelled(value)).unwrap_or_else(|error| {
            self.found.insert(column.to_owned(), json!(error.to_string()));
            T::default()
        })
    }

    fn id(&mut self, column: &str, text: Option<&str>) -> Option<u64> {
        let id = text?.parse().ok();
        if id.is_none() {
            self.found.insert(column.to_owned(), json!(text));
        }
        id
    }

    fn needed(&mut self, column: &str, text: Option<&str>) -> u64 {
        self.id(column, text).unwrap_or_else(|| {
            self.found.insert(column.to_owned(), json!(text));
            0
        })
    }

    fn truth(&mut self, column: &str, value: Option<bool>) -> bool {
        value.unwrap_or_else(|| {
            self.found.insert(column.to_owned(), Value::Null);
            false
        })
    }
}

/// A nested value in the one spelling in which the truth is told: ids as numbers, and types in small letters. Which of
/// them the vendor writes is its whim.
fn unspelled(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| number(unspelled(item))).collect(),
        Value::Object(members) => {
            let told = members.iter().map(|(name, value)| match (name.as_str(), value) {
                ("id", value) => (name.clone(), number(value.clone())),
                ("type", Value::String(text)) => (name.clone(), json!(text.to_lowercase())),
                (_, value) => (name.clone(), unspelled(value)),
            });
            told.collect()
        }
        other => other.clone(),
    }
}

fn number(value: Value) -> Value {
    let written = value.as_str().and_then(|text| text.parse::<u64>().ok());
    written.map_or(value, Value::from)
}
