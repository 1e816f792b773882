//! `convosync backfill`

use super::Opened;
use crate::arguments::{Backfill, Mode, Output};
use crate::failure::{Code, Failure};
use crate::output::{or_dash, show, table};
use crate::talk::{is_watched, say};
use chrono::NaiveDate;
use comfy_table::Table;
use domain::backfill::Mode as What;
use domain::window::Window;
use entities::backfills::{self, Order, OrderError};
use entities::progress::{Estimate, Progress, estimate, progress};
use entities::roster::Account;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// Orders a backfill, or looks at one.
pub async fn run(opened: &Opened, output: Output, order: Backfill) -> Result<(), Failure> {
    match order {
        Backfill::Start { account, from, to, dry_run, wait, mode } => {
            let account = opened.account(&account)?;
            let window = span(opened, account, from, to).await?;
            let mode = if mode == Mode::All { What::All } else { What::Missing };
            if dry_run {
                let estimate = estimate(&opened.database, account, window, mode).await?;
                return show(output, &estimate, estimated);
            }
            let streams: Vec<String> = account.streams().into_iter().map(|id| id.stream).collect();
            let name = account.source.account();
            let id = backfills::start(&opened.database, name, &streams, window, mode).await?;
            say(&format!("backfill {id} of {name} from {from} to {to} is ordered"));
            let last = if wait { watch(opened, id).await? } else { found(opened, id).await? };
            show(output, &last, |last| listed(std::slice::from_ref(last)))?;
            match last.state.as_str() {
                _ if !wait => Ok(()),
                "done" => Ok(()),
                state => {
                    let (blocked, leads) = (last.blocked, last.leads.blocked);
                    let leads = if leads > 0 { format!(" and {leads} things they name") } else { String::new() };
                    Err(Failure::new(
                        Code::Partly,
                        format!("backfill {id} is {state}; {blocked} windows{leads} wait for a person"),
                    ))
                }
            }
        }
        Backfill::List => {
            let mut all = Vec::new();
            for row in backfills::list(opened.database.connection()).await? {
                all.push(found(opened, row.id).await?);
            }
            show(output, &all, |all| listed(all))
        }
        Backfill::Show { id } => show(output, &found(opened, id).await?, |one| listed(std::slice::from_ref(one))),
        Backfill::Pause { id } => carry_out(opened, output, id, Order::Pause).await,
        Backfill::Resume { id } => carry_out(opened, output, id, Order::Resume).await,
        Backfill::Cancel { id } => carry_out(opened, output, id, Order::Cancel).await,
    }
}

