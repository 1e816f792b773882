//! `convosync lanes`

use super::Opened;
use crate::arguments::{Lanes, Output};
use crate::failure::Failure;
use crate::output::{or_dash, show, table, utc};
use crate::talk::say;
use chrono::TimeDelta;
use domain::lane::Closing;
use entities::lanes::{ensure, set_closed};
use entities::report::status;

/// Looks at the lanes, shuts one or opens it.
pub async fn run(opened: &Opened, output: Output, order: Lanes) -> Result<(), Failure> {
    match order {
        Lanes::List => {
            let lanes = status(&opened.database, &opened.roster).await?.lanes;
            show(output, &lanes, |lanes| {
                let mut rows = table(["lane of", "in flight", "closed until", "why"]);
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
        Lanes::Close { account, how_long, reason } => {
            let now = opened.database.now(opened.database.connection()).await?;
            let until = how_long.and_then(|span| TimeDelta::from_std(span).ok()).map(|span| now + span);
            set(opened, &account, Some(&Closing { until, reason })).await?;
            say(&match until {
                Some(until) => format!("the lane of {account} is shut until {}", utc(until)),
                None => format!("the lane of {account} is shut; open it with: convosync lanes open {account}"),
            });
            Ok(())
        }
        Lanes::Open { account } => {
            set(opened, &account, None).await?;
            say(&format!("the lane of {account} is open"));
            Ok(())
        }
    }
}

async fn set(opened: &Opened, account: &str, closing: Option<&Closing>) -> Result<(), Failure> {
    opened.account(account)?;
    let Some(lane) = opened.roster.lane(account) else { return Ok(()) };
    ensure(&opened.database, lane).await?;
    let on = opened.database.connection();
    set_closed(on, &lane.key, closing, opened.database.now(on).await?).await?;
    Ok(())
}
