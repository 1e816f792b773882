//! The progress of a backfill, and the estimate for a new one.

use crate::accounts::Account;
use crate::ledger::backfills::{self, open_jobs};
use crate::ledger::{self, StreamId};
use crate::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use domain::backfill::Mode;
use domain::days::{DayCounts, count, days};
use domain::job::{Job, Purpose};
use domain::ledger::Ledger;
use domain::planner::windows_for;
use domain::window::Window;
use entities::backfills::Model;
use entities::items;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// A backfill as operators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Progress {
    /// Its id.
    pub id: i64,
    /// Whose.
    pub account: String,
    /// Where it begins.
    pub from: DateTime<Utc>,
    /// Where it ends, exclusive.
    pub to: DateTime<Utc>,
    /// `missing` or `all`.
    pub mode: String,
    /// `running`, `paused`, `done` or `cancelled`.
    pub state: String,
    /// The answered and total windows; the total includes an estimate of the remaining windows.
    pub windows: Windows,
    /// Rows that came with them.
    pub rows: i64,
    /// Windows that wait for a person.
    pub blocked: u32,
    /// The items that its answers named and no worker has read yet.
    pub items: NamedItems,
    /// How long the rest should take; absent where nothing is known yet.
    pub eta_seconds: Option<u64>,
}

/// Windows of a backfill.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Windows {
    /// Answered in full.
    pub done: u64,
    /// With those to come.
    pub total: u64,
}

/// Processes, sessions and the like that were named in a backfill's span.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct NamedItems {
    /// Not read yet.
    pub left: u64,
    /// Those among them that wait for a person.
    pub blocked: u64,
}

/// The estimated cost of a backfill.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Estimate {
    /// The estimated number of windows to request.
    pub windows: u64,
    /// Requests: if no answer is capped, and if days vary a lot.
    pub requests: Range,
    /// Time on the lane.
    pub seconds: Range,
    /// How the days of the span stand now.
    pub days: DayCounts,
}

/// From the best case to a bad one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Range {
    /// The best case.
    pub low: u64,
    /// A bad one.
    pub high: u64,
}

/// How far the backfill `id` is; `None` where there is none.
///
/// # Errors
/// Returns the database error.
pub async fn progress(on: &Snapshot, account: Option<&Account>, id: i64) -> Result<Option<Progress>, DbErr> {
    let Some((order, streams)) = backfills::find(on, id).await? else { return Ok(None) };
    let (open, blocked) = open_jobs(on, id).await?;
    let done: u64 = streams.iter().map(|stream| u64::try_from(stream.windows_done).unwrap_or(0)).sum();
    let (mut to_come, mut eta, mut items) = (0, Some(0), NamedItems::default());
    if let Some(account) = account.filter(|_| matches!(order.state.as_str(), "running" | "paused")) {
        for stream in account.streams() {
            let ledger = ledger::load(on, &stream).await?;
            let left = windows_for(&left(&ledger, id, account), &ledger, account.source.rules());
            let pace = ledger.pace_for(Purpose::Backfill(id));
            let named = named(&ledger, &order);
            let reading = reading(account, named.left - named.blocked);
            eta = pace.rows_per_day.and(eta).map(|eta| eta + seconds(&left, &ledger, account) + reading);
            to_come += left.len() as u64;
            items = NamedItems { left: items.left + named.left, blocked: items.blocked + named.blocked };
        }
    }
    Ok(Some(Progress {
        id,
        from: order.from_at,
        to: order.to_at,
        windows: Windows { done, total: done + to_come.max(u64::from(open)) },
        rows: streams.iter().map(|stream| stream.rows).sum(),
        blocked,
        items,
        eta_seconds: eta,
        ..described(order)
    }))
}

