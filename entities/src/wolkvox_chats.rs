//! Wolkvox report `chat_8`: one row per chat with the bot, whether or not it reached an agent.
//!
//! The 22 columns from `conn_id` to `customer_email` carry the vendor's names. Text is stored as it came (an absent
//! value is the vendor's empty text); what follows is derived from it.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One chat.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "wolkvox_chats")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The chat's id; where the vendor sent none (blank, "-" or "0"), `~` and a hash of session, start and phone.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub conn_id: String,
    /// Customer and connector; repeats over a customer's chats.
    #[sea_orm(column_type = "Text")]
    pub session_id: String,
    /// Messages exchanged.
    pub times_chatted: Option<i64>,
    /// Start, as the account's clocks showed it.
    #[sea_orm(column_type = "Text")]
    pub start_date: String,
    /// End, as the account's clocks showed it; empty while open.
    #[sea_orm(column_type = "Text")]
    pub end_date: String,
    /// Time with the bot, `HH:MM:SS`.
    #[sea_orm(column_type = "Text")]
    pub time_on_chatbot: String,
    /// Routing point.
    #[sea_orm(column_type = "Text")]
    pub rp_id: String,
    /// `whatsapp`, `web`, `facebook`, `instagram`, `telegram`, …
    #[sea_orm(column_type = "Text")]
    pub channel: String,
    /// `yes` or `no`.
    #[sea_orm(column_type = "Text")]
    pub go_to_agent: String,
    /// The customer's telephone number.
    #[sea_orm(column_type = "Text")]
    pub customer_phone: String,
    /// The customer's name.
    #[sea_orm(column_type = "Text")]
    pub customer_name: String,
    /// The agent's extension.
    #[sea_orm(column_type = "Text")]
    pub agent_id: String,
    /// The agent's name.
    #[sea_orm(column_type = "Text")]
    pub agent_name: String,
    /// Time with the agent, `HH:MM:SS`.
    #[sea_orm(column_type = "Text")]
    pub time_with_agent: String,
    /// Total time, `HH:MM:SS`.
    #[sea_orm(column_type = "Text")]
    pub total_time: String,
    /// Characters typed by the customer.
    pub customer_chars: Option<i64>,
    /// Characters typed by the agent.
    pub agent_chars: Option<i64>,
    /// Characters typed by both.
    pub total_chars: Option<i64>,
    /// Average speed of answer, `HH:MM:SS`.
    #[sea_orm(column_type = "Text")]
    pub asa: String,
    /// `agent`, `chat_bot` or `customer`.
    #[sea_orm(column_type = "Text")]
    pub last_sender: String,
    /// The customer's identification number.
    #[sea_orm(column_type = "Text")]
    pub customer_id: String,
    /// The customer's e-mail address.
    #[sea_orm(column_type = "Text")]
    pub customer_email: String,
    /// `start_date` in UTC; `None` where it cannot be read.
    pub start_at: Option<DateTime<Utc>>,
    /// `end_date` in UTC.
    pub end_at: Option<DateTime<Utc>>,
    /// `time_on_chatbot` in seconds.
    pub time_on_chatbot_seconds: Option<i64>,
    /// `time_with_agent` in seconds.
    pub time_with_agent_seconds: Option<i64>,
    /// `total_time` in seconds.
    pub total_time_seconds: Option<i64>,
    /// `asa` in seconds.
    pub asa_seconds: Option<i64>,
    /// What the vendor sent beyond the documented columns, and values that did not fit their column's type.
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
    const KEY: &'static [Column] = &[Column::Account, Column::ConnId];
    // Which of a chat's times the vendor goes by is not known. An open chat has only this one.
    const AT: Column = Column::StartAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
