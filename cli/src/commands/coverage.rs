//! `convosync coverage`

use super::CommandContext;
use crate::arguments::{Coverage, Output, Require};
use crate::failure::{Code, Failure};
use crate::output::{or_dash, show, table};
use comfy_table::Table;
use domain::coverage::Completeness;
use storage::reports::coverage::CoverageDay;
use storage::reports::coverage::coverage;
use storage::reports::coverage::span;

/// Shows an account's days; fails if one is less complete than required.
pub async fn run(context: &CommandContext, output: Output, arguments: &Coverage) -> Result<(), Failure> {
    let account = context.account(&arguments.account)?;
    let snapshot = context.database.report_snapshot().await?;
    let (first, last) = span(&snapshot, account).await?;
    let from = arguments.days.from.unwrap_or(first);
    // Today cannot be final, so that a request for final days ends with yesterday.
    let last = match arguments.require {
        Some(Require::Final) => last.pred_opt().filter(|yesterday| from <= *yesterday).unwrap_or(last),
        Some(Require::Provisional) | None => last,
    };
    let to = arguments.days.to.unwrap_or(last);
    if to < from {
        return Err(Failure::usage(format!("--to {to} lies before --from {from}")));
    }
    let days = coverage(&snapshot, account, from, to).await?;
    show(output, &days, |days| rows(days))?;
    let required = match arguments.require {
        None => return Ok(()),
        Some(Require::Provisional) => Completeness::Provisional,
        Some(Require::Final) => Completeness::Final,
    };
    let incomplete = days.iter().filter(|day| day.state < required).count();
    if incomplete == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Code::Check,
        format!("{incomplete} of {} days are not {}; the column `reason` says why", days.len(), required.as_str()),
    ))
}

fn rows(days: &[CoverageDay]) -> Table {
    let mut rows = table(["day", "stream", "state", "rows", "requests", "reason"]);
    for day in days {
        rows.add_row([
            day.day.to_string(),
            day.stream.clone(),
            day.state.as_str().to_owned(),
            day.rows.to_string(),
            day.requests.to_string(),
            or_dash(day.reason.as_ref()),
        ]);
    }
    rows
}
