//! Ultimate's conversations.

use super::{Comparison, compare};
use chrono::{DateTime, Utc};
use domain::window::Window;
use entities::ultimate_conversations::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::ultimate::{Conversation, Ultimate, Version};
use storage::DbErr;
use storage::database::Database;

/// Compares the stored conversations of `account` and `bot` that ended in `window` with the vendor's files of `version`
/// as of now. The window must consist of whole files, because a later file may change a conversation.
///
/// # Errors
/// An error of the database.
pub async fn ultimate(
    db: &Database,
    account: &str,
    (vendor, version): (&Ultimate, Version),
    bot: &str,
    window: Window,
) -> Result<Comparison, DbErr> {
    let rows = Entity::find()
        .filter(Column::Account.eq(account))
        .filter(Column::BotId.eq(bot))
        .filter(Column::ConversationEndTime.gte::<DateTime<Utc>>(window.from()))
        .filter(Column::ConversationEndTime.lt::<DateTime<Utc>>(window.to()))
        .all(db.connection())
        .await?;
    let dataset = vendor.dataset(bot, window).into_iter();
    let dataset: Vec<_> =
        dataset.map(|conversation| ComparedConversation::storable(conversation.in_version(version))).collect();
    let table: Vec<_> = rows.iter().map(from_row).collect();
    Ok(compare(&dataset, &table, |row| {
        let conversation = &row.conversation;
        (conversation.conversation_end_time.to_rfc3339(), conversation.conversation_id.clone())
    }))
}

/// A conversation, and what its row holds beyond its columns.
#[derive(Serialize)]
struct ComparedConversation {
    conversation: Conversation,
    extra: Value,
}

impl ComparedConversation {
    /// A conversation as a database can store it: without NUL, and without the time at which the vendor made the row,
    /// which has no column.
    fn storable(conversation: Conversation) -> Self {
        let conversations_data = storable(conversation.conversations_data);
        let conversation = Conversation { conversations_data, zdp_meta_processed_timestamp: None, ..conversation };
        Self { conversation, extra: json!({}) }
    }
}

fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "\u{fffd}")),
        Value::Array(items) => items.into_iter().map(storable).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, storable(value))).collect(),
        other => other,
    }
}

/// A stored row as the vendor writes it. A required value that is absent becomes one that no vendor writes.
fn from_row(row: &Model) -> ComparedConversation {
    let text = |column: &Option<String>| column.clone().unwrap_or_else(|| "nothing".to_owned());
    let time = |column: Option<DateTime<Utc>>| column.unwrap_or(DateTime::UNIX_EPOCH);
    let count = |column: Option<i64>| column.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let json = |column: &Option<Value>| column.clone().unwrap_or_default();
    let conversation = Conversation {
        bot_id: row.bot_id.clone(),
        bot_name: text(&row.bot_name),
        conversation_id: row.conversation_id.clone(),
        platform_conversation_id: text(&row.platform_conversation_id),
        conversation_start_time: time(row.conversation_start_time),
        conversation_end_time: time(row.conversation_end_time),
        conversation_type: row.conversation_type.clone(),
        language: text(&row.language),
        channel: text(&row.channel),
        labels: json(&row.labels),
        segments: row.segments.clone(),
        conversations_data: json(&row.conversations_data),
        test_mode: row.test_mode.unwrap_or_default(),
        conversation_status: text(&row.conversation_status),
        last_resolution: text(&row.last_resolution),
        resolution_tier: row.resolution_tier.clone(),
        automated_resolution: row.automated_resolution.as_deref().map(|word| word == "true"),
        automated_resolution_reasoning: row.automated_resolution_reasoning.clone(),
        triggered_replies: json(&row.triggered_replies),
        triggered_intent_replies: json(&row.triggered_intent_replies),
        triggered_procedures: row.triggered_procedures.clone(),
        triggered_use_cases: row.triggered_use_cases.clone(),
        is_llm_conversation: row.is_llm_conversation.unwrap_or_default(),
        llm_not_understood_count: count(row.llm_notunderstood_count),
        llm_response_generated_count: count(row.llm_responsegenerated_count),
        llm_error_occurred_count: count(row.llm_erroroccurred_count),
        llm_escalation_required_count: count(row.llm_escalationrequired_count),
        llm_fallback_count: count(row.llm_fallback_count),
        knowledge_not_understood_count: count(row.knowledge_notunderstood_count),
        knowledge_response_generated_count: count(row.knowledge_responsegenerated_count),
        knowledge_error_occurred_count: count(row.knowledge_erroroccurred_count),
        knowledge_escalation_required_count: count(row.knowledge_escalationrequired_count),
        knowledge_fallback_count: count(row.knowledge_fallback_count),
        has_knowledge_response_attempt: row.has_knowledge_response_attempt,
        knowledge_sources: row.knowledge_sources.clone(),
        bot_messages_count: count(row.bot_messages_count).unwrap_or(u32::MAX),
        visitor_messages_count: count(row.visitor_messages_count).unwrap_or(u32::MAX),
        not_understood_messages_count: count(row.not_understood_messages_count).unwrap_or(u32::MAX),
        session_ended_timestamp: row.session_ended_timestamp,
        rbp_status_name: row.rbp_status_name.clone(),
        instance_account_id: row.instance_account_id.clone(),
        zdp_meta_processed_timestamp: None,
        conversation_end_date: row.conversation_end_date.as_deref().and_then(|day| day.parse().ok()),
    };
    // An absent boolean would pass for `false`.
    let lacking = [("test_mode", row.test_mode), ("is_llm_conversation", row.is_llm_conversation)];
    let lacking: Vec<&str> = lacking.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    let extra = if lacking.is_empty() { row.extra.clone() } else { json!({"lacking": lacking}) };
    ComparedConversation { conversation, extra }
}
