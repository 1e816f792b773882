//! The limits of each credential over all workers.

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;

/// One row per lane. A lane limits the requests with one credential over all workers.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "lanes")]
pub struct Model {
    /// The lane's key: a hash of vendor and credential, keyed by the installation's `lane_secret`.
    #[sea_orm(primary_key, auto_increment = false, column_type = "Text")]
    pub lane: String,
    /// The minimum time between the end of one request and the start of the next in the same slot, in milliseconds.
    pub spacing_ms: i64,
    /// The maximum number of requests at a time.
    pub max_in_flight: i32,
    /// When the lane was closed to all workers; `NULL` while it is open.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the lane opens again; `NULL` in a closed lane that an operator must open.
    pub closed_until: Option<DateTime<Utc>>,
    /// Why the lane is closed, for operators.
    #[sea_orm(column_type = "Text", nullable)]
    pub closed_reason: Option<String>,
    /// How many times in a row the vendor has refused the credential.
    pub refusals: i32,
    /// The day that `quota_used` counts, in the zone of the vendor.
    #[sea_orm(column_type = "Text", nullable)]
    pub quota_day: Option<String>,
    /// The number of requests on that day.
    pub quota_used: i32,
    /// The operation whose lanes share a daily quota, as a hash with the same key; `NULL` if the lane has its own.
    #[sea_orm(column_type = "Text", nullable)]
    pub quota_group: Option<String>,
    /// The requests a day that the vendor permits, as it last stated.
    pub quota_limit: Option<i32>,
    /// The day on which the vendor was last asked for that, in its zone.
    #[sea_orm(column_type = "Text", nullable)]
    pub quota_asked_day: Option<String>,
    /// The requests of other clients on that day, as the vendor stated then.
    pub quota_others: i32,
    /// When a job with a purpose other than `live` last started.
    pub background_at: Option<DateTime<Utc>>,
    /// When a job of a backfill last started.
    pub backfill_at: Option<DateTime<Utc>>,
    /// The first send time that no worker has reserved, if the vendor limits the rate.
    pub next_send_at: Option<DateTime<Utc>>,
}

/// No relations: queries join by name.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
