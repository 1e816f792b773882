//! The number of jobs in each state.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, Statement};
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
    let count_due = "SUM(CASE WHEN due_at <= $1 THEN 1 ELSE 0 END)";
    let sql =
        format!("SELECT state, COUNT(*) AS jobs, {count_due} AS due, MIN(due_at) AS first FROM jobs GROUP BY state");
    let statement = Statement::from_sql_and_values(on.get_database_backend(), sql, [now.into()]);
    let mut depth = QueueDepth::default();
    for row in on.query_all_raw(statement).await? {
        let count = |name: &str| row.try_get::<i64>("", name).map(|count| u64::try_from(count).unwrap_or(0));
        let (jobs, due) = (count("jobs")?, count("due")?);
        match row.try_get::<String>("", "state")?.as_str() {
            "running" => depth.running += jobs,
            "awaiting" => depth.waiting += jobs,
            "parked" => depth.parked += jobs,
            _ => {
                depth.due += due;
                depth.waiting += jobs - due;
                let first: DateTime<Utc> = row.try_get("", "first")?;
                depth.oldest_due_seconds = depth.oldest_due_seconds.max((now - first).num_seconds());
            }
        }
    }
    Ok(depth)
}
