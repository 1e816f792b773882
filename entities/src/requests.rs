//! Every exchange with a vendor, with its outcome.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per exchange with a vendor: the request, its outcome and its effect.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "requests")]
pub struct Model {
    /// The exchange's id.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The account's name in the settings.
    #[sea_orm(column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(column_type = "Text")]
    pub stream: String,
    /// The purpose of the job: `live`, `item`, `settle` or `backfill`.
    #[sea_orm(column_type = "Text")]
    pub purpose: String,
    /// The backfill's id in `backfills`, if the purpose is `backfill`.
    pub backfill_id: Option<i64>,
    /// The start of the requested window, or of the item's.
    pub from_at: Option<DateTime<Utc>>,
    /// The end of the same window, exclusive.
    pub to_at: Option<DateTime<Utc>>,
    /// When the worker sent the request.
    pub sent_at: DateTime<Utc>,
    /// The time until the last byte of the response, in milliseconds.
    pub elapsed_ms: i64,
    /// `answer`, or the kind of fault: `throttled`, `quota`, `unauthorised`, `maintenance`, `busy`, `unreachable`,
    /// `timeout`, `malformed`, `incomplete`, `too_large`, `database` or `refused`.
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    /// The decision that followed: `commit`, `recheck`, `split`, `export`, `await`, `snooze`, `retry` or `park`.
    #[sea_orm(column_type = "Text")]
    pub verdict: String,
    /// The number of rows that the vendor sent.
    pub rows: i64,
    /// The number of rows that were new.
    pub inserted: i64,
    /// The number of rows that differed from the stored ones.
    pub updated: i64,
    /// The number of rows that were stored before.
    pub unchanged: i64,
    /// The number of rows that went to `rejects`.
    pub rejected: i64,
    /// The text of the fault, for operators.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// The key of the slice, as in `jobs`.
    #[sea_orm(column_type = "Text", nullable)]
    pub slice_key: Option<String>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
