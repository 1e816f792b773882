//! Treble's histories: one row per entry of a session's history, whether it is a message or not.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One row per entry of a session's history, message or not. Only messages fill the columns from `type` to `read_at`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_messages")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The session's id, from the request.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub session_id: String,
    /// The position among all entries of the history, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i64,
    /// When the session was created, from the request. The entry belongs to the same day.
    pub session_created_at: DateTime<Utc>,
    /// The type of the entry, as it came: `MESSAGE` or another word. From the vendor's `type`.
    #[sea_orm(column_type = "Text")]
    pub entry_type: Option<String>,
    /// The type of the message: `HSM` (a template), `TEXT`, `IMAGE` and others. From the vendor's `message.type`.
    #[sea_orm(column_name = "type", column_type = "Text")]
    pub kind: Option<String>,
    /// The sender, as it came: `USER`, `AI`, `AGENT` and others. From the vendor's `message.sender`.
    #[sea_orm(column_type = "Text")]
    pub sender: Option<String>,
    /// The text. From the vendor's `message.text`.
    #[sea_orm(column_type = "Text")]
    pub text: Option<String>,
    /// The URL of the message's file. From the vendor's `message.file_url`.
    #[sea_orm(column_type = "Text")]
    pub file_url: Option<String>,
    /// When the message was created. From the vendor's `message.created_at`.
    pub created_at: Option<DateTime<Utc>>,
    /// When the message was delivered. From the vendor's `message.delivered_at`.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When the message was read. From the vendor's `message.read_at`.
    pub read_at: Option<DateTime<Utc>>,
    /// The whole entry if it is no message. Of a message: the members without a column, values that do not fit their
    /// column, and the vendor's own `extra`.
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
    const KEY: &'static [Column] = &[Column::Account, Column::SessionId, Column::Ordinal];
    // Not the message's own time: a message of a session belongs to the day that the session is looked for on.
    const AT: Column = Column::SessionCreatedAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
