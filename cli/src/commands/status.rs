//! `convosync status`

use super::CommandContext;
use super::lanes::lanes_table;
use crate::arguments::Output;
use crate::console::{print, say};
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use comfy_table::Table;
use domain::duration::in_words;
use domain::health::NOBODY_WORKING;
use storage::reports::status::{ProcessStatus, Status, status};

/// Shows the accounts, the lanes and the queue.
pub async fn run(context: &CommandContext, output: Output) -> Result<(), Failure> {
    let status = status(&context.database.report_snapshot().await?, &context.accounts).await?;
    if output == Output::Json {
        return show(output, &status, |_| Table::new());
    }
    print(&status.health.headline)?;
    for reason in &status.health.reasons {
        say(&format!("{}; {}", reason.sentence, reason.next_step));
    }
    print(&accounts(&status).to_string())?;
    print(&lanes_table(&status.lanes).to_string())?;
    print(&processes(&status.processes).to_string())?;
    for (name, webhooks) in status.accounts.iter().filter_map(|account| Some((&account.name, account.webhooks?))) {
        let lost = webhooks
            .lost
            .map_or_else(String::new, |lost| format!("; {lost} ended items came by a list, without a webhook"));
        say(&format!("{name}: {} webhook events in seven days{lost}", webhooks.taken));
    }
    for account in &status.accounts {
        for reason in account.reasons.iter().filter(|reason| reason.reason != NOBODY_WORKING) {
            say(&format!("{}: {}; {}", account.name, reason.sentence, reason.next_step));
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
        let days = account.days;
        rows.add_row([
            account.name.clone(),
            account.source.clone(),
            account.state.as_str().to_owned(),
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

/// The processes, or one line that there is none.
fn processes(processes: &[ProcessStatus]) -> Table {
    let mut rows = table(["process", "roles", "version", "last seen"]);
    for process in processes {
        let seen = if process.is_seen { "" } else { ", not running" };
        rows.add_row([
            process.name.clone(),
            process.roles.join(", "),
            process.version.clone(),
            format!("{} ago{seen}", in_words(process.last_seen_seconds)),
        ]);
    }
    if processes.is_empty() {
        rows.add_row(["–", "–", "–", "no process is running"]);
    }
    rows
}
