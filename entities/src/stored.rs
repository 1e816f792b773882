//! Wants as rows, and back.

use crate::ledger::StreamId;
use crate::tables::wants;
use chrono::{DateTime, Utc};
use domain::want::{Purpose, Slice, Standing, Want};
use domain::window::Window;
use sea_orm::{NotSet, Set};
use std::time::Duration;

/// How a window is marked that is to come by mail.
pub(crate) const EXPORT: &str = "export";
/// How the windows of a part begin: no key of a source's does.
const PART: &str = "part/";

/// A want from its row; `None` where the row holds no slice.
pub(crate) fn to_want(row: &wants::Model) -> Option<Want> {
    let slice = match (row.from_at.zip(row.to_at), &row.slice_key, row.delivery_id) {
        (Some((from, to)), Some(how), _) if how == EXPORT => Slice::Export(Window::new(from, to)?),
        (Some((from, to)), Some(how), _) if let Some(part) = how.strip_prefix(PART) => {
            Slice::Part(part.to_owned(), Window::new(from, to)?)
        }
        (Some((from, to)), None, _) => Slice::Window(Window::new(from, to)?),
        (_, Some(key), _) => Slice::Key(key.clone()),
        (None, None, Some(id)) => Slice::Delivery(id),
        (None, None, None) => return None,
    };
    let is_key = matches!(slice, Slice::Key(_) | Slice::Delivery(_));
    Some(Want {
        id: row.id,
        purpose: to_purpose(&row.purpose, row.backfill_id),
        slice,
        due: row.due_at,
        expected: Duration::from_millis(u64::try_from(row.expected_ms).unwrap_or(0)),
        attempt: row.attempt,
        failures: u32::try_from(row.failures).unwrap_or(0),
        rechecks: u32::try_from(row.rechecks).unwrap_or(0),
        asked: row.asked_at,
        of: row.from_at.zip(row.to_at).filter(|_| is_key).and_then(|(from, to)| Window::new(from, to)),
        seen: row.seen_at,
        has_ended: row.has_ended,
        unheld: row.unheld_from_at.zip(row.unheld_to_at).and_then(|(from, to)| Window::new(from, to)),
        standing: to_standing(row),
    })
}

/// A row from a want; without an id, for a new one.
pub(crate) fn want_row(id: &StreamId, want: &Want) -> wants::ActiveModel {
    let window = want.concerns();
    let (standing, until, reason) = standing_columns(&want.standing);
    wants::ActiveModel {
        id: NotSet,
        account: Set(id.account.clone()),
        stream: Set(id.stream.clone()),
        purpose: Set(want.purpose.as_str().to_owned()),
        backfill_id: Set(backfill_of(want.purpose)),
        from_at: Set(window.as_ref().map(Window::from)),
        to_at: Set(window.as_ref().map(Window::to)),
        slice_key: Set(slice_key(&want.slice)),
        delivery_id: Set(match want.slice {
            Slice::Delivery(id) => Some(id),
            Slice::Window(_) | Slice::Export(_) | Slice::Part(..) | Slice::Key(_) => None,
        }),
        due_at: Set(want.due),
        expected_ms: Set(i64::try_from(want.expected.as_millis()).unwrap_or(i64::MAX)),
        attempt: Set(want.attempt),
        failures: Set(i32::try_from(want.failures).unwrap_or(i32::MAX)),
        rechecks: Set(i32::try_from(want.rechecks).unwrap_or(i32::MAX)),
        asked_at: Set(want.asked),
        seen_at: Set(want.seen),
        has_ended: Set(want.has_ended),
        unheld_from_at: Set(want.unheld.as_ref().map(Window::from)),
        unheld_to_at: Set(want.unheld.as_ref().map(Window::to)),
        standing: Set(standing.to_owned()),
        until_at: Set(until),
        reason: Set(reason),
    }
}

/// What a slice is called, where it is not a window of everything.
pub(crate) fn slice_key(slice: &Slice) -> Option<String> {
    match slice {
        Slice::Key(key) => Some(key.clone()),
        Slice::Export(_) => Some(EXPORT.to_owned()),
        Slice::Part(part, _) => Some(format!("{PART}{part}")),
        Slice::Window(_) | Slice::Delivery(_) => None,
    }
}

/// Which backfill a purpose names.
pub(crate) fn backfill_of(purpose: Purpose) -> Option<i64> {
    match purpose {
        Purpose::Backfill(id) => Some(id),
        Purpose::Live | Purpose::Lead | Purpose::Settle => None,
    }
}

/// Where a want stands, from its row.
fn to_standing(row: &wants::Model) -> Standing {
    let until = row.until_at.unwrap_or(DateTime::UNIX_EPOCH);
    match row.standing.as_str() {
        "handed" => Standing::Handed { until },
        "running" => Standing::Running { until },
        "awaiting" => Standing::Awaiting { until },
        "parked" => Standing::Parked { reason: row.reason.clone().unwrap_or_default() },
        _ => Standing::Waiting,
    }
}

fn standing_columns(standing: &Standing) -> (&'static str, Option<DateTime<Utc>>, Option<String>) {
    match standing {
        Standing::Waiting => ("waiting", None, None),
        Standing::Handed { until } => ("handed", Some(*until), None),
        Standing::Running { until } => ("running", Some(*until), None),
        Standing::Awaiting { until } => ("awaiting", Some(*until), None),
        Standing::Parked { reason } => ("parked", None, Some(reason.clone())),
    }
}

fn to_purpose(word: &str, backfill: Option<i64>) -> Purpose {
    match (word, backfill) {
        ("backfill", Some(id)) => Purpose::Backfill(id),
        ("live", _) => Purpose::Live,
        ("lead", _) => Purpose::Lead,
        _ => Purpose::Settle,
    }
}
