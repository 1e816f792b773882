//! `convosync status`

use super::Opened;
use crate::arguments::Output;
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use crate::talk::{print, say};
use comfy_table::Table;
use entities::report::{Health, Status, status};

/// How everything stands.
pub async fn run(opened: &Opened, output: Output) -> Result<(), Failure> {
    let status = status(&opened.database, &opened.roster).await?;
    if output == Output::Json {
        return show(output, &status, |_| Table::new());
    }
    print(&accounts(&status).to_string())?;
    print(&lanes(&status).to_string())?;
    for (name, webhooks) in status.accounts.iter().filter_map(|account| Some((&account.name, account.webhooks?))) {
        let lost =
            webhooks.lost.map_or_else(String::new, |lost| format!("; {lost} ends that none told were found by asking"));
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
        say("something waits for a person: convosync jobs list");
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
        let word = match account.state {
            Health::Ok => "ok",
            Health::Late => "late",
            Health::Down => "down",
            Health::Parked => "parked",
        };
        let days = account.days;
        rows.add_row([
            account.name.clone(),
            account.source.clone(),
            word.to_owned(),
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

fn lanes(status: &Status) -> Table {
    let mut rows = table(["lane of", "in flight", "closed until", "why"]);
    for lane in &status.lanes {
        let until = match (&lane.closed_until, &lane.closed_reason) {
            (Some(until), _) => utc(*until),
            (None, Some(_)) => "opened by a person".to_owned(),
            (None, None) => "open".to_owned(),
        };
        let flight = format!("{} of {}", lane.held, lane.width);
        rows.add_row([lane.accounts.join(", "), flight, until, or_dash(lane.closed_reason.as_ref())]);
    }
    rows
}
