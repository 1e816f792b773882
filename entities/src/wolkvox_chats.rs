//! Wolkvox report `chat_8`: one row per chat with the bot, whether or not it reached an agent.
//!
//! The 22 columns from `conn_id` to `customer_email` carry the vendor's names. Text is stored as it came (an absent
//! value is the vendor's empty text); what follows is derived from it.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per chat with the bot, whether or not it reached an agent, from the report `chat_8`. Texts are stored as
/// they came; an absent value is an empty text.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wolkvox_chats")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The chat's id. If the vendor sent none (blank, `-` or `0`): `~` and a hash of session, start and phone. From the
    /// vendor's `conn_id`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub conn_id: String,
    /// The id of the customer on a channel. The value repeats over a customer's chats. From the vendor's `session_id`.
    #[sea_orm(column_type = "Text")]
    pub session_id: String,
    /// The number of messages. From the vendor's `times_chatted`.
    pub times_chatted: Option<i64>,
    /// The start, in the local time of the account. From the vendor's `start_date`.
    #[sea_orm(column_type = "Text")]
    pub start_date: String,
    /// The end, in the local time of the account; empty while the chat is open. From the vendor's `end_date`.
    #[sea_orm(column_type = "Text")]
    pub end_date: String,
    /// The time with the bot as `HH:MM:SS`. From the vendor's `time_on_chatbot`.
    #[sea_orm(column_type = "Text")]
    pub time_on_chatbot: String,
    /// The id of the routing point. From the vendor's `rp_id`.
    #[sea_orm(column_type = "Text")]
    pub rp_id: String,
    /// The channel: `whatsapp`, `web`, `facebook`, `instagram`, `telegram` and others. From the vendor's `channel`.
    #[sea_orm(column_type = "Text")]
    pub channel: String,
    /// Whether the bot handed the chat to an agent: `yes` or `no`. From the vendor's `go_to_agent`.
    #[sea_orm(column_type = "Text")]
    pub go_to_agent: String,
    /// The customer's telephone number. From the vendor's `customer_phone`.
    #[sea_orm(column_type = "Text")]
    pub customer_phone: String,
    /// The customer's name. From the vendor's `customer_name`.
    #[sea_orm(column_type = "Text")]
    pub customer_name: String,
    /// The agent's extension. From the vendor's `agent_id`.
    #[sea_orm(column_type = "Text")]
    pub agent_id: String,
    /// The agent's name. From the vendor's `agent_name`.
    #[sea_orm(column_type = "Text")]
    pub agent_name: String,
    /// The time with the agent as `HH:MM:SS`. From the vendor's `time_with_agent`.
    #[sea_orm(column_type = "Text")]
    pub time_with_agent: String,
    /// The total time as `HH:MM:SS`. From the vendor's `total_time`.
    #[sea_orm(column_type = "Text")]
    pub total_time: String,
    /// The number of characters that the customer typed. From the vendor's `customer_chars`.
    pub customer_chars: Option<i64>,
    /// The number of characters that the agent typed. From the vendor's `agent_chars`.
    pub agent_chars: Option<i64>,
    /// The number of characters that both typed. From the vendor's `total_chars`.
    pub total_chars: Option<i64>,
    /// The average speed of answer as `HH:MM:SS`. From the vendor's `asa`.
    #[sea_orm(column_type = "Text")]
    pub asa: String,
    /// The sender of the last message: `agent`, `chat_bot` or `customer`. From the vendor's `last_sender`.
    #[sea_orm(column_type = "Text")]
    pub last_sender: String,
    /// The customer's identification number. From the vendor's `customer_id`.
    #[sea_orm(column_type = "Text")]
    pub customer_id: String,
    /// The customer's e-mail address. From the vendor's `customer_email`.
    #[sea_orm(column_type = "Text")]
    pub customer_email: String,
    /// The start as an instant; `NULL` if `start_date` cannot be parsed. The vendor files chats by it. From the
    /// vendor's `start_date`.
    pub start_at: Option<DateTime<Utc>>,
    /// The end as an instant; `NULL` while the chat is open, or if `end_date` cannot be parsed. From the vendor's
    /// `end_date`.
    pub end_at: Option<DateTime<Utc>>,
    /// The time with the bot in seconds. From the vendor's `time_on_chatbot`.
    pub time_on_chatbot_seconds: Option<i64>,
    /// The time with the agent in seconds. From the vendor's `time_with_agent`.
    pub time_with_agent_seconds: Option<i64>,
    /// The total time in seconds. From the vendor's `total_time`.
    pub total_time_seconds: Option<i64>,
    /// The average speed of answer in seconds. From the vendor's `asa`.
    pub asa_seconds: Option<i64>,
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
    const KEY: &'static [Column] = &[Column::Account, Column::ConnId];
    // Which of a chat's times the vendor goes by is not known. An open chat has only this one.
    const AT: Column = Column::StartAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
