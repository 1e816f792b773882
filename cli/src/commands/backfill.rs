//! `convosync backfill`

use super::CommandContext;
use super::absence_notice::AbsenceNotice;
use crate::arguments::{Backfill, Mode, Output};
use crate::console::{is_terminal, say};
use crate::failure::{Code, Failure};
use crate::output::{or_dash, show, table};
use chrono::NaiveDate;
use comfy_table::Table;
use domain::backfill::Mode as BackfillMode;
use domain::health::Reason;
use domain::lane::LaneClosure;
use domain::process::{Absence, absence};
use domain::window::Window;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;
use storage::accounts::Account;
use storage::ledger::backfills::{self, BackfillCommand, BackfillCommandError};
use storage::ledger::progress::{Estimate, Progress, estimate, progress};
use storage::processes;

/// Starts, lists, shows, pauses, resumes or cancels a backfill.
pub async fn run(context: &CommandContext, output: Output, command: Backfill) -> Result<(), Failure> {
    match command {
        Backfill::Start { account, from, to, dry_run, wait, mode } => {
            let account = context.account(&account)?;
            let window = window(context, account, from, to).await?;
            let mode = if mode == Mode::All { BackfillMode::All } else { BackfillMode::Missing };
            if dry_run {
                let estimate = estimate(&context.database.report_snapshot().await?, account, window, mode).await?;
                return show(output, &estimate, estimate_table);
            }
            let streams: Vec<String> = account.streams().into_iter().map(|id| id.stream).collect();
            let name = account.source.account();
            let id = backfills::start(&context.database, name, &streams, window, mode).await?;
            say(&format!("backfill {id} of {name} from {from} to {to} has started"));
            let progress = if wait {
                watch(context, id).await?
            } else {
                if let Some(absence) = absence_now(context).await? {
                    say(&Reason::NobodyWorking(absence).text(name));
                }
                find(context, id).await?
            };
            show_one(output, &progress)?;
            if wait { require_done(&progress) } else { Ok(()) }
        }
        Backfill::List => {
            let (mut all, snapshot) = (Vec::new(), context.database.report_snapshot().await?);
            for row in backfills::list(&snapshot).await? {
                all.extend(progress(&snapshot, context.accounts.account(&row.account), row.id).await?);
            }
            show(output, &all, |all| progress_table(all))
        }
        Backfill::Show { id } => show_one(output, &find(context, id).await?),
        Backfill::Pause { id } => change(context, output, id, BackfillCommand::Pause).await,
        Backfill::Resume { id } => change(context, output, id, BackfillCommand::Resume).await,
        Backfill::Cancel { id } => change(context, output, id, BackfillCommand::Cancel).await,
    }
}