/// Watches a backfill until it has ended, or nothing of it can go on without a person.
pub async fn watch(opened: &Opened, id: i64) -> Result<Progress, Failure> {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {bar:32} {pos}/{len} windows  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut ticks = 0_u32;
    loop {
        let now = found(opened, id).await?;
        bar.set_prefix(now.account.clone());
        bar.set_length(now.windows.total);
        bar.set_position(now.windows.done);
        let eta = now.eta_seconds.map_or_else(|| "not known yet".to_owned(), |eta| format!("{eta} s"));
        let unread = unread(&now);
        bar.set_message(format!("{} rows, {unread}{eta} left", now.rows));
        let blocked = u64::from(now.blocked);
        let only_blocked = blocked + now.leads.blocked > 0
            && now.windows.done + blocked >= now.windows.total
            && now.leads.left == now.leads.blocked;
        if now.state != "running" && now.state != "paused" || only_blocked {
            bar.finish_and_clear();
            return Ok(now);
        }
        if !is_watched() && ticks.is_multiple_of(50) {
            let (account, windows) = (&now.account, &now.windows);
            say(&format!(
                "{account}: {}/{} windows, {} rows, {unread}{eta} left",
                windows.done, windows.total, now.rows
            ));
        }
        if ticks.is_multiple_of(10)
            && let Some(reason) = shut(opened, &now.account).await?
        {
            bar.finish_and_clear();
            let code = if reason.starts_with("unauthorised") { Code::Refused } else { Code::Partly };
            let account = &now.account;
            let message =
                format!("the lane of {account} waits for a person: {reason}; then: convosync lanes open {account}");
            return Err(Failure::new(code, message));
        }
        ticks += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What was named, and is still to be read.
fn unread(progress: &Progress) -> String {
    if progress.leads.left > 0 { format!("{} to read, ", progress.leads.left) } else { String::new() }
}

/// Why an account's lane waits for a person, if it does: then nothing of a backfill goes on by itself.
async fn shut(opened: &Opened, account: &str) -> Result<Option<String>, Failure> {
    let Some(lane) = opened.roster.lane(account) else { return Ok(None) };
    let found = entities::lanes::load(opened.database.connection(), &lane.key).await?;
    let closed = found.and_then(|(_, lane)| lane.closed).filter(|closed| closed.until.is_none());
    Ok(closed.map(|closed| closed.reason))
}

async fn carry_out(opened: &Opened, output: Output, id: i64, order: Order) -> Result<(), Failure> {
    backfills::order(&opened.database, id, order).await.map_err(|error| match error {
        OrderError::Database(error) => error.into(),
        OrderError::Unknown(_) | OrderError::Ended(..) => Failure::usage(error.to_string()),
    })?;
    show(output, &found(opened, id).await?, |one| listed(std::slice::from_ref(one)))
}

async fn found(opened: &Opened, id: i64) -> Result<Progress, Failure> {
    let unknown = || Failure::usage(format!("there is no backfill {id}"));
    let (order, _) = backfills::find(opened.database.connection(), id).await?.ok_or_else(unknown)?;
    let account = opened.roster.account(&order.account);
    progress(&opened.database, account, id).await?.ok_or_else(unknown)
}

/// From the first instant of `from` to the last of `to`, but not into the future.
async fn span(opened: &Opened, account: &Account, from: NaiveDate, to: NaiveDate) -> Result<Window, Failure> {
    let zone = account.source.zone();
    let days = Window::of_day(from, zone).zip(Window::of_day(to, zone));
    let asked = days.and_then(|(first, last)| Window::new(first.from(), last.to()));
    let asked = asked.ok_or_else(|| Failure::usage(format!("--to {to} lies before --from {from}")))?;
    let now = opened.database.now(opened.database.connection()).await?;
    let past = Window::new(asked.from(), asked.to().min(domain::plan::slot_at(now, account.source.rules())));
    past.ok_or_else(|| Failure::usage(format!("--from {from} lies in the future")))
}

fn estimated(estimate: &Estimate) -> Table {
    let mut rows = table(["windows", "requests", "time", "final", "provisional", "missing", "blocked"]);
    let days = estimate.days;
    rows.add_row([
        estimate.windows.to_string(),
        format!("{} to {}", estimate.requests.low, estimate.requests.high),
        format!("{} to {} s", estimate.seconds.low, estimate.seconds.high),
        days.r#final.to_string(),
        days.provisional.to_string(),
        days.missing.to_string(),
        days.blocked.to_string(),
    ]);
    rows
}

fn listed(all: &[Progress]) -> Table {
    let mut rows = table(["id", "account", "from", "to", "state", "windows", "to read", "rows", "blocked", "left"]);
    for one in all {
        rows.add_row([
            one.id.to_string(),
            one.account.clone(),
            one.from.format("%Y-%m-%d %H:%MZ").to_string(),
            one.to.format("%Y-%m-%d %H:%MZ").to_string(),
            one.state.clone(),
            format!("{} of {}", one.windows.done, one.windows.total),
            one.leads.left.to_string(),
            one.rows.to_string(),
            (u64::from(one.blocked) + one.leads.blocked).to_string(),
            or_dash(one.eta_seconds.map(|eta| format!("{eta} s"))),
        ]);
    }
    rows
}
