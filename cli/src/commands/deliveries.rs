//! `convosync deliveries`

use super::CommandContext;
use crate::arguments::{Deliveries, Output};
use crate::console::say;
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use comfy_table::Table;
use serde::Serialize;
use storage::deliveries::list::{DeliveryFilter, DeliverySummary, find, list};
use storage::deliveries::revoke::{Revocation, RevokedDelivery, revoke};

/// A delivery as JSON.
#[derive(Serialize)]
struct DeliveryRow {
    #[serde(flatten)]
    summary: DeliverySummary,
    /// The first and the last day that the delivery proved, in the account's zone.
    days: Option<[NaiveDate; 2]>,
}

/// The result of `deliveries revoke`, as JSON.
#[derive(Serialize)]
struct RevokeResult {
    id: i64,
    account: String,
    stream: String,
    /// The days that count as missing again.
    days: Vec<NaiveDate>,
    /// The number of rows that count no longer.
    rows: u64,
}

/// Lists, shows or revokes deliveries.
pub async fn run(context: &CommandContext, output: Output, command: Deliveries) -> Result<(), Failure> {
    match command {
        Deliveries::List { account, state, kind, limit } => {
            let filter = DeliveryFilter { account, state, kind, limit };
            let found = list(context.database.connection(), &filter).await?;
            let rows: Vec<DeliveryRow> = found.into_iter().map(|summary| row(context, summary)).collect();
            show(output, &rows, |rows| deliveries_table(rows))
        }
        Deliveries::Show { id } => {
            let found = find(context.database.connection(), id).await?.ok_or_else(|| unknown(id))?;
            show(output, &row(context, found), delivery_table)
        }
        Deliveries::Revoke { id } => match revoke(&context.database, &context.accounts, id).await? {
            Revocation::Revoked(revoked) => tell(output, id, revoked),
            Revocation::NotFound => Err(unknown(id)),
            Revocation::NothingToRevoke(reason) => Err(Failure::usage(format!(
                "delivery {id} stays as it is: {reason}; see convosync deliveries show {id}"
            ))),
        },
    }
}

fn tell(output: Output, id: i64, revoked: RevokedDelivery) -> Result<(), Failure> {
    let RevokedDelivery { account, stream, days, rows } = revoked;
    let reopened = match days.as_slice() {
        [] => "no day depended on it".to_owned(),
        [day] => format!("{day} counts as missing"),
        [first, .., last] => format!("{} days from {first} to {last} count as missing", days.len()),
    };
    say(&format!(
        "delivery {id} of {account} is revoked: {reopened}, {rows} rows count no longer; the worker requests the days again"
    ));
    let result = RevokeResult { id, account, stream, days, rows };
    if output == Output::Json { show(output, &result, |_| table([""])) } else { Ok(()) }
}

fn unknown(id: i64) -> Failure {
    Failure::usage(format!("there is no delivery {id}; see convosync deliveries list"))
}

fn row(context: &CommandContext, summary: DeliverySummary) -> DeliveryRow {
    let account = summary.account.as_deref().and_then(|name| context.accounts.account(name));
    let zone = account.map_or(Tz::UTC, |account| account.source.zone());
    let days = summary
        .from
        .zip(summary.to)
        .map(|(from, to)| [from, to - TimeDelta::milliseconds(1)].map(|at| at.with_timezone(&zone).date_naive()));
    DeliveryRow { summary, days }
}

fn days_of(row: &DeliveryRow) -> String {
    or_dash(row.days.map(|[first, last]| if first == last { first.to_string() } else { format!("{first} to {last}") }))
}

fn deliveries_table(rows: &[DeliveryRow]) -> Table {
    let mut listed = table(["id", "received", "kind", "state", "account", "stream", "days", "rows", "reason"]);
    for row in rows {
        let DeliverySummary { id, kind, state, account, stream, reason, rows, received_at, .. } = &row.summary;
        listed.add_row([
            id.to_string(),
            utc(*received_at),
            kind.clone(),
            state.clone(),
            or_dash(account.as_ref()),
            or_dash(stream.as_ref()),
            days_of(row),
            rows.to_string(),
            or_dash(reason.as_ref()),
        ]);
    }
    listed
}

fn delivery_table(row: &DeliveryRow) -> Table {
    let DeliverySummary { id, kind, origin, identity, state, account, stream, reason, rows, received_at, .. } =
        &row.summary;
    let mut shown = table(["delivery", &id.to_string()]);
    for (name, value) in [
        ("kind", kind.clone()),
        ("origin", origin.clone()),
        ("identity", identity.clone()),
        ("received", utc(*received_at)),
        ("state", state.clone()),
        ("reason", or_dash(reason.as_ref())),
        ("account", or_dash(account.as_ref())),
        ("stream", or_dash(stream.as_ref())),
        ("days", days_of(row)),
        ("rows", rows.to_string()),
    ] {
        shown.add_row([name.to_owned(), value]);
    }
    shown
}