/// Shows the progress of a backfill until it ends, or until only an operator can bring it on.
///
/// # Errors
/// A lane that is closed until an operator opens it.
pub async fn watch(context: &CommandContext, id: i64) -> Result<Progress, Failure> {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{prefix} {bar:32} {pos}/{len} windows  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut ticks = 0_u32;
    let mut notice = AbsenceNotice::new(context.database.elapsed());
    loop {
        let now = find(context, id).await?;
        bar.set_prefix(now.account.clone());
        bar.set_length(now.windows.total);
        bar.set_position(now.windows.done);
        let time_left = now.eta_seconds.map_or_else(|| "unknown time".to_owned(), |eta| format!("{eta} s"));
        let items = items(&now).map_or_else(String::new, |items| format!("items {items}, "));
        bar.set_message(format!("{} rows, {items}{time_left} left", now.rows));
        let blocked = u64::from(now.blocked);
        let is_stuck =
            blocked + now.items.blocked > 0 && now.windows.done + blocked >= now.windows.total && now.items.left == 0;
        if now.state != "running" && now.state != "paused" || is_stuck {
            bar.finish_and_clear();
            return Ok(now);
        }
        if !is_terminal() && ticks.is_multiple_of(50) {
            let (account, windows) = (&now.account, &now.windows);
            say(&format!(
                "{account}: {}/{} windows, {} rows, {items}{time_left} left",
                windows.done, windows.total, now.rows
            ));
        }
        if ticks.is_multiple_of(10) {
            if let Some(reason) = closed_lane(context, &now.account).await? {
                bar.finish_and_clear();
                let is_refused = matches!(reason, Reason::TokenRefused { .. });
                let code = if is_refused { Code::Refused } else { Code::Partly };
                return Err(Failure::new(code, format!("{}: {}", now.account, reason.text(&now.account))));
            }
            if let Some(line) = notice.line(absence_now(context).await?, context.database.elapsed()) {
                bar.suspend(|| say(&line));
            }
        }
        ticks += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The read items of all that are named so far; `None` where no list names any.
fn items(progress: &Progress) -> Option<String> {
    let items = progress.items;
    (items.total > 0).then(|| format!("{} of {}", items.done, items.total))
}

/// Why an operator must open an account's lane: until then no backfill can go on.
async fn closed_lane(context: &CommandContext, account: &str) -> Result<Option<Reason>, Failure> {
    let Some(lane) = context.accounts.lane(account) else { return Ok(None) };
    let lane = storage::lanes::load(context.database.connection(), &lane.key).await?;
    let closure = lane.and_then(|(_, lane)| lane.closed).filter(LaneClosure::needs_operator);
    Ok(closure.map(|closure| Reason::of_closure(&closure)))
}

/// The roles that no process runs now.
async fn absence_now(context: &CommandContext) -> Result<Option<Absence>, Failure> {
    let on = context.database.connection();
    Ok(absence(&processes::list(on).await?, context.database.now(on).await?))
}

async fn change(context: &CommandContext, output: Output, id: i64, order: BackfillCommand) -> Result<(), Failure> {
    backfills::apply(&context.database, id, order).await.map_err(|error| match error {
        BackfillCommandError::Database(error) => error.into(),
        BackfillCommandError::Unknown(_) | BackfillCommandError::Ended(..) => Failure::usage(error.to_string()),
    })?;
    show_one(output, &find(context, id).await?)
}

/// The progress of backfill `id`.
async fn find(context: &CommandContext, id: i64) -> Result<Progress, Failure> {
    let unknown = || Failure::usage(format!("there is no backfill {id}; see convosync backfill list"));
    let snapshot = context.database.report_snapshot().await?;
    let (order, _) = backfills::find(&snapshot, id).await?.ok_or_else(unknown)?;
    let account = context.accounts.account(&order.account);
    progress(&snapshot, account, id).await?.ok_or_else(unknown)
}

/// The time from the begin of day `from` to the end of day `to`, without the future.
async fn window(
    context: &CommandContext,
    account: &Account,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Window, Failure> {
    let zone = account.source.zone();
    let days = Window::of_day(from, zone).zip(Window::of_day(to, zone));
    let window = days.and_then(|(first, last)| Window::new(first.from(), last.to()));
    let window = window.ok_or_else(|| Failure::usage(format!("--to {to} lies before --from {from}")))?;
    let now = context.database.now(context.database.connection()).await?;
    let past = Window::new(window.from(), window.to().min(domain::live_slot::slot_at(now, account.source.rules())));
    past.ok_or_else(|| Failure::usage(format!("--from {from} lies in the future")))
}

/// Prints one backfill.
fn show_one(output: Output, progress: &Progress) -> Result<(), Failure> {
    show(output, progress, |progress| progress_table(std::slice::from_ref(progress)))
}

/// Fails unless all of the backfill is done.
fn require_done(progress: &Progress) -> Result<(), Failure> {
    if progress.state == "done" {
        return Ok(());
    }
    let (id, state, blocked, items) = (progress.id, &progress.state, progress.blocked, progress.items.blocked);
    let items = if items > 0 { format!(" and {items} items") } else { String::new() };
    let message =
        format!("backfill {id} is {state}; {blocked} windows{items} wait for an operator: convosync jobs list");
    Err(Failure::new(Code::Partly, message))
}

/// The estimated remaining time, or why there is none.
fn time_left(progress: &Progress) -> String {
    let eta = progress.eta_seconds.map(|eta| format!("{eta} s"));
    or_dash(progress.stopped_by.clone().or(eta))
}

fn estimate_table(estimate: &Estimate) -> Table {
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

fn progress_table(all: &[Progress]) -> Table {
    let mut rows = table(["id", "account", "from", "to", "state", "windows", "items", "rows", "blocked", "time left"]);
    for progress in all {
        rows.add_row([
            progress.id.to_string(),
            progress.account.clone(),
            progress.from.format("%Y-%m-%d %H:%MZ").to_string(),
            progress.to.format("%Y-%m-%d %H:%MZ").to_string(),
            progress.state.clone(),
            format!("{} of {}", progress.windows.done, progress.windows.total),
            or_dash(items(progress)),
            progress.rows.to_string(),
            (u64::from(progress.blocked) + progress.items.blocked).to_string(),
            time_left(progress),
        ]);
    }
    rows
}
