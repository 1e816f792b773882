//! Certainly's message report: one row per message that a bot produced or received.
//!
//! The columns carry the vendor's names, its nested ones joined by `_`. Ids are text, as the vendor writes them as numbers
//! and as texts.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per message that a bot sent or received, from the message report. Ids are texts. An empty text is stored as
/// `NULL`, because a file cannot tell the two apart.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certainly_messages")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The bot's id, which is also the stream's name. It is the parameter `botId` of the request.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub bot_id: String,
    /// The message's id. If the vendor sent none: `~` and a hash of conversation, timestamp and message. From the
    /// vendor's `id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub message_id: String,
    /// "The date and time of the conversation". The vendor files messages by it. From the vendor's `timestamp`.
    pub timestamp: DateTime<Utc>,
    /// The text that the user typed or pressed. From the vendor's `message`.
    #[sea_orm(column_type = "Text", nullable)]
    pub message: Option<String>,
    /// The bot's answer: a list of bubbles with `text`, `type` and `wait`; `type` in lower case. From the vendor's
    /// `response`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub response: Option<Json>,
    /// The conversation's id. From the vendor's `conversation_id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub conversation_id: Option<String>,
    /// "From which previous Modules the message was reached": a list of their ids. From the vendor's
    /// `through_bot_modules`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub through_bot_modules: Option<Json>,
    /// The id of "the specific Module to which input has been made". From the vendor's `bot_module_id` or
    /// `bot_module.id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_id: Option<String>,
    /// Whether the message comes from the tester. From the vendor's `is_test`.
    pub is_test: Option<bool>,
    /// The id of an agent at a third party. From the vendor's `external_agent`.
    #[sea_orm(column_type = "Text", nullable)]
    pub external_agent: Option<String>,
    /// The id of the connection by which the message was reached. From the vendor's `through_connection_id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub through_connection_id: Option<String>,
    /// Whether global connections triggered the response. From the vendor's `is_global_module_match`.
    pub is_global_module_match: Option<bool>,
    /// "Used to flag a logic deletion." From the vendor's `is_deleted`.
    pub is_deleted: Option<bool>,
    /// The id of the connection that matched. From the vendor's `id_message_evaluate`.
    #[sea_orm(column_type = "Text", nullable)]
    pub id_message_evaluate: Option<String>,
    /// The module's connections: a list of objects with `type`, `fallback` and `position`. From the vendor's `data`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub data: Option<Json>,
    /// Whether the user's message is empty. From the vendor's `user_message_empty`.
    pub user_message_empty: Option<bool>,
    /// Whether the bot's response is empty. From the vendor's `bot_response_empty`.
    pub bot_response_empty: Option<bool>,
    /// The module's name. From the vendor's `bot_module.name`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_name: Option<String>,
    /// The module's type: statement, multiple choice and others. From the vendor's `bot_module.type`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_type: Option<String>,
    /// The module's text, with its variables. From the vendor's `bot_module.instruction`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_instruction: Option<String>,
    /// The module's text for input that does not fit. From the vendor's `bot_module.error_instruction`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_error_instruction: Option<String>,
    /// Whether the module was reached by a global connection. From the vendor's `bot_module.is_global`.
    pub bot_module_is_global: Option<bool>,
    /// The module's priority, a number of the vendor. From the vendor's `bot_module.priority`.
    pub bot_module_priority: Option<i64>,
    /// Whether conversations start at the module. From the vendor's `bot_module.is_starting`.
    pub bot_module_is_starting: Option<bool>,
    /// The id of the module that the bot falls back to. From the vendor's `bot_module.fallback_module_id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_fallback_module_id: Option<String>,
    /// Whether the bot goes on without waiting for the user. From the vendor's `bot_module.skip_user_input`.
    pub bot_module_skip_user_input: Option<bool>,
    /// Whether the module ignores global connections. From the vendor's `bot_module.skip_global_connection_evaluation`.
    pub bot_module_skip_global_connection_evaluation: Option<bool>,
    /// The group of paths that the module belongs to. From the vendor's `bot_module.group`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub bot_module_group: Option<Json>,
    /// The module's tags: a list of objects with `label`, `colour` and `id`. From the vendor's `bot_module.kpis`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub bot_module_kpis: Option<Json>,
    /// The vendor's id for the user. From the vendor's `botuser.id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub botuser_id: Option<String>,
    /// When the user first opened a chat with this bot. From the vendor's `botuser.created_date`.
    pub botuser_created_date: Option<DateTime<Utc>>,
    /// The data that the vendor collected about the user: `web` with `host`, `current_ip` and `hostPageUrl`, which are
    /// personal data. From the vendor's `botuser.botuser_meta`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub botuser_meta: Option<Json>,
    /// The values that the vendor sent without a column, and those that do not fit their column: an object by name.
    #[sea_orm(column_type = "JsonBinary")]
    pub extra: Json,
    /// A hash of the vendor's columns. It changes if and only if one of them changes.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// When convosync stored this version of the row.
    pub synced_at: DateTime<Utc>,
    /// Since when the vendor's answers lack the row; `NULL` while they name it. The view of final rows leaves such rows out.
    pub gone_at: Option<DateTime<Utc>>,
}

/// No relations: the vendors' tables stand alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl VendorTable for Entity {
    const KEY: &'static [Column] = &[Column::Account, Column::BotId, Column::MessageId];
    const AT: Column = Column::Timestamp;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