/// Estimates a backfill of `window` that starts now. Writes nothing.
///
/// # Errors
/// Returns the database error.
pub async fn estimate(on: &Snapshot, account: &Account, window: Window, mode: Mode) -> Result<Estimate, DbErr> {
    let now = on.now();
    let zone = account.source.zone();
    let mut sum = Estimate {
        windows: 0,
        requests: Range { low: 0, high: 0 },
        seconds: Range { low: 0, high: 0 },
        days: DayCounts::default(),
    };
    for stream in account.streams() {
        let ledger = ledger::load(on, &stream).await?;
        let remaining = account.askable(window, now).map_or_else(Vec::new, |askable| match mode {
            Mode::Missing => ledger.coverage.held().gaps(askable),
            Mode::All => vec![askable],
        });
        let windows = windows_for(&remaining, &ledger, account.source.rules());
        let low = windows.len() as u64;
        // A split costs one wasted answer; before anything is known, a day's answer may have to be split many times.
        let pace = ledger.pace_for(Purpose::Settle);
        let high = if pace.rows_per_day.is_some() { low + low.div_ceil(2) } else { low * 3 };
        let named = expected_items(on, &stream, &ledger, &remaining).await?;
        let time = seconds(&windows, &ledger, account) + reading(account, named);
        sum.windows += low;
        sum.requests = Range { low: sum.requests.low + low + named, high: sum.requests.high + high + named * 2 };
        sum.seconds = Range { low: sum.seconds.low + time, high: sum.seconds.high + time * 3 + 1 };
        let last = (window.to() - chrono::TimeDelta::milliseconds(1)).with_timezone(&zone).date_naive();
        let first = window.from().with_timezone(&zone).date_naive();
        let of_stream = days(account.view(&ledger, now), first, last);
        let counts = count(&of_stream);
        sum.days.r#final += counts.r#final;
        sum.days.provisional += counts.provisional;
        sum.days.missing += counts.missing;
        sum.days.blocked += counts.blocked;
    }
    Ok(sum)
}

/// The windows still to ask for on behalf of the backfill `id`.
fn left(ledger: &Ledger, id: i64, account: &Account) -> Vec<Window> {
    let found = ledger.backfills.iter().find(|backfill| backfill.id == id);
    found.map(|backfill| backfill.remaining(&ledger.coverage, account.source.rules())).unwrap_or_default()
}

fn named(ledger: &Ledger, order: &Model) -> NamedItems {
    let span = Window::new(order.from_at, order.to_at);
    let is_in = |job: &&Job| job.unread_window().zip(span).is_some_and(|(of, span)| of.intersect(&span).is_some());
    let unread = ledger.jobs.iter().filter(is_in);
    unread.fold(NamedItems::default(), |sum, job| NamedItems {
        left: sum.left + 1,
        blocked: sum.blocked + u64::from(job.is_parked()),
    })
}

/// How many things answers for `remaining` should name, after those that were named before.
async fn expected_items(
    on: &impl ConnectionTrait,
    id: &StreamId,
    ledger: &Ledger,
    remaining: &[Window],
) -> Result<u64, DbErr> {
    let followed = items::Entity::find()
        .filter(items::Column::Account.eq(&id.account))
        .filter(items::Column::Stream.eq(&id.stream))
        .count(on)
        .await?;
    let span = |windows: &[Window]| windows.iter().map(|window| window.span().num_seconds()).sum::<i64>();
    let (held, to_come) = (span(ledger.coverage.held().windows()).max(1), span(remaining));
    let named = u128::from(followed) * u128::try_from(to_come).unwrap_or(0) / u128::try_from(held).unwrap_or(1);
    Ok(u64::try_from(named).unwrap_or(u64::MAX))
}

/// How many seconds it takes to read so many things one by one.
fn reading(account: &Account, things: u64) -> u64 {
    let rules = account.source.rules();
    let apart = rules.gap().unwrap_or_default().max(rules.spacing / rules.max_in_flight.max(1));
    u64::try_from(apart.as_millis()).unwrap_or(u64::MAX).saturating_mul(things) / 1000
}

fn seconds(windows: &[Window], ledger: &Ledger, account: &Account) -> u64 {
    let rules = account.source.rules();
    let pace = ledger.pace_for(Purpose::Settle);
    windows.iter().map(|window| pace.expected(*window) + rules.spacing).sum::<Duration>().as_secs()
}

fn described(order: Model) -> Progress {
    Progress {
        id: order.id,
        account: order.account,
        from: order.from_at,
        to: order.to_at,
        mode: order.mode,
        state: order.state,
        windows: Windows { done: 0, total: 0 },
        rows: 0,
        blocked: 0,
        items: NamedItems::default(),
        eta_seconds: None,
    }
}
