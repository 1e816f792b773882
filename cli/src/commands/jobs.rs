//! `convosync jobs`

use super::CommandContext;
use crate::arguments::{Jobs, Output};
use crate::console::say;
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use chrono::{DateTime, Utc};
use comfy_table::Table;
use entities::jobs::Model;
use serde::Serialize;
use storage::ledger::jobs::{JobList, discard, find, list, retry};

/// A job as JSON.
#[derive(Serialize)]
struct JobRow {
    id: i64,
    account: String,
    stream: String,
    purpose: String,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    key: Option<String>,
    due_at: DateTime<Utc>,
    state: String,
    attempt: i32,
    failures: i32,
    reason: Option<String>,
}

/// Lists, shows, retries or discards jobs.
pub async fn run(context: &CommandContext, output: Output, command: Jobs) -> Result<(), Failure> {
    let unknown = |id: i64| {
        Failure::usage(format!("there is no job {id}, or a worker is working on it; see convosync jobs list"))
    };
    match command {
        Jobs::List => {
            let list = list(&context.database.report_snapshot().await?).await?;
            let more = left_out(&list);
            let jobs: Vec<JobRow> = list.jobs.into_iter().map(row).collect();
            show(output, &jobs, |jobs| rows(jobs))?;
            if let Some(more) = more {
                say(&more);
            }
            Ok(())
        }
        Jobs::Show { id } => {
            let job = find(context.database.connection(), id).await?.ok_or_else(|| unknown(id))?;
            show(output, &row(job), |job| rows(std::slice::from_ref(job)))
        }
        Jobs::Retry { id } => {
            retry(&context.database, id).await?.then_some(()).ok_or_else(|| unknown(id))?;
            say(&format!("job {id} is due now"));
            Ok(())
        }
        Jobs::Discard { id } => {
            discard(&context.database, id).await?.then_some(()).ok_or_else(|| unknown(id))?;
            say(&format!("job {id} is discarded; its window counts as missing"));
            Ok(())
        }
    }
}

/// The sentence about the jobs that the list leaves out; `None` if the list has all.
fn left_out(list: &JobList) -> Option<String> {
    let items = list.more_items.iter().map(|(state, count)| match count {
        1 => format!("1 item {state}"),
        _ => format!("{count} items {state}"),
    });
    let others = match list.more_others {
        0 => None,
        1 => Some("1 window or other job".to_owned()),
        count => Some(format!("{count} windows and other jobs")),
    };
    let parts: Vec<_> = items.chain(others).collect();
    match list.more_items.values().sum::<u64>() + list.more_others {
        0 => None,
        1 => Some(format!("1 more job is open: {}", parts.join(", "))),
        count => Some(format!("{count} more jobs are open: {}", parts.join(", "))),
    }
}

fn row(job: Model) -> JobRow {
    JobRow {
        id: job.id,
        account: job.account,
        stream: job.stream,
        purpose: job.purpose,
        from: job.from_at,
        to: job.to_at,
        key: job.slice_key,
        due_at: job.due_at,
        state: job.state,
        attempt: job.attempt,
        failures: job.failures,
        reason: job.reason,
    }
}

fn rows(jobs: &[JobRow]) -> Table {
    let mut rows =
        table(["id", "account", "stream", "purpose", "item", "from", "to", "due", "state", "failures", "reason"]);
    for row in jobs {
        rows.add_row([
            row.id.to_string(),
            row.account.clone(),
            row.stream.clone(),
            row.purpose.clone(),
            or_dash(row.key.as_ref()),
            or_dash(row.from.map(utc)),
            or_dash(row.to.map(utc)),
            utc(row.due_at),
            row.state.clone(),
            row.failures.to_string(),
            or_dash(row.reason.as_ref()),
        ]);
    }
    rows
}
