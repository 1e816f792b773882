//! Treble's histories: one row per entry of a session's history, whether it is a message or not.

use crate::schema::{TableSchema, VendorTable};
use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use std::sync::LazyLock;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "treble_messages")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The session.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub session_id: String,
    /// Its place among all entries of the history, from 0.
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i64,
    /// When the session was made, in UTC and to the second: its day is the entry's day.
    pub session_created_at: DateTime<Utc>,
    /// `MESSAGE`, or another word, as it came. What is below is filled for messages only.
    #[sea_orm(column_type = "Text")]
    pub entry_type: Option<String>,
    /// `HSM` (a template), `TEXT`, `IMAGE` and so on; the message's `type`.
    #[sea_orm(column_name = "type", column_type = "Text")]
    pub kind: Option<String>,
    /// `USER`, `AI`, `AGENT` and so on, as it came.
    #[sea_orm(column_type = "Text")]
    pub sender: Option<String>,
    /// What it says.
    #[sea_orm(column_type = "Text")]
    pub text: Option<String>,
    /// Where its file is.
    #[sea_orm(column_type = "Text")]
    pub file_url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// All of an entry that is no message; of a message, what has no column, values that did not fit theirs, and the
    /// vendor's own `extra`.
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
    const KEY: &'static [Column] = &[Column::Account, Column::SessionId, Column::Ordinal];
    // Not the message's own time: a message of a session belongs to the day that the session is looked for on.
    const AT: Column = Column::SessionCreatedAt;

    fn schema() -> &'static TableSchema {
        static SCHEMA: LazyLock<TableSchema> = LazyLock::new(TableSchema::of::<Entity>);
        &SCHEMA
    }
}
