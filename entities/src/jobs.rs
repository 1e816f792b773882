//! Open jobs: slices that are to be fetched.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per open job: one slice of a stream to fetch.
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
    /// Why the job exists: `live`, `item`, `list` (a partition of a list), `settle` or `backfill`.
    #[sea_orm(column_type = "Text")]
    pub purpose: String,
    /// The backfill's id in `backfills`, if the purpose is `backfill`.
    pub backfill_id: Option<i64>,
    /// The start of the window to fetch. For an item or a delivery: the start of the window that is incomplete until
    /// the job is answered.
    pub from_at: Option<DateTime<Utc>>,
    /// The end of the same window, exclusive.
    pub to_at: Option<DateTime<Utc>>,
    /// The key of the item to fetch; `export` for a window that the vendor answers by mail; `part/` and the name of a
    /// partition for a window of that partition; `NULL` for any other window.
    #[sea_orm(column_type = "Text", nullable)]
    pub slice_key: Option<String>,
    /// The id of the delivery in `deliveries`, if the job processes one.
    pub delivery_id: Option<i64>,
    /// The earliest instant to start.
    pub due_at: DateTime<Utc>,
    /// The expected time of the exchange, in milliseconds.
    pub expected_ms: i64,
    /// The number of times that the scheduler dispatched the job.
    pub attempt: i32,
    /// The number of failures in a row.
    pub failures: i32,
    /// The number of answers that were stored without completing the job.
    pub rechecks: i32,
    /// The number of attempts in a row whose worker vanished before it stored a result; below 0 where a worker has announced
    /// that it lost its lease.
    pub lost_attempts: i32,
    /// `waiting`, `dispatched`, `running`, `awaiting` (a mail) or `parked` (an operator must act).
    #[sea_orm(column_type = "Text")]
    pub state: String,
    /// When the ticket, the lease or the mail counts as lost.
    pub until_at: Option<DateTime<Utc>>,
    /// Why the job is parked, for operators; `NULL` in any other state.
    #[sea_orm(column_type = "Text", nullable)]
    pub reason: Option<String>,
    /// When a worker first requested the export, if the vendor answers by mail.
    pub requested_at: Option<DateTime<Utc>>,
    /// The newest version of the item that a list or a webhook named.
    pub seen_version_at: Option<DateTime<Utc>>,
    /// Whether a list or a webhook said that the item has ended.
    pub has_ended: bool,
    /// The start of the window that counts as missing until the job is answered; `NULL` for a refetch.
    pub missing_from_at: Option<DateTime<Utc>>,
    /// The end of the same window, exclusive.
    pub missing_to_at: Option<DateTime<Utc>>,
    /// Whether a list or a webhook named the item while a worker was fetching it: the answer may be older, so that the item
    /// is fetched once more.
    pub refetch: bool,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
