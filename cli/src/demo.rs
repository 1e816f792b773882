//! `convosync demo`: the whole service at work on a simulated vendor.

mod stage;

use crate::arguments::Demo;
use crate::compare::Comparison;
use crate::failure::{Code, Failure};
use crate::output::table;
use crate::signals;
use crate::talk::{print, say};
use comfy_table::Table;
use simulator::wolkvox::Faults;
use stage::Stage;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long the vendor stumbles in the story.
const HICCUP: Duration = Duration::from_secs(8);
/// How often the story tells of new rows.
const NEWS: Duration = Duration::from_secs(5);

/// Plays the story: a backlog, live polls, a hiccup, and the comparison at the end.
pub async fn run(asked: Demo) -> Result<(), Failure> {
    let (stop, interrupted) = (CancellationToken::new(), CancellationToken::new());
    signals::listen(&TaskTracker::new(), interrupted.clone())?;
    let stage = Stage::set(&asked, stop.clone()).await?;
    say(&format!(
        "A simulated Wolkvox answers at {}; it holds 30 days of chats, and new ones start every few seconds.",
        stage.vendor_at
    ));
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
    print(&told(&compared).to_string())?;
    if compared.is_equal() {
        say("The table equals what the vendor holds.");
        return Ok(());
    }
    for (what, rows) in [("missing", &compared.missing), ("not the vendor's", &compared.surplus)] {
        for row in rows.iter().take(5) {
            say(&format!("{what}: {row}"));
        }
    }
    Err(Failure::new(Code::Check, "the table differs from what the vendor holds"))
}

async fn play(stage: &Stage, once: bool) -> Result<(), Failure> {
    say("A backfill of 30 days is ordered.");
    let done = stage.backfill().await?;
    say(&format!("{} rows came with {} requests.", done.rows, stage.requests()));
    if once {
        return Ok(());
    }
    say("From now on a live poll every few seconds brings what is new. Ctrl-C ends the story.");
    stage.news(NEWS, 3).await?;
    say("The vendor stumbles: it throttles, breaks off and shows web pages for a few seconds …");
    stage.stumble(Faults {
        throttle_429: 0.4,
        retry_after: Duration::from_secs(2),
        server_500: 0.3,
        html_200: 0.2,
        ..Faults::default()
    });
    stage.news(HICCUP / 2, 2).await?;
    stage.stumble(Faults::default());
    say("… and recovers. What was missed is asked for again.");
    loop {
        stage.news(NEWS, 1).await?;
    }
}

fn told(compared: &Comparison) -> Table {
    let mut rows = table(["", "vendor", "table", "equal", "missing", "surplus"]);
    rows.add_row([
        "wolkvox_chats".to_owned(),
        compared.vendor.to_string(),
        compared.table.to_string(),
        compared.equal.to_string(),
        compared.missing.len().to_string(),
        compared.surplus.len().to_string(),
    ]);
    rows
}
