//! Certainly's messages.

use super::{Comparison, Deviations, GoneRows, compare};
use chrono::{DateTime, Utc};
use domain::window::Window;
use entities::certainly_messages::{Column, Entity, Model};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Select};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::certainly::{BotModule, BotUser, Certainly, Message};
use storage::DbErr;
use storage::database::Database;

/// Compares the stored messages of `account` and `bot` in `window` with the vendor's reports as of now, and those that are
/// marked as gone with those that users have deleted.
///
/// # Errors
/// An error of the database.
pub async fn certainly(
    db: &Database,
    account: &str,
    vendor: &Certainly,
    bot: &str,
    window: Window,
) -> Result<Comparison, DbErr> {
    let stored = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::BotId.eq(bot))
        .filter(Column::Timestamp.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::Timestamp.lt::<DateTime<Utc>>(window.to()));
    let messages = async |select: Select<Entity>| {
        Ok::<_, DbErr>(select.all(db.connection()).await?.iter().map(from_row).collect::<Vec<_>>())
    };
    let of_vendor = |messages: Vec<Message>| -> Vec<_> {
        messages.into_iter().map(|message| ComparedMessage { message, deviations: json!({}) }).collect()
    };
    let name = |row: &ComparedMessage| (row.message.timestamp.to_rfc3339(), row.message.id.to_string());
    let table = messages(stored.clone().filter(Column::GoneAt.is_null())).await?;
    let marked = stored.filter(Column::GoneAt.is_not_null());
    let gone = GoneRows {
        deleted: of_vendor(vendor.deleted(bot, window)).iter().map(name).collect(),
        marked: messages(marked.clone()).await?.iter().map(name).collect(),
        in_final_view: messages(marked.filter(Expr::cust(IS_FINAL))).await?.iter().map(name).collect(),
    };
    Ok(gone.add_to(compare(&of_vendor(vendor.dataset(bot, window)), &table, name)))
}

/// Whether the view of final rows has the row.
const IS_FINAL: &str = "EXISTS (SELECT 1 FROM certainly_messages_final f WHERE f.account = certainly_messages.account \
     AND f.bot_id = certainly_messages.bot_id AND f.message_id = certainly_messages.message_id)";

/// A message with its deviations.
#[derive(Serialize)]
struct ComparedMessage {
    message: Message,
    deviations: Value,
}

/// Columns of the simulated files that the vendor does not document, without case and punctuation. They mean nothing.
const UNDOCUMENTED: [&str; 4] = ["sentimentscore", "channelname", "nps", "übergabe"];

/// A stored row as the vendor writes it, with ids as numbers and types in lower case.
fn from_row(row: &Model) -> ComparedMessage {
    let mut deviations = Deviations::new(&row.extra, is_undocumented);
    let module = BotModule {
        id: deviations.required_id("bot_module_id", row.bot_module_id.as_deref()),
        name: row.bot_module_name.clone().unwrap_or_default(),
        kind: row.bot_module_type.clone().unwrap_or_default(),
        instruction: row.bot_module_instruction.clone().unwrap_or_default(),
        error_instruction: row.bot_module_error_instruction.clone().unwrap_or_default(),
        is_global: deviations.boolean("bot_module_is_global", row.bot_module_is_global),
        priority: deviations.read("bot_module_priority", row.bot_module_priority.map(Value::from)),
        is_starting: deviations.boolean("bot_module_is_starting", row.bot_module_is_starting),
        fallback_module_id: deviations
            .id("bot_module_fallback_module_id", row.bot_module_fallback_module_id.as_deref()),
        skip_user_input: deviations.boolean("bot_module_skip_user_input", row.bot_module_skip_user_input),
        skip_global_connection_evaluation: deviations
            .boolean("bot_module_skip_global_connection_evaluation", row.bot_module_skip_global_connection_evaluation),
        group: row.bot_module_group.as_ref().map(|group| deviations.read("bot_module_group", Some(normalize(group)))),
        kpis: deviations.read("bot_module_kpis", row.bot_module_kpis.as_ref().map(normalize)),
    };
    let botuser = BotUser {
        id: deviations.required_id("botuser_id", row.botuser_id.as_deref()),
        created_date: row.botuser_created_date.unwrap_or_default(),
        botuser_meta: deviations.read("botuser_meta", row.botuser_meta.as_ref().map(normalize)),
    };
    let message = Message {
        id: deviations.required_id("message_id", Some(&row.message_id)),
        timestamp: row.timestamp,
        message: row.message.clone().unwrap_or_default(),
        response: deviations.read("response", row.response.as_ref().map(normalize)),
        conversation_id: deviations.required_id("conversation_id", row.conversation_id.as_deref()),
        through_bot_modules: deviations.read("through_bot_modules", row.through_bot_modules.as_ref().map(normalize)),
        bot_module_id: module.id,
        is_test: deviations.boolean("is_test", row.is_test),
        external_agent: row.external_agent.clone(),
        through_connection_id: deviations.id("through_connection_id", row.through_connection_id.as_deref()),
        is_global_module_match: deviations.boolean("is_global_module_match", row.is_global_module_match),
        is_deleted: deviations.boolean("is_deleted", row.is_deleted),
        id_message_evaluate: deviations.id("id_message_evaluate", row.id_message_evaluate.as_deref()),
        data: deviations.read("data", row.data.as_ref().map(normalize)),
        user_message_empty: deviations.boolean("user_message_empty", row.user_message_empty),
        bot_response_empty: deviations.boolean("bot_response_empty", row.bot_response_empty),
        bot_module: module,
        botuser,
    };
    ComparedMessage { message, deviations: deviations.into_value() }
}

/// Whether a column is one of [`UNDOCUMENTED`], whatever its case and punctuation.
fn is_undocumented(column: &str) -> bool {
    let letters: String = column.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    UNDOCUMENTED.contains(&letters.as_str())
}

/// A nested value with its ids as numbers and its types in lower case: the vendor writes both variants.
fn normalize(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| number(normalize(item))).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| match (name.as_str(), value) {
                ("id", value) => (name.clone(), number(value.clone())),
                ("type", Value::String(text)) => (name.clone(), json!(text.to_lowercase())),
                (_, value) => (name.clone(), normalize(value)),
            });
            members.collect()
        }
        other => other.clone(),
    }
}

fn number(value: Value) -> Value {
    let number = value.as_str().and_then(|text| text.parse::<u64>().ok());
    number.map_or(value, Value::from)
}
