//! Rows that a parser rejected.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per row of a vendor that the parser rejected.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rejects")]
pub struct Model {
    /// The reject's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account's name in the settings.
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(column_type = "Text")]
    pub stream: String,
    /// A hash of the whole row, so that the same row is stored once.
    #[sea_orm(column_type = "Text")]
    pub digest: String,
    /// The start of the requested window.
    pub from_at: Option<DateTime<Utc>>,
    /// The end of the requested window, exclusive.
    pub to_at: Option<DateTime<Utc>>,
    /// Why the parser rejected the row.
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    /// The row as it came, or its beginning: at most 16 KiB, and 1 MiB of an answer. May hold personal data.
    #[sea_orm(column_type = "Text")]
    pub raw: String,
    /// When the row was first rejected.
    pub rejected_at: DateTime<Utc>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
