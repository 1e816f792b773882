//! `convosync status`

use super::CommandContext;
use super::lanes::lanes_table;
use crate::arguments::Output;
use crate::console::{print, say};
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use comfy_table::Table;
use storage::reports::status::Health;
use storage::reports::status::Status;
use storage::reports::status::status;

/// Shows the accounts, the lanes and the queue.
pub async fn run(context: &CommandContext, output: Output) -> Result<(), Failure> {
    let status = status(&context.database.report_snapshot().await?, &context.accounts).await?;
    if output == Output::Json {
        return show(output, &status, |_| Table::new());
    }
    print(&accounts(&status).to_string())?;
    print(&lanes_table(&status.lanes).to_string())?;
    for (name, webhooks) in status.accounts.iter().filter_map(|account| Some((&account.name, account.webhooks?))) {
        let lost = webhooks
            .lost
            .map_or_else(String::new, |lost| format!("; {lost} ended items came by a list, without a webhook"));
        say(&format!("{name}: {} webhook events in seven days{lost}", webhooks.taken));
    }
    for account in &status.accounts {
        for warning in &account.warnings {
            say(&format!("{}: {warning}", account.name));
        }
    }
    let queue = status.queue;
    print(&format!(
        "queue: {} due, {} waiting, {} running, {} parked",
        queue.due, queue.waiting, queue.running, queue.parked
    ))?;
    if queue.parked > 0 {
        say("parked jobs wait for an operator; see convosync jobs list");
    }
    Ok(())
}

fn accounts(status: &Status) -> Table {
    let mut rows = table([
        "account",
        "source",
        "state",
        "proven until",
        "late",
        "final",
        "provisional",
        "missing",
        "blocked",
        "last error",
    ]);
    for account in &status.accounts {
        let state = match account.state {
            Health::Ok => "ok",
            Health::Late => "late",
            Health::Down => "down",
            Health::Parked => "parked",
        };
        let days = account.days;
        rows.add_row([
            account.name.clone(),
            account.source.clone(),
            state.to_owned(),
            utc(account.proven_until),
            format!("{} s", account.lateness_seconds),
            days.r#final.to_string(),
            days.provisional.to_string(),
            days.missing.to_string(),
            days.blocked.to_string(),
            or_dash(account.last_error.as_ref()),
        ]);
    }
    rows
}
