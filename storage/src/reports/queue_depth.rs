//! The number of jobs in each state.

use chrono::{DateTime, Utc};
use entities::jobs;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QuerySelect};
use serde::Serialize;
use utoipa::ToSchema;

/// How many jobs stand where.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct QueueDepth {
    /// Could be asked for now.
    pub due: u64,
    /// Wait for their time.
    pub waiting: u64,
    /// Are being asked for.
    pub running: u64,
    /// Wait for a person.
    pub parked: u64,
    /// How long the oldest due job has been due, in seconds.
    pub oldest_due_seconds: i64,
}

/// How many jobs stand where.
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
