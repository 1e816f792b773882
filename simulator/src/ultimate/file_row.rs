//! A conversation as a row of a file.

use super::conversation::{Conversation, Version};
use super::variants::{Booleans, ColumnCase, ColumnNames, Counts, Nested, TimeFormat, Variants};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Value, json};

/// A row of a file of `version`; no variant is mixed.
pub(super) struct FileRow<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) version: Version,
    pub(super) variants: Variants,
}

impl Serialize for FileRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let columns = self.columns().into_iter().chain(self.counts()).chain(match self.version {
            Version::V2 => Vec::new(),
            Version::V3 => self.columns_of_v3(),
        });
        for (name, value) in columns {
            match self.variants.column_case {
                ColumnCase::Capitals => map.serialize_entry(&name.to_ascii_uppercase(), &value)?,
                ColumnCase::Documented | ColumnCase::Mixed => map.serialize_entry(name, &value)?,
            }
        }
        map.end()
    }
}

impl FileRow<'_> {
    fn columns(&self) -> Vec<(&'static str, Value)> {
        let it = self.conversation;
        let data =
            if self.variants.column_names == ColumnNames::Live { "conversation_data" } else { "conversations_data" };
        vec![
            ("bot_id", json!(it.bot_id)),
            ("bot_name", json!(it.bot_name)),
            ("conversation_id", json!(it.conversation_id)),
            ("platform_conversation_id", json!(it.platform_conversation_id)),
            ("conversation_start_time", self.time(it.conversation_start_time)),
            ("conversation_end_time", self.time(it.conversation_end_time)),
            ("language", json!(it.language)),
            ("channel", json!(it.channel)),
            ("labels", self.list(&it.labels)),
            // "Even though it is stored as a string, it contains another JSON object."
            (
                data,
                json!(it.conversations_data.as_str().map_or_else(|| it.conversations_data.to_string(), String::from)),
            ),
            ("test_mode", self.boolean(it.test_mode)),
            ("conversation_status", json!(it.conversation_status)),
            ("last_resolution", json!(it.last_resolution)),
            ("triggered_replies", self.list(&it.triggered_replies)),
            ("triggered_intent_replies", self.list(&it.triggered_intent_replies)),
            ("is_llm_conversation", self.boolean(it.is_llm_conversation)),
        ]
    }

    fn counts(&self) -> Vec<(&'static str, Value)> {
        let it = self.conversation;
        let not_understood = if self.variants.column_names == ColumnNames::Live {
            "knowledge_notUndestood_count"
        } else {
            "knowledge_notUnderstood_count"
        };
        let counts = match self.version {
            Version::V2 => [
                ("llm_notUnderstood_count", it.llm_not_understood_count),
                ("llm_responseGenerated_count", it.llm_response_generated_count),
                ("llm_errorOccurred_count", it.llm_error_occurred_count),
                ("llm_escalationRequired_count", it.llm_escalation_required_count),
                ("llm_fallback_count", it.llm_fallback_count),
            ],
            Version::V3 => [
                (not_understood, it.knowledge_not_understood_count),
                ("knowledge_responseGenerated_count", it.knowledge_response_generated_count),
                ("knowledge_errorOccurred_count", it.knowledge_error_occurred_count),
                ("knowledge_escalationRequired_count", it.knowledge_escalation_required_count),
                ("knowledge_fallback_count", it.knowledge_fallback_count),
            ],
        };
        let messages = [
            ("bot_messages_count", Some(it.bot_messages_count)),
            ("visitor_messages_count", Some(it.visitor_messages_count)),
            ("not_understood_messages_count", Some(it.not_understood_messages_count)),
        ];
        counts.into_iter().chain(messages).map(|(name, count)| (name, self.count(count))).collect()
    }

    fn columns_of_v3(&self) -> Vec<(&'static str, Value)> {
        let it = self.conversation;
        let list = |value: &Option<Value>| value.as_ref().map_or(Value::Null, |value| self.list(value));
        let time = |at: Option<DateTime<Utc>>| at.map_or(Value::Null, |at| self.time(at));
        let boolean = |value: Option<bool>| value.map_or(Value::Null, |value| self.boolean(value));
        vec![
            ("conversation_type", json!(it.conversation_type)),
            ("segments", list(&it.segments)),
            ("resolution_tier", json!(it.resolution_tier)),
            ("automated_resolution", boolean(it.automated_resolution)),
            ("automated_resolution_reasoning", json!(it.automated_resolution_reasoning)),
            ("triggered_procedures", list(&it.triggered_procedures)),
            ("triggered_use_cases", list(&it.triggered_use_cases)),
            ("has_knowledge_response_attempt", boolean(it.has_knowledge_response_attempt)),
            ("knowledge_sources", list(&it.knowledge_sources)),
            ("session_ended_timestamp", time(it.session_ended_timestamp)),
            ("rbp_status_name", json!(it.rbp_status_name)),
            ("instance_account_id", json!(it.instance_account_id)),
            ("zdp_meta_processed_timestamp", time(it.zdp_meta_processed_timestamp)),
            ("conversation_end_date", json!(it.conversation_end_date)),
        ]
    }

    fn time(&self, at: DateTime<Utc>) -> Value {
        match self.variants.times {
            TimeFormat::Naive => json!(at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
            TimeFormat::Epoch => json!(at.timestamp_millis()),
            TimeFormat::Zulu | TimeFormat::Mixed => json!(at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        }
    }

    fn boolean(&self, value: bool) -> Value {
        if self.variants.booleans == Booleans::Text { json!(value.to_string()) } else { json!(value) }
    }

    fn count(&self, count: Option<u32>) -> Value {
        match self.variants.counts {
            Counts::Number => json!(count),
            Counts::Text | Counts::Mixed => json!(count.map(|count| count.to_string())),
        }
    }

    fn list(&self, list: &Value) -> Value {
        // A word stays a word: quotes would change it.
        let text = |item: &Value| if item.is_object() { json!(item.to_string()) } else { item.clone() };
        match self.variants.nested {
            Nested::OneText => json!(list.to_string()),
            Nested::Texts => json!(list.as_array().into_iter().flatten().map(text).collect::<Vec<_>>()),
            Nested::Objects | Nested::Mixed => list.clone(),
        }
    }
}
