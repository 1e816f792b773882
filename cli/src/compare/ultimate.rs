//! Ultimate's conversations.

use super::{Comparison, compare};
use chrono::{DateTime, Utc};
use domain::window::Window;
use entities::DbErr;
use entities::database::Database;
use entities::tables::ultimate_conversations::{Column, Entity, Model};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Serialize;
use serde_json::{Value, json};
use simulator::ultimate::{Conversation, Ultimate, Version};

/// Compares what `account` holds of the conversations of `bot` that ended in `window` with what the vendor's files of
/// `version` tell of them by now. The window is to be one of whole files: what later files say of a conversation is
/// their truth.
///
/// # Errors
/// What the database says.
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
    let truth = vendor.truth(bot, window).into_iter().map(|it| State::of(it.written_by(version)));
    let (truth, table): (Vec<State>, Vec<State>) = (truth.collect(), rows.iter().map(as_sent).collect());
    Ok(compare(&truth, &table, |state| {
        let it = &state.conversation;
        (it.conversation_end_time.to_rfc3339(), it.conversation_id.clone())
    }))
}

/// A conversation, and what was stored beyond its columns.
#[derive(Serialize)]
struct State {
    conversation: Conversation,
    extra: Value,
}

impl State {
    /// As it can be stored: nothing is left over, no NUL is in any database, and when the vendor put the row together is
    /// nobody's column.
    fn of(conversation: Conversation) -> Self {
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

/// A stored row as the vendor would have written it. What must be there and is not becomes what no vendor writes.
fn as_sent(row: &Model) -> State {
    let text = |column: &Option<String>| column.clone().unwrap_or_else(|| "nothing".to_owned());
    let instant = |column: Option<DateTime<Utc>>| column.unwrap_or(DateTime::UNIX_EPOCH);
    let count = |column: Option<i64>| column.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let json = |column: &Option<Value>| column.clone().unwrap_or_default();
    let conversation = Conversation {
        bot_id: row.bot_id.clone(),
        bot_name: text(&row.bot_name),
        conversation_id: row.conversation_id.clone(),
        platform_conversation_id: text(&row.platform_conversation_id),
        conversation_start_time: instant(row.conversation_start_time),
        conversation_end_time: instant(row.conversation_end_time),
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
    // What a boolean lacks would pass for `false`.
    let lacking = [("test_mode", row.test_mode), ("is_llm_conversation", row.is_llm_conversation)];
    let lacking: Vec<&str> = lacking.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    let extra = if lacking.is_empty() { row.extra.clone() } else { json!({"lacking": lacking}) };
    State { conversation, extra }
}
