//! The number of jobs in each state.

use chrono::{DateTime, Utc};
use entities::jobs;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QuerySelect};
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
    let rows: Vec<(String, DateTime<Utc>)> = jobs::Entity::find()
        .select_only()
        .columns([jobs::Column::State, jobs::Column::DueAt])
        .into_tuple()
        .all(on)
        .await?;
    let mut depth = QueueDepth::default();
    for (state, due) in rows {
        match state.as_str() {
            "running" => depth.running += 1,
            "awaiting" => depth.waiting += 1,
            "parked" => depth.parked += 1,
            _ if due > now => depth.waiting += 1,
            _ => {
                depth.due += 1;
                depth.oldest_due_seconds = depth.oldest_due_seconds.max((now - due).num_seconds());
            }
        }
    }
    Ok(depth)
}
