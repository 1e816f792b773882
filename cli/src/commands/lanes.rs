//! `convosync lanes`

use super::CommandContext;
use crate::arguments::{Lanes, Output};
use crate::console::say;
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use chrono::TimeDelta;
use comfy_table::Table;
use domain::lane::{Freeing, LaneClosure};
use serde::Serialize;
use storage::lanes::free::{FreedLane, SlotState, free};
use storage::lanes::{ensure, set_closed};
use storage::reports::status::{LaneStatus, lane_statuses};

/// Lists the lanes, closes one, opens it or frees its slots.
pub async fn run(context: &CommandContext, output: Output, command: Lanes) -> Result<(), Failure> {
    match command {
        Lanes::List => {
            let lanes = lane_statuses(&context.database.report_snapshot().await?, &context.accounts).await?;
            show(output, &lanes, |lanes| lanes_table(lanes))
        }
        Lanes::Close { account, duration, reason } => {
            let now = context.database.now(context.database.connection()).await?;
            let until = duration.and_then(|span| TimeDelta::from_std(span).ok()).map(|span| now + span);
            set(context, &account, Some(&LaneClosure { until, reason })).await?;
            say(&match until {
                Some(until) => format!("the lane of {account} is closed until {}", utc(until)),
                None => format!("the lane of {account} is closed; open it with: convosync lanes open {account}"),
            });
            Ok(())
        }
        Lanes::Open { account } => {
            set(context, &account, None).await?;
            say(&format!("the lane of {account} is open"));
            Ok(())
        }
        Lanes::Free { account, force } => free_slots(context, output, account, force).await,
    }
}

/// The lanes as `lanes list` and `status` print them.
pub(super) fn lanes_table(lanes: &[LaneStatus]) -> Table {
    let mut rows = table(["lane of", "in flight", "closed until", "reason"]);
    for lane in lanes {
        let until = match (lane.closed_until, &lane.closed_reason) {
            (Some(until), _) => utc(until),
            (None, Some(_)) => "an operator opens it".to_owned(),
            (None, None) => "open".to_owned(),
        };
        let in_flight = format!("{} of {}", lane.held, lane.width);
        rows.add_row([lane.accounts.join(", "), in_flight, until, or_dash(lane.closed_because.as_ref())]);
    }
    rows
}

/// The result of `lanes free`, as JSON.
#[derive(Serialize)]
struct FreeResult {
    account: String,
    #[serde(flatten)]
    lane: FreedLane,
}

async fn free_slots(context: &CommandContext, output: Output, account: String, force: bool) -> Result<(), Failure> {
    context.account(&account)?;
    let Some(lane) = context.accounts.lane(&account) else { return Ok(()) };
    let freeing = if force { Freeing::All } else { Freeing::Stranded };
    let lane = free(&context.database, lane, freeing).await?;
    for slot in &lane.freed {
        say(&freed_sentence(slot, &account, force));
    }
    for slot in &lane.kept {
        say(&format!(
            "slot {} of the lane of {account} stays with {} until {}, as any lease may; --force frees it at once, but a \
             request may then be in flight twice",
            slot.slot,
            holder(slot),
            utc(slot.free_at)
        ));
    }
    if lane.freed.is_empty() && lane.kept.is_empty() {
        say(&format!("no slot of the lane of {account} is taken; there is nothing to free"));
    }
    if output == Output::Json { show(output, &FreeResult { account, lane }, |_| table([""])) } else { Ok(()) }
}

fn freed_sentence(slot: &SlotState, account: &str, force: bool) -> String {
    let next = if force {
        "its next request may start now; if that worker still waits for an answer, a request is in flight twice"
            .to_owned()
    } else {
        format!("its next request may start at {}, when a request of that worker must have ended", utc(slot.free_at))
    };
    format!("slot {} of the lane of {account} is taken from {}; {next}", slot.slot, holder(slot))
}

fn holder(slot: &SlotState) -> &str {
    slot.holder.as_deref().unwrap_or("an unknown worker")
}

async fn set(context: &CommandContext, account: &str, closing: Option<&LaneClosure>) -> Result<(), Failure> {
    context.account(account)?;
    let Some(lane) = context.accounts.lane(account) else { return Ok(()) };
    ensure(&context.database, lane).await?;
    let on = context.database.connection();
    set_closed(on, &lane.key, closing, context.database.now(on).await?).await?;
    Ok(())
}
