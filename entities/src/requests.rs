//! The evidence: every request that was made, and what became of it.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    /// Its id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account's name in the settings.
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(column_type = "Text")]
    pub stream: String,
    /// `live`, `item`, `settle` or `backfill`.
    #[sea_orm(column_type = "Text")]
    pub purpose: String,
    /// Which backfill, if any.
    pub backfill_id: Option<i64>,
    /// The window asked for, or when what was asked for by its name began.
    pub from_at: Option<DateTime<Utc>>,
    /// The same window's end.
    pub to_at: Option<DateTime<Utc>>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// Until the last byte, in milliseconds.
    pub elapsed_ms: i64,
    /// What came back: `answer`, or the kind of fault.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    /// What followed: `commit`, `split`, `recheck`, `snooze`, `retry` or `park`.
    #[sea_orm(column_type = "Text")]
    pub verdict: String,
    /// Rows sent by the vendor.
    pub rows: i64,
    /// Rows that were new.
    pub inserted: i64,
    /// Rows that differed.
    pub updated: i64,
    /// Rows that were there already.
    pub unchanged: i64,
    /// Rows kept aside.
    pub rejected: i64,
    /// The fault, for people.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// What was asked for by its name, as `jobs` tells it.
    #[sea_orm(column_type = "Text", nullable)]
    pub slice_key: Option<String>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
