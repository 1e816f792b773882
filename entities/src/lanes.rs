//! LeaseGuard-taking for each credential, cluster-wide.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lanes")]
pub struct Model {
    /// A salted hash of source and credential.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub lane: String,
    /// The least time between two requests, in milliseconds.
    pub spacing_ms: i64,
    /// How many requests may be in flight.
    pub max_in_flight: i32,
    /// Since when it is shut for all workers.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it opens by itself; empty with `closed_at` set: a person must open it.
    pub closed_until: Option<DateTime<Utc>>,
    /// Why.
    #[sea_orm(column_type = "Text", nullable)]
    pub closed_reason: Option<String>,
    /// The day that `quota_used` counts, where the vendor is.
    #[sea_orm(column_type = "Text", nullable)]
    pub quota_day: Option<String>,
    /// Requests made on that day.
    pub quota_used: i32,
    /// When work other than live last started.
    pub background_at: Option<DateTime<Utc>>,
    /// When a backfill last started.
    pub backfill_at: Option<DateTime<Utc>>,
    /// The first instant at which a request may be sent that nobody has booked, where the vendor sets a rate.
    pub next_send_at: Option<DateTime<Utc>>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
