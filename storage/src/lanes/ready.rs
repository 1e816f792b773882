//! The first jobs of each class that a lane can dispatch now. Each class is one range of an index, so that the cost does not
//! grow with the number of jobs.

use crate::ledger::job_row::to_job;
use chrono::{DateTime, Utc};
use domain::job::Job;
use entities::jobs;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, Statement, Value};

/// The number of candidates of each class and account.
const CANDIDATES: u32 = 8;

/// The classes, each with the condition and the order that one index answers. Items that were never tried go newest first; items
/// that are fetched again, and those of unknown time, go by their due time, as all other work does.
const CLASSES: [&str; 6] = [
    "purpose = 'live' AND state = 'waiting' AND due_at <= $2 ORDER BY due_at",
    "purpose = 'item' AND state = 'waiting' AND rechecks = 0 AND failures = 0 AND to_at > $3 AND due_at <= $2 \
     ORDER BY to_at DESC",
    "purpose = 'item' AND state = 'waiting' AND due_at <= $2 AND (rechecks > 0 OR failures > 0 OR to_at IS NULL) \
     ORDER BY due_at",
    "purpose = 'list' AND state = 'waiting' AND due_at <= $2 ORDER BY due_at",
    "purpose = 'settle' AND state = 'waiting' AND due_at <= $2 ORDER BY due_at",
    "purpose = 'backfill' AND state = 'waiting' AND due_at <= $2 ORDER BY due_at",
];

/// The states of a job whose ticket, lease or mail may be lost.
const STATES_WITH_END: [&str; 3] = ["dispatched", "running", "awaiting"];

/// Loads candidates of `accounts`: jobs that are due at `now`, or whose ticket, lease or mail is overdue.
pub(crate) async fn ready(
    on: &impl ConnectionTrait,
    accounts: &[String],
    now: DateTime<Utc>,
) -> Result<Vec<(jobs::Model, Job)>, DbErr> {
    let mut found = Vec::new();
    for account in accounts {
        let statement = ready_statement(on.get_database_backend(), account, now);
        let rows = jobs::Entity::find().from_raw_sql(statement).all(on).await?;
        found.extend(rows.into_iter().filter_map(|row| to_job(&row).map(|job| (row, job))));
    }
    Ok(found)
}

/// The statement that loads the candidates of one account.
#[must_use]
pub fn ready_statement(backend: DbBackend, account: &str, now: DateTime<Utc>) -> Statement {
    let lost = STATES_WITH_END.map(|state| format!("state = '{state}' AND until_at <= $2 ORDER BY until_at"));
    let conditions = CLASSES.iter().copied().chain(lost.iter().map(String::as_str));
    let part = |condition: &str| {
        format!(
            "SELECT * FROM (SELECT * FROM jobs WHERE account = $1 AND {condition} LIMIT {CANDIDATES}) AS candidates"
        )
    };
    let sql = conditions.map(part).collect::<Vec<_>>().join(" UNION ");
    let values: [Value; 3] = [account.into(), now.into(), DateTime::<Utc>::UNIX_EPOCH.into()];
    Statement::from_sql_and_values(backend, sql, values)
}
