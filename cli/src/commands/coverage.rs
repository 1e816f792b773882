//! `convosync coverage`

use super::Opened;
use crate::arguments::{Coverage, Output, Require};
use crate::failure::{Code, Failure};
use crate::output::{or_dash, show, table};
use comfy_table::Table;
use domain::coverage::Trust;
use entities::report::{CoverageDay, coverage, span};

/// Shows an account's days; fails where one is less than required.
pub async fn run(opened: &Opened, output: Output, asked: &Coverage) -> Result<(), Failure> {
    let account = opened.account(&asked.account)?;
    let (first, last) = span(&opened.database, account).await?;
    let (from, to) = (asked.days.from.unwrap_or(first), asked.days.to.unwrap_or(last));
    if to < from {
        return Err(Failure::usage(format!("--to {to} lies before --from {from}")));
    }
    let days = coverage(&opened.database, account, from, to).await?;
    show(output, &days, |days| rows(days))?;
    let least = match asked.require {
        None => return Ok(()),
        Some(Require::Provisional) => Trust::Provisional,
        Some(Require::Final) => Trust::Final,
    };
    let short = days.iter().filter(|day| day.state < least).count();
    if short == 0 {
        return Ok(());
    }
    Err(Failure::new(Code::Check, format!("{short} of {} days are not {}", days.len(), least.as_str())))
}

fn rows(days: &[CoverageDay]) -> Table {
    let mut rows = table(["day", "stream", "state", "rows", "requests", "why"]);
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
