//! Ultimate (Zendesk AI agents), data export: one row per conversation.
//!
//! The columns carry the vendor's names in small letters, because its two versions and its documents differ in theirs.
//! Lists come in three spellings and are stored in one; what a file does not say is `NULL`.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One conversation.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ultimate_conversations")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The bot's id: the stream's name.
    #[sea_orm(column_type = "Text")]
    pub bot_id: String,
    /// The bot's name.
    #[sea_orm(column_type = "Text")]
    pub bot_name: Option<String>,
    /// The conversation's id; it stays the same when the conversation goes on in a later session.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub conversation_id: String,
    /// The chat's or ticket's id in the CRM.
    #[sea_orm(column_type = "Text")]
    pub platform_conversation_id: Option<String>,
    /// Start.
    pub conversation_start_time: Option<DateTime<Utc>>,
    /// End. The vendor files a conversation under the day, in UTC, on which it ended.
    pub conversation_end_time: Option<DateTime<Utc>>,
    /// Version 3 only.
    #[sea_orm(column_type = "Text")]
    pub conversation_type: Option<String>,
    /// Its language, such as `en`.
    #[sea_orm(column_type = "Text")]
    pub language: Option<String>,
    /// `chat` or `ticket`.
    #[sea_orm(column_type = "Text")]
    pub channel: Option<String>,
    /// The labels: a list of texts.
    #[sea_orm(column_type = "JsonBinary")]
    pub labels: Option<Json>,
    /// A list of texts; version 3 only.
    #[sea_orm(column_type = "JsonBinary")]
    pub segments: Option<Json>,
    /// The session's parameters that have a value: an object. May hold personal data. `conversation_data` in the live
    /// export.
    #[sea_orm(column_type = "JsonBinary")]
    pub conversations_data: Option<Json>,
    /// Whether somebody only tried the bot.
    pub test_mode: Option<bool>,
    /// As it came: `botHandled`, `bot_handled`, `email`, `agent`, `customEscalation`, `failedEscalation`.
    #[sea_orm(column_type = "Text")]
    pub conversation_status: Option<String>,
    /// `informed`, `resolved`, `escalated` or `undefined`.
    #[sea_orm(column_type = "Text")]
    pub last_resolution: Option<String>,
    /// In the live export only.
    #[sea_orm(column_type = "Text")]
    pub resolution_tier: Option<String>,
    /// `true`, `false` or another word; version 3 only.
    #[sea_orm(column_type = "Text")]
    pub automated_resolution: Option<String>,
    /// Why; version 3 only.
    #[sea_orm(column_type = "Text")]
    pub automated_resolution_reasoning: Option<String>,
    /// The replies: a list of objects.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_replies: Option<Json>,
    /// The replies that an intent triggered, oldest first: a list of objects.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_intent_replies: Option<Json>,
    /// A list of texts; version 3 only.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_procedures: Option<Json>,
    /// A list of texts; version 3 only.
    #[sea_orm(column_type = "JsonBinary")]
    pub triggered_use_cases: Option<Json>,
    /// Whether at least one answer came from a language model.
    pub is_llm_conversation: Option<bool>,
    /// The vendor's `llm_notUnderstood_count`; version 2 only, like the four below.
    pub llm_notunderstood_count: Option<i64>,
    /// The vendor's `llm_responseGenerated_count`.
    pub llm_responsegenerated_count: Option<i64>,
    /// The vendor's `llm_errorOccurred_count`.
    pub llm_erroroccurred_count: Option<i64>,
    /// The vendor's `llm_escalationRequired_count`.
    pub llm_escalationrequired_count: Option<i64>,
    /// The vendor's `llm_fallback_count`.
    pub llm_fallback_count: Option<i64>,
    /// The vendor's `knowledge_notUnderstood_count`; version 3 only, like the four below.
    pub knowledge_notunderstood_count: Option<i64>,
    /// The vendor's `knowledge_responseGenerated_count`.
    pub knowledge_responsegenerated_count: Option<i64>,
    /// The vendor's `knowledge_errorOccurred_count`.
    pub knowledge_erroroccurred_count: Option<i64>,
    /// The vendor's `knowledge_escalationRequired_count`.
    pub knowledge_escalationrequired_count: Option<i64>,
    /// The vendor's `knowledge_fallback_count`.
    pub knowledge_fallback_count: Option<i64>,
    /// Version 3 only.
    pub has_knowledge_response_attempt: Option<bool>,
    /// A list of texts; version 3 only.
    #[sea_orm(column_type = "JsonBinary")]
    pub knowledge_sources: Option<Json>,
    /// Messages of the bot; 0 for chats of the suggestion engine.
    pub bot_messages_count: Option<i64>,
    /// Messages of the visitor.
    pub visitor_messages_count: Option<i64>,
    /// Messages that were not understood.
    pub not_understood_messages_count: Option<i64>,
    /// When the session ended; in the live export only, like the three below.
    pub session_ended_timestamp: Option<DateTime<Utc>>,
    /// As it came.
    #[sea_orm(column_type = "Text")]
    pub rbp_status_name: Option<String>,
    /// As it came.
    #[sea_orm(column_type = "Text")]
    pub instance_account_id: Option<String>,
    /// The day of the end, as it came.
    #[sea_orm(column_type = "Text")]
    pub conversation_end_date: Option<String>,
    /// What the vendor sent beyond these columns, and values that did not fit their column.
    #[sea_orm(column_type = "JsonBinary")]
    pub extra: Json,
    /// Changes when, and only when, something above does.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// When this state was stored.
    pub synced_at: DateTime<Utc>,
}

/// No relations: the vendors' tables stand alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl VendorTable for Entity {
    const KEY: &'static [Column] = &[Column::Account, Column::ConversationId];
    const AT: Column = Column::ConversationEndTime;
    // A conversation that goes on comes again in the file of a later day, and files may be read in any order.
    const VERSION: Option<Column> = Some(Column::ConversationEndTime);

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
