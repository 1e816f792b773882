//! What is asked for and not yet answered.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One job.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// The job's id.
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
    /// The slice, where it is a window; else the stretch that is not known in full before it is answered.
    pub from_at: Option<DateTime<Utc>>,
    /// The same stretch's end.
    pub to_at: Option<DateTime<Utc>>,
    /// The slice, where it is a key; `export` where it is a window to come by mail; `part/` and a part's name where it
    /// is a window of that part.
    #[sea_orm(column_type = "Text", nullable)]
    pub slice_key: Option<String>,
    /// The slice, where it is a delivery.
    pub delivery_id: Option<i64>,
    /// Not before then.
    pub due_at: DateTime<Utc>,
    /// How long the asking is expected to take, in milliseconds.
    pub expected_ms: i64,
    /// How often it has been handed out.
    pub attempt: i32,
    /// Failures in a row.
    pub failures: i32,
    /// How often its answer was stored but not counted.
    pub rechecks: i32,
    /// `waiting`, `handed`, `running`, `awaiting` or `parked`.
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// When a ticket, a lease or a mail counts as lost.
    pub until_at: Option<DateTime<Utc>>,
    /// Why it waits for a person, or the last failure.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// When the vendor first took the question, where it answers by mail.
    pub requested_at: Option<DateTime<Utc>>,
    /// The newest version of it that was named.
    pub seen_version_at: Option<DateTime<Utc>>,
    /// Whether it is said to be at its end.
    pub has_ended: bool,
    /// The stretch of which nothing is held before it is answered: where one begins.
    pub missing_from_at: Option<DateTime<Utc>>,
    /// The same stretch's end.
    pub missing_to_at: Option<DateTime<Utc>>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
