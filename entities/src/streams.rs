//! The state of each stream besides its coverage: planning, speed and failures.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per stream of an account: the progress of planning, and the observed speed of the vendor.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "streams")]
pub struct Model {
    /// The account's name in the settings.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub account: String,
    /// The stream's name.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub stream: String,
    /// The vendor's name, as in the setting `source`.
    #[sea_orm(column_type = "Text")]
    pub source: String,
    /// The start of the live sync, if the settings do not give one.
    pub since_at: Option<DateTime<Utc>>,
    /// The newest live slot for which the scheduler planned a job.
    pub slot_at: Option<DateTime<Utc>>,
    /// The live slot at which the scheduler last planned the whole unsettled window.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// The first instant that the newest answer did not reach, because the vendor's clock or the database's had not; `NULL`
    /// if the answer reached the end of its window.
    pub unproven_at: Option<DateTime<Utc>>,
    /// How far the vendor's clock was ahead of the database's in the last answer that stated it, in seconds; negative if it
    /// was behind.
    pub clock_skew_seconds: Option<i64>,
    /// The number of rows per day, learned from all answers except live ones.
    pub rows_per_day: Option<f64>,
    /// The number of rows per day, learned from live answers.
    pub live_rows_per_day: Option<f64>,
    /// The mean square of the relative difference between expected and found rows, less what chance alone explains.
    pub rows_spread: f64,
    /// How dense the rows of each hour of the week are, from Monday 00:00 UTC: 168 pairs of little-endian 32-bit floating-point
    /// numbers, rows in units of the hourly mean and observed hours.
    #[sea_orm(column_type = "Blob", nullable)]
    pub week_profile: Option<Vec<u8>>,
    /// The expected time of a request without rows, in seconds.
    pub base_seconds: f64,
    /// The expected further time per row, in seconds.
    pub seconds_per_row: f64,
    /// Rises with each change to the ledger, so that the scheduler plans only streams that have changed.
    pub revision: i64,
    /// When the worker last stored an answer.
    pub answered_at: Option<DateTime<Utc>>,
    /// The first failure since the last success; `NULL` after a success.
    pub failing_since: Option<DateTime<Utc>>,
    /// The text of the last failure, for operators.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
