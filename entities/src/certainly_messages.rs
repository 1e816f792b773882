//! Certainly's message report: one row per message that a bot produced or received.
//!
//! The columns carry the vendor's names, its nested ones joined by `_`. Ids are text, as the vendor writes them as numbers
//! and as texts.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certainly_messages")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The bot, which is also the stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub bot_id: String,
    /// The vendor's `id`; where it sent none, `~` and a hash of conversation, timestamp and message.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub message_id: String,
    /// "The date and time of the conversation", in UTC; the vendor files by it.
    pub timestamp: DateTime<Utc>,
    /// What the user typed or pressed. Nothing and an empty text are one and the same here, and in all columns below.
    #[sea_orm(column_type = "Text", nullable)]
    pub message: Option<String>,
    /// What the bot answered, bubble by bubble: `text`, `type`, `wait`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub response: Option<Json>,
    /// The conversation.
    #[sea_orm(column_type = "Text", nullable)]
    pub conversation_id: Option<String>,
    /// "From which previous Modules the message was reached": their ids.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub through_bot_modules: Option<Json>,
    /// "The specific Module to which input has been made"; also the vendor's `bot_module.id`.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_id: Option<String>,
    /// Whether it comes from the tester.
    pub is_test: Option<bool>,
    /// An agent's id at a third party.
    #[sea_orm(column_type = "Text", nullable)]
    pub external_agent: Option<String>,
    /// The connection by which the message was reached.
    #[sea_orm(column_type = "Text", nullable)]
    pub through_connection_id: Option<String>,
    /// Whether global connections prompted the response.
    pub is_global_module_match: Option<bool>,
    /// "Used to flag a logic deletion."
    pub is_deleted: Option<bool>,
    /// The connection that was matched.
    #[sea_orm(column_type = "Text", nullable)]
    pub id_message_evaluate: Option<String>,
    /// The module's connections: `type`, `fallback`, `position`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub data: Option<Json>,
    /// Whether the user said nothing.
    pub user_message_empty: Option<bool>,
    /// Whether the bot said nothing.
    pub bot_response_empty: Option<bool>,
    /// `bot_module.name`: as its author called it.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_name: Option<String>,
    /// `bot_module.type`: statement, multiple choice and so on.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_type: Option<String>,
    /// `bot_module.instruction`: the text as its author sees it.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_instruction: Option<String>,
    /// `bot_module.error_instruction`: what is said to input that does not fit.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_error_instruction: Option<String>,
    /// `bot_module.is_global`: whether it was reached by a global connection.
    pub bot_module_is_global: Option<bool>,
    /// `bot_module.priority`: the vendor's own index.
    pub bot_module_priority: Option<i64>,
    /// `bot_module.is_starting`: whether the conversation starts here.
    pub bot_module_is_starting: Option<bool>,
    /// `bot_module.fallback_module_id`: the module to fall back to.
    #[sea_orm(column_type = "Text", nullable)]
    pub bot_module_fallback_module_id: Option<String>,
    /// `bot_module.skip_user_input`: whether it goes on without waiting for the user.
    pub bot_module_skip_user_input: Option<bool>,
    /// `bot_module.skip_global_connection_evaluation`: whether it looks at no global connection.
    pub bot_module_skip_global_connection_evaluation: Option<bool>,
    /// `bot_module.group`: the group of paths it belongs to.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub bot_module_group: Option<Json>,
    /// `bot_module.kpis`: its tags: `label`, `colour`, `id`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub bot_module_kpis: Option<Json>,
    /// `botuser.id`: the vendor's id for the user.
    #[sea_orm(column_type = "Text", nullable)]
    pub botuser_id: Option<String>,
    /// `botuser.created_date`: when the user first opened a chat with this bot.
    pub botuser_created_date: Option<DateTime<Utc>>,
    /// `botuser.botuser_meta`: what was collected about the user: `web` with `host`, `current_ip`, `hostPageUrl`.
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub botuser_meta: Option<Json>,
    /// What the vendor sent beyond the documented fields, and values that did not fit their column.
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
    const KEY: &'static [Column] = &[Column::Account, Column::BotId, Column::MessageId];
    const AT: Column = Column::Timestamp;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
