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
use std::collections::BTreeMap;
use storage::ledger::jobs::{Discard, JobList, discard, find, list, retry};
use storage::reports::status::{LaneStatus, lane_statuses};

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
            let snapshot = context.database.report_snapshot().await?;
            let list = list(&snapshot).await?;
            let more = left_out(&list);
            let closed = closed_accounts(lane_statuses(&snapshot, &context.accounts).await?);
            let jobs: Vec<JobRow> = list.jobs.into_iter().map(|job| row(job, &closed)).collect();
            show(output, &jobs, |jobs| rows(jobs))?;
            if let Some(more) = more {
                say(&more);
            }
            Ok(())
        }
        Jobs::Show { id } => {
            let job = find(context.database.connection(), id).await?.ok_or_else(|| unknown(id))?;
            let snapshot = context.database.report_snapshot().await?;
            let closed = closed_accounts(lane_statuses(&snapshot, &context.accounts).await?);
            show(output, &row(job, &closed), |job| rows(std::slice::from_ref(job)))
        }
        Jobs::Retry { id } => {
            retry(&context.database, id).await?.then_some(()).ok_or_else(|| unknown(id))?;
            say(&format!("job {id} is due now"));
            Ok(())
        }
        Jobs::Discard { id } => {
            match discard(&context.database, &context.accounts, id).await? {
                Discard::Discarded => say(&format!("job {id} is discarded; its window counts as missing")),
                Discard::NotFound => return Err(unknown(id)),
                Discard::OwedByLiveSync => return Err(owed_by_live_sync(context, id).await?),
                Discard::OwedByBackfill(backfill) => return Err(owed_by_backfill(id, backfill)),
            }
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

/// The accounts whose lanes only an operator can open, each with the reason and the next step.
fn closed_accounts(lanes: Vec<LaneStatus>) -> BTreeMap<String, String> {
    let closed = lanes.into_iter().filter(|lane| lane.closed_until.is_none());
    let reasons = closed.filter_map(|lane| Some((lane.accounts, lane.closed_because?)));
    reasons.flat_map(|(accounts, because)| accounts.into_iter().map(move |name| (name, because.clone()))).collect()
}

/// The refusal to discard a job that the scheduler would plan again, with the operator's ways out.
async fn owed_by_live_sync(context: &CommandContext, id: i64) -> Result<Failure, Failure> {
    let job = find(context.database.connection(), id).await?;
    let account = job.map_or_else(String::new, |job| job.account);
    Ok(Failure::usage(format!(
        "job {id} stays: the live sync of {account} must fetch its window, so that the scheduler would plan it again. Remove \
         the cause and run convosync jobs retry {id}; or import a file that holds the window: convosync import {account} \
         FILE; or set accounts.{account}.since to a later day and restart"
    )))
}

fn owed_by_backfill(id: i64, backfill: i64) -> Failure {
    Failure::usage(format!(
        "job {id} stays: backfill {backfill} must fetch its window, so that the scheduler would plan it again. Remove the \
         cause and run convosync jobs retry {id}; or give the backfill up: convosync backfill cancel {backfill}"
    ))
}

/// A job as JSON. No request is sent on a closed lane, so that its reason is also that of a job without one.
fn row(job: Model, closed: &BTreeMap<String, String>) -> JobRow {
    let because = closed.get(&job.account).cloned();
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
        reason: job.reason.or(because),
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
