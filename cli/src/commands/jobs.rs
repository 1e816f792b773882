//! `convosync jobs`

use super::Opened;
use crate::arguments::{Jobs, Output};
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use crate::talk::say;
use chrono::{DateTime, Utc};
use comfy_table::Table;
use entities::jobs::{discard, find, list, retry};
use entities::tables::wants::Model;
use serde::Serialize;

#[derive(Serialize)]
struct Row {
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

/// Looks at wants, or frees them.
pub async fn run(opened: &Opened, output: Output, order: Jobs) -> Result<(), Failure> {
    let unknown = |id: i64| Failure::usage(format!("there is no job {id} that this could be done to"));
    match order {
        Jobs::List => {
            let found: Vec<Row> = list(opened.database.connection()).await?.into_iter().map(row).collect();
            show(output, &found, |found| rows(found))
        }
        Jobs::Show { id } => {
            let found = find(opened.database.connection(), id).await?.ok_or_else(|| unknown(id))?;
            show(output, &row(found), |found| rows(std::slice::from_ref(found)))
        }
        Jobs::Retry { id } => {
            retry(&opened.database, id).await?.then_some(()).ok_or_else(|| unknown(id))?;
            say(&format!("job {id} is due now"));
            Ok(())
        }
        Jobs::Discard { id } => {
            discard(&opened.database, id).await?.then_some(()).ok_or_else(|| unknown(id))?;
            say(&format!("job {id} is given up"));
            Ok(())
        }
    }
}

fn row(want: Model) -> Row {
    Row {
        id: want.id,
        account: want.account,
        stream: want.stream,
        purpose: want.purpose,
        from: want.from_at,
        to: want.to_at,
        key: want.slice_key,
        due_at: want.due_at,
        state: want.standing,
        attempt: want.attempt,
        failures: want.failures,
        reason: want.reason,
    }
}

fn rows(found: &[Row]) -> Table {
    let mut rows =
        table(["id", "account", "stream", "for", "asks for", "from", "to", "due", "state", "failures", "why"]);
    for row in found {
        rows.add_row([
            row.id.to_string(),
            row.account.clone(),
            row.stream.clone(),
            row.purpose.clone(),
            row.key.clone().unwrap_or_else(|| "everything".to_owned()),
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
