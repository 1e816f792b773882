//! Converts a job to a row of `jobs`, and a row to a job.

use crate::ledger::StreamId;
use chrono::{DateTime, Utc};
use domain::job::{Job, JobState, Purpose};
use domain::slice::Slice;
use domain::window::Window;
use entities::jobs;
use sea_orm::{NotSet, Set};
use std::time::Duration;

/// The slice key of a window that the vendor answers by mail.
pub(crate) const EXPORT: &str = "export";
/// The prefix of the slice keys of a partition's windows. No source has an item whose key begins so.
const PARTITION: &str = "part/";

/// The purpose of a job that fetches one item.
pub(crate) const ITEM: &str = "item";
/// The purpose of a job that fetches a window of one partition of a list.
const LIST: &str = "list";
/// The purposes of all other jobs.
pub(crate) const WITHOUT_ITEMS: [&str; 4] = ["live", "settle", "backfill", LIST];

/// Converts a row to a job; `None` if the row has no slice.
pub(crate) fn to_job(row: &jobs::Model) -> Option<Job> {
    let slice = match (row.from_at.zip(row.to_at), &row.slice_key, row.delivery_id) {
        (Some((from, to)), Some(key), _) if key == EXPORT => Slice::Export(Window::new(from, to)?),
        (Some((from, to)), Some(key), _) if let Some(name) = key.strip_prefix(PARTITION) => {
            Slice::Partition(name.to_owned(), Window::new(from, to)?)
        }
        (Some((from, to)), None, _) => Slice::Window(Window::new(from, to)?),
        (_, Some(key), _) => Slice::Item(key.clone()),
        (None, None, Some(id)) => Slice::Delivery(id),
        (None, None, None) => return None,
    };
    let has_scope = matches!(slice, Slice::Item(_) | Slice::Delivery(_));
    Some(Job {
        id: row.id,
        purpose: to_purpose(&row.purpose, row.backfill_id),
        slice,
        due: row.due_at,
        expected: Duration::from_millis(u64::try_from(row.expected_ms).unwrap_or(0)),
        attempt: row.attempt,
        failures: u32::try_from(row.failures).unwrap_or(0),
        rechecks: u32::try_from(row.rechecks).unwrap_or(0),
        lost_attempts: row.lost_attempts,
        requested_at: row.requested_at,
        scope: row.from_at.zip(row.to_at).filter(|_| has_scope).and_then(|(from, to)| Window::new(from, to)),
        seen_version: row.seen_version_at,
        has_ended: row.has_ended,
        missing_scope: row.missing_from_at.zip(row.missing_to_at).and_then(|(from, to)| Window::new(from, to)),
        refetch: row.refetch,
        state: to_state(row),
    })
}

/// Converts a job to a row without an id.
pub(crate) fn job_row(id: &StreamId, job: &Job) -> jobs::ActiveModel {
    let window = job.covered_window();
    let (state, until, reason) = state_columns(&job.state);
    jobs::ActiveModel {
        id: NotSet,
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        purpose: Set(purpose_word(job).to_owned()),
        backfill_id: Set(backfill_of(job.purpose)),
        from_at: Set(window.as_ref().map(Window::from)),
        to_at: Set(window.as_ref().map(Window::to)),
        slice_key: Set(slice_key(&job.slice)),
        delivery_id: Set(match job.slice {
            Slice::Delivery(id) => Some(id),
            Slice::Window(_) | Slice::Export(_) | Slice::Partition(..) | Slice::Item(_) => None,
        }),
        due_at: Set(job.due),
        expected_ms: Set(i64::try_from(job.expected.as_millis()).unwrap_or(i64::MAX)),
        attempt: Set(job.attempt),
        failures: Set(i32::try_from(job.failures).unwrap_or(i32::MAX)),
        rechecks: Set(i32::try_from(job.rechecks).unwrap_or(i32::MAX)),
        lost_attempts: Set(job.lost_attempts),
        requested_at: Set(job.requested_at),
        seen_version_at: Set(job.seen_version),
        has_ended: Set(job.has_ended),
        missing_from_at: Set(job.missing_scope.as_ref().map(Window::from)),
        missing_to_at: Set(job.missing_scope.as_ref().map(Window::to)),
        refetch: Set(job.refetch),
        state: Set(state.to_owned()),
        until_at: Set(until),
        reason: Set(reason),
    }
}

/// The slice key of a job; `None` for a plain window or a delivery.
pub(crate) fn slice_key(slice: &Slice) -> Option<String> {
    match slice {
        Slice::Item(key) => Some(key.clone()),
        Slice::Export(_) => Some(EXPORT.to_owned()),
        Slice::Partition(name, _) => Some(format!("{PARTITION}{name}")),
        Slice::Window(_) | Slice::Delivery(_) => None,
    }
}

/// The id of a purpose's backfill.
pub(crate) fn backfill_of(purpose: Purpose) -> Option<i64> {
    match purpose {
        Purpose::Backfill(id) => Some(id),
        Purpose::Live | Purpose::Item | Purpose::Settle => None,
    }
}

/// Reads the state of a job from its row.
fn to_state(row: &jobs::Model) -> JobState {
    let until = row.until_at.unwrap_or(DateTime::UNIX_EPOCH);
    match row.state.as_str() {
        "dispatched" => JobState::Dispatched { until },
        "running" => JobState::Running { until },
        "awaiting" => JobState::Awaiting { until },
        "parked" => JobState::Parked { reason: row.reason.clone().unwrap_or_default() },
        _ => JobState::Waiting,
    }
}

fn state_columns(state: &JobState) -> (&'static str, Option<DateTime<Utc>>, Option<String>) {
    match state {
        JobState::Waiting => ("waiting", None, None),
        JobState::Dispatched { until } => ("dispatched", Some(*until), None),
        JobState::Running { until } => ("running", Some(*until), None),
        JobState::Awaiting { until } => ("awaiting", Some(*until), None),
        JobState::Parked { reason } => ("parked", None, Some(reason.clone())),
    }
}

fn to_purpose(word: &str, backfill: Option<i64>) -> Purpose {
    match (word, backfill) {
        ("backfill", Some(id)) => Purpose::Backfill(id),
        ("live", _) => Purpose::Live,
        (ITEM | LIST, _) => Purpose::Item,
        _ => Purpose::Settle,
    }
}

/// The word for the purpose of a job. A stream has any number of items and few partitions, so that both have words of
/// their own.
fn purpose_word(job: &Job) -> &'static str {
    match job.slice {
        Slice::Partition(..) => LIST,
        Slice::Window(_) | Slice::Export(_) | Slice::Item(_) | Slice::Delivery(_) => job.purpose.as_str(),
    }
}
