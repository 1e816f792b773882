//! Ultimate (Zendesk AI agents), data export: one row per conversation.
//!
//! The columns carry the vendor's names in small letters, because its two versions and its documents differ in theirs.
//! Lists come in three spellings and are stored in one; what a file does not say is `NULL`.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per conversation, from the data export. The columns have the vendor's names in lower case; a missing value
/// is `NULL`, and a list is stored in one form for the three forms in which it comes.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ultimate_conversations")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The bot's id, which is also the stream's name. From the vendor's `bot_id`.
    #[sea_orm(column_type = "Text")]
    pub bot_id: String,
    /// The bot's name. From the vendor's `bot_name`.
    #[sea_orm(column_type = "Text")]
    pub bot_name: Option<String>,
    /// The conversation's id. It stays the same when the conversation goes on in a later session. From the vendor's
    /// `conversation_id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub conversation_id: String,
    /// The id of the chat or ticket in the CRM. From the vendor's `platform_conversation_id`.
    #[sea_orm(column_type = "Text")]
    pub platform_conversation_id: Option<String>,
    /// The start. From the vendor's `conversation_start_time`.
    pub conversation_start_time: Option<DateTime<Utc>>,
    /// The end. The vendor files a conversation under the UTC day of its end. From the vendor's
    /// `conversation_end_time`.
    pub conversation_end_time: Option<DateTime<Utc>>,
    /// The type of the conversation. Version 3 only. From the vendor's `conversation_type`.
    #[sea_orm(column_type = "Text")]
    pub conversation_type: Option<String>,
    /// The language, such as `en`. From the vendor's `language`.
    #[sea_orm(column_type = "Text")]
    pub language: Option<String>,
    /// The channel: `chat` or `ticket`. From the vendor's `channel`.
    #[sea_orm(column_type = "Text")]
    pub channel: Option<String>,
    /// The labels: a list of texts. From the vendor's `labels`.
    #[sea_orm(column_type = "JsonBinary")]
    pub labels: Option<Json>,
    /// The segments: a list of texts. Version 3 only. From the vendor's `segments`.
    #[sea_orm(column_type = "JsonBinary")]
    pub segments: Option<Json>,
    /// The session's parameters that have a value: an object. It may hold personal data. From the vendor's
    /// `conversations_data`, in the live export `conversation_data`.
    #[sea_orm(column_type = "JsonBinary")]
    pub conversations_data: Option<Json>,
    /// Whether the conversation is a test of the bot. From the vendor's `test_mode`.
    pub test_mode: Option<bool>,
    /// The status, as it came: `botHandled`, `bot_handled`, `email`, `agent`, `customEscalation`, `failedEscalation`.
    /// From the vendor's `conversation_status`.
    #[sea_orm(column_type = "Text")]
    pub conversation_status: Option<String>,
    /// The last resolution: `informed`, `resolved`, `escalated` or `undefined`. From the vendor's `last_resolution`.
    #[sea_orm(column_type = "Text")]
    pub last_resolution: Option<String>,
    /// The resolution tier, such as `core resolution`. Live export only. From the vendor's `resolution_tier`.
    #[sea_orm(column_type = "Text")]
    pub resolution_tier: Option<String>,
    /// Whether the bot resolved the conversation: `true`, `false` or another word. Version 3 only. From the vendor's
    /// `automated_resolution`.
    #[sea_orm(column_type = "Text")]
    pub automated_resolution: Option<String>,
    /// The vendor's reason for `automated_resolution`. Version 3 only. From the vendor's
    /// `automated_resolution_reasoning`.
    #[sea_orm(column_type = "Text")]
    pub automated_resolution_reasoning: Option<String>,
    /// The replies: a list of objects. From the vendor's `triggered_replies`.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_replies: Option<Json>,
    /// The replies that an intent triggered, oldest first: a list of objects. From the vendor's
    /// `triggered_intent_replies`.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_intent_replies: Option<Json>,
    /// The procedures that were triggered: a list of texts. Version 3 only. From the vendor's `triggered_procedures`.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_procedures: Option<Json>,
    /// The use cases that were triggered: a list of texts. Version 3 only. From the vendor's `triggered_use_cases`.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_use_cases: Option<Json>,
    /// Whether at least one answer came from a language model. From the vendor's `is_llm_conversation`.
    pub is_llm_conversation: Option<bool>,
    /// The number of messages that the language model did not understand. Version 2 only. From the vendor's
    /// `llm_notUnderstood_count`.
    pub llm_notunderstood_count: Option<i64>,
    /// The number of responses that the language model generated. Version 2 only. From the vendor's
    /// `llm_responseGenerated_count`.
    pub llm_responsegenerated_count: Option<i64>,
    /// The number of errors of the language model. Version 2 only. From the vendor's `llm_errorOccurred_count`.
    pub llm_erroroccurred_count: Option<i64>,
    /// The number of answers of the language model that required an escalation. Version 2 only. From the vendor's
    /// `llm_escalationRequired_count`.
    pub llm_escalationrequired_count: Option<i64>,
    /// The number of fallbacks of the language model. Version 2 only. From the vendor's `llm_fallback_count`.
    pub llm_fallback_count: Option<i64>,
    /// The number of messages that the knowledge base did not understand. Version 3 only. From the vendor's
    /// `knowledge_notUnderstood_count`.
    pub knowledge_notunderstood_count: Option<i64>,
    /// The number of responses that the knowledge base generated. Version 3 only. From the vendor's
    /// `knowledge_responseGenerated_count`.
    pub knowledge_responsegenerated_count: Option<i64>,
    /// The number of errors of the knowledge base. Version 3 only. From the vendor's `knowledge_errorOccurred_count`.
    pub knowledge_erroroccurred_count: Option<i64>,
    /// The number of answers of the knowledge base that required an escalation. Version 3 only. From the vendor's
    /// `knowledge_escalationRequired_count`.
    pub knowledge_escalationrequired_count: Option<i64>,
    /// The number of fallbacks of the knowledge base. Version 3 only. From the vendor's `knowledge_fallback_count`.
    pub knowledge_fallback_count: Option<i64>,
    /// Whether the bot tried to answer from its knowledge. Version 3 only. From the vendor's
    /// `has_knowledge_response_attempt`.
    pub has_knowledge_response_attempt: Option<bool>,
    /// The sources of knowledge: a list of texts. Version 3 only. From the vendor's `knowledge_sources`.
    #[sea_orm(column_type = "JsonBinary")]
    pub knowledge_sources: Option<Json>,
    /// The number of messages of the bot; 0 for chats of the suggestion engine. From the vendor's `bot_messages_count`.
    pub bot_messages_count: Option<i64>,
    /// The number of messages of the visitor. From the vendor's `visitor_messages_count`.
    pub visitor_messages_count: Option<i64>,
    /// The number of messages that the bot did not understand. From the vendor's `not_understood_messages_count`.
    pub not_understood_messages_count: Option<i64>,
    /// When the session ended. Live export only. From the vendor's `session_ended_timestamp`.
    pub session_ended_timestamp: Option<DateTime<Utc>>,
    /// A status of the vendor, as it came. Live export only; no document explains it. From the vendor's
    /// `rbp_status_name`.
    #[sea_orm(column_type = "Text")]
    pub rbp_status_name: Option<String>,
    /// An account's id at the vendor, as it came. Live export only; no document explains it. From the vendor's
    /// `instance_account_id`.
    #[sea_orm(column_type = "Text")]
    pub instance_account_id: Option<String>,
    /// The day of the end, as it came. Live export only. From the vendor's `conversation_end_date`.
    #[sea_orm(column_type = "Text")]
    pub conversation_end_date: Option<String>,
    /// The values that the vendor sent without a column, and those that do not fit their column: an object by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub extra: Json,
    /// A hash of the vendor's columns. It changes if and only if one of them changes.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// When convosync stored this version of the row.
    pub synced_at: DateTime<Utc>,
}

/// No relations: the vendors' tables stand alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl VendorTable for Entity {
    const KEY: &'static [Column] = &[Column::Account, Column::ConversationId];
    const AT: Column = Column::ConversationEndTime;
    const DAY: Column = Column::ConversationStartTime;
    // A conversation that goes on comes again in the file of a later day, and files may be read in any order.
    const VERSION: &'static [Column] = &[Column::ConversationEndTime, Column::SessionEndedTimestamp];

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
