//! `convosync demo`: the whole service at work on a simulated vendor.

mod hooked;
mod stage;
mod vendors;

use crate::arguments::Demo;
use crate::compare::Comparison;
use crate::failure::{Code, Failure};
use crate::output::table;
use crate::signals;
use crate::talk::{print, say};
use comfy_table::Table;
use hooked::Told;
use stage::Stage;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vendors::DAYS;

/// How long the vendor stumbles in the story.
const HICCUP: Duration = Duration::from_secs(8);
/// How often the story tells of new rows.
const NEWS: Duration = Duration::from_secs(5);

/// Plays the story: a backlog, live polls, a hiccup, and the comparison at the end.
pub async fn run(asked: Demo) -> Result<(), Failure> {
    let (stop, interrupted) = (CancellationToken::new(), CancellationToken::new());
    signals::listen(&TaskTracker::new(), interrupted.clone())?;
    let stage = Stage::set(&asked, stop.clone()).await?;
    for (vendor, at) in stage.vendors.addresses() {
        say(&format!("A simulated {vendor} answers at {at}; it holds {DAYS} days."));
    }
    say(&format!(
        "The dashboard is at http://{}/ and the rows go to {}.",
        stage.dashboard_at,
        asked.database.display()
    ));
    let played = tokio::select! {
        played = play(&stage, asked.once) => played,
        () = interrupted.cancelled() => Ok(()),
        () = stop.cancelled() => Err(Failure::new(Code::Unexpected, "the service ended by itself")),
    };
    let compared = stage.curtain().await;
    played?;
    let compared = compared?;
    say(&heard(stage.vendors.hooked.told()));
    print(&told(&compared).to_string())?;
    if compared.iter().all(|(_, compared)| compared.is_equal()) {
        say("The tables equal what the vendors hold.");
        return Ok(());
    }
    for (table, compared) in &compared {
        for (what, rows) in [("missing", &compared.missing), ("not the vendor's", &compared.surplus)] {
            for row in rows.iter().take(5) {
                say(&format!("{table}: {what}: {row}"));
            }
        }
    }
    Err(Failure::new(Code::Check, "a table differs from what its vendor holds"))
}

async fn play(stage: &Stage, once: bool) -> Result<(), Failure> {
    say(&format!(
        "Backfills of {DAYS} days are ordered. Two days at Certainly hold too much for one answer; they come by mail."
    ));
    say("Truora and Treble list what there is, and tell by webhooks what happens; of those some get lost.");
    let rows = stage.backfill().await?;
    say(&format!("{rows} rows came with {} requests.", stage.vendors.requests()));
    if once {
        return Ok(());
    }
    say("From now on a live poll every few seconds brings what is new. Ctrl-C ends the story.");
    stage.news(NEWS, 3).await?;
    say("The vendors stumble: they throttle, break off and show web pages for a few seconds …");
    stage.vendors.stumble(true);
    stage.news(HICCUP / 2, 2).await?;
    stage.vendors.stumble(false);
    say("… and recover. What was missed is asked for again.");
    loop {
        stage.news(NEWS, 1).await?;
    }
}

/// What the webhooks came to.
fn heard(told: Told) -> String {
    let Told { events, lost, twice, late } = told;
    let found = match lost {
        0 => "None was lost".to_owned(),
        1 => "One was lost, and a list brought what it would have told".to_owned(),
        _ => format!("{lost} were lost, and the lists brought what they would have told"),
    };
    format!("{events} webhooks were due. {found}; {twice} came twice and count once, {late} came late.")
}

fn told(compared: &[(&'static str, Comparison)]) -> Table {
    let mut rows = table(["", "vendor", "table", "equal", "missing", "surplus"]);
    for (name, compared) in compared {
        rows.add_row([
            (*name).to_owned(),
            compared.vendor.to_string(),
            compared.table.to_string(),
            compared.equal.to_string(),
            compared.missing.len().to_string(),
            compared.surplus.len().to_string(),
        ]);
    }
    rows
}
