//! The number of jobs in each state.

use chrono::{DateTime, Utc};
use entities::jobs;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QuerySelect};
use serde::Serialize;
use utoipa::ToSchema;

/// The number of jobs in each state.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct QueueDepth {
    /// Jobs that a worker may start now.
    pub due: u64,
    /// Jobs that wait for their due time or for a mail.
    pub waiting: u64,
    /// Jobs that a worker runs.
    pub running: u64,
    /// Jobs that wait for an operator.
    pub parked: u64,
    /// The time since the oldest due job became due, in seconds.
    pub oldest_due_seconds: i64,
}

/// Counts the jobs in each state.
///
/// # Errors
/// Returns the database error.
pub async fn queue_depth(on: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<QueueDepth, DbErr> {
    let is_due = jobs::Column::DueAt.lte(now);
    let rows: Vec<(String, bool, i64, DateTime<Utc>)> = jobs::Entity::find()
        .select_only()
        .column(jobs::Column::State)
        .column_as(is_due.clone(), "is_due")
        .column_as(jobs::Column::Id.count(), "jobs")
        .column_as(jobs::Column::DueAt.min(), "first_due")
        .group_by(jobs::Column::State)
        .group_by(is_due)
        .into_tuple()
        .all(on)
        .await?;
    let mut depth = QueueDepth::default();
    for (state, is_due, count, first_due) in rows {
        let count = u64::try_from(count).unwrap_or(0);
        match state.as_str() {
            "running" => depth.running += count,
            "awaiting" => depth.waiting += count,
            "parked" => depth.parked += count,
            _ if !is_due => depth.waiting += count,
            _ => {
                depth.due += count;
                depth.oldest_due_seconds = depth.oldest_due_seconds.max((now - first_due).num_seconds());
            }
        }
    }
    Ok(depth)
}
