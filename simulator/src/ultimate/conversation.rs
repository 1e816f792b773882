//! One conversation, independent of the variants of a file.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A conversation under the documented names. A column that only one version has is `None` in the other: see
/// [`Conversation::in_version`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// The bot.
    pub bot_id: String,
    /// Its name.
    pub bot_name: String,
    /// The conversation's id; it keeps it when it resumes.
    pub conversation_id: String,
    /// The number of the chat or ticket on the customer's platform.
    pub platform_conversation_id: String,
    /// When it began, to the millisecond.
    pub conversation_start_time: DateTime<Utc>,
    /// When it ended, to the millisecond; the day of its file.
    pub conversation_end_time: DateTime<Utc>,
    /// Version 3 only.
    pub conversation_type: Option<String>,
    /// Two small letters.
    pub language: String,
    /// `chat` or `ticket`.
    pub channel: String,
    /// A list of words.
    pub labels: Value,
    /// A list of words; version 3 only.
    pub segments: Option<Value>,
    /// The session's parameters: an object, or the vendor's text where that is not JSON.
    pub conversations_data: Value,
    /// Whether it is a test of the bot.
    pub test_mode: bool,
    /// `botHandled`, `email`, `agent`, `customEscalation` or `failedEscalation`.
    pub conversation_status: String,
    /// `informed`, `resolved`, `escalated` or `undefined`.
    pub last_resolution: String,
    /// Version 3 only.
    pub resolution_tier: Option<String>,
    /// Version 3 only.
    pub automated_resolution: Option<bool>,
    /// Version 3 only, and not always there.
    pub automated_resolution_reasoning: Option<String>,
    /// A list of objects, oldest first.
    pub triggered_replies: Value,
    /// A list of objects, oldest first.
    pub triggered_intent_replies: Value,
    /// A list of words; version 3 only.
    pub triggered_procedures: Option<Value>,
    /// A list of words; version 3 only.
    pub triggered_use_cases: Option<Value>,
    /// Whether at least one answer came from a language model.
    pub is_llm_conversation: bool,
    /// Version 2 only.
    #[serde(rename = "llm_notUnderstood_count")]
    pub llm_not_understood_count: Option<u32>,
    /// Version 2 only.
    #[serde(rename = "llm_responseGenerated_count")]
    pub llm_response_generated_count: Option<u32>,
    /// Version 2 only.
    #[serde(rename = "llm_errorOccurred_count")]
    pub llm_error_occurred_count: Option<u32>,
    /// Version 2 only.
    #[serde(rename = "llm_escalationRequired_count")]
    pub llm_escalation_required_count: Option<u32>,
    /// Version 2 only.
    pub llm_fallback_count: Option<u32>,
    /// Version 3 only: its name for `llm_notUnderstood_count`, as with the next four.
    #[serde(rename = "knowledge_notUnderstood_count")]
    pub knowledge_not_understood_count: Option<u32>,
    /// Version 3 only.
    #[serde(rename = "knowledge_responseGenerated_count")]
    pub knowledge_response_generated_count: Option<u32>,
    /// Version 3 only.
    #[serde(rename = "knowledge_errorOccurred_count")]
    pub knowledge_error_occurred_count: Option<u32>,
    /// Version 3 only.
    #[serde(rename = "knowledge_escalationRequired_count")]
    pub knowledge_escalation_required_count: Option<u32>,
    /// Version 3 only.
    pub knowledge_fallback_count: Option<u32>,
    /// Version 3 only.
    pub has_knowledge_response_attempt: Option<bool>,
    /// A list of words; version 3 only.
    pub knowledge_sources: Option<Value>,
    /// Messages of the bot.
    pub bot_messages_count: u32,
    /// Messages of the customer.
    pub visitor_messages_count: u32,
    /// Messages of the customer that the bot did not understand.
    pub not_understood_messages_count: u32,
    /// When the session ended; version 3 only, like the next four, which the live export has and no document names.
    pub session_ended_timestamp: Option<DateTime<Utc>>,
    /// Not always there.
    pub rbp_status_name: Option<String>,
    /// The organisation's number on another platform.
    pub instance_account_id: Option<String>,
    /// When the vendor processed the row.
    pub zdp_meta_processed_timestamp: Option<DateTime<Utc>>,
    /// The day of `conversation_end_time`.
    pub conversation_end_date: Option<NaiveDate>,
}

/// The two versions of the export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// `v2`, the older.
    V2,
    /// `v3`.
    V3,
}

impl Version {
    /// The name in URLs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }

    /// The version with that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::V2, Self::V3].into_iter().find(|version| version.name() == name)
    }
}

impl Conversation {
    /// The conversation with the columns of `version`; the other columns are `None`.
    #[must_use]
    pub fn in_version(self, version: Version) -> Self {
        match version {
            Version::V2 => Self {
                conversation_type: None,
                segments: None,
                resolution_tier: None,
                automated_resolution: None,
                automated_resolution_reasoning: None,
                triggered_procedures: None,
                triggered_use_cases: None,
                knowledge_not_understood_count: None,
                knowledge_response_generated_count: None,
                knowledge_error_occurred_count: None,
                knowledge_escalation_required_count: None,
                knowledge_fallback_count: None,
                has_knowledge_response_attempt: None,
                knowledge_sources: None,
                session_ended_timestamp: None,
                rbp_status_name: None,
                instance_account_id: None,
                zdp_meta_processed_timestamp: None,
                conversation_end_date: None,
                ..self
            },
            Version::V3 => Self {
                llm_not_understood_count: None,
                llm_response_generated_count: None,
                llm_error_occurred_count: None,
                llm_escalation_required_count: None,
                llm_fallback_count: None,
                ..self
            },
        }
    }
}
