//! `convosync lanes`

use super::CommandContext;
use crate::arguments::{Lanes, Output};
use crate::console::say;
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use chrono::TimeDelta;
use domain::lane::LaneClosure;
use storage::lanes::{ensure, set_closed};
use storage::reports::status::status;

/// Lists the lanes, closes one or opens it.
pub async fn run(context: &CommandContext, output: Output, command: Lanes) -> Result<(), Failure> {
    match command {
        Lanes::List => {
            let lanes = status(&context.database.report_snapshot().await?, &context.accounts).await?.lanes;
            show(output, &lanes, |lanes| {
                let mut rows = table(["lane of", "in flight", "closed until", "reason"]);
                for lane in lanes {
                    let flight = format!("{} of {}", lane.held, lane.width);
                    rows.add_row([
                        lane.accounts.join(", "),
                        flight,
                        or_dash(lane.closed_until.map(utc)),
                        or_dash(lane.closed_reason.as_ref()),
                    ]);
                }
                rows
            })
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
    }
}

async fn set(context: &CommandContext, account: &str, closing: Option<&LaneClosure>) -> Result<(), Failure> {
    context.account(account)?;
    let Some(lane) = context.accounts.lane(account) else { return Ok(()) };
    ensure(&context.database, lane).await?;
    let on = context.database.connection();
    set_closed(on, &lane.key, closing, context.database.now(on).await?).await?;
    Ok(())
}
