//! The progress of a backfill, and the estimate for a new one.

use crate::accounts::Account;
use crate::lanes;
use crate::ledger::backfills::{self, open_jobs};
use crate::ledger::job_row::ITEM;
use crate::ledger::job_rows::of_stream;
use crate::ledger::{self, StreamId};
use crate::processes;
use crate::snapshot::Snapshot;
use chrono::{DateTime, Utc};
use domain::backfill::Mode;
use domain::days::{DayCounts, count, days};
use domain::health::Reason;
use domain::job::{Job, Purpose};
use domain::lane::LaneClosure;
use domain::ledger::Ledger;
use domain::planner::windows_for;
use domain::process::absence;
use domain::window::Window;
use entities::backfill_streams::Model as BackfillStream;
use entities::backfills::Model;
use entities::{items, jobs};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// A backfill as operators see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Progress {
    /// The backfill's id.
    pub id: i64,
    /// The account's name in the settings.
    pub account: String,
    /// The start of the backfilled span.
    pub from: DateTime<Utc>,
    /// The end of that span, exclusive.
    pub to: DateTime<Utc>,
    /// `missing` or `all`.
    pub mode: String,
    /// `running`, `paused`, `done` or `cancelled`.
    pub state: String,
    /// The answered and total windows; the total includes an estimate of the remaining windows.
    pub windows: Windows,
    /// The number of rows in the answers.
    pub rows: i64,
    /// The number of parked jobs, which wait for an operator.
    pub blocked: u32,
    /// The items that its lists have named so far.
    pub items: NamedItems,
    /// The estimated remaining time, in seconds; absent until the ledger has learned the rows per day.
    pub eta_seconds: Option<u64>,
    /// Why no job of it can start until an operator acts, with the next step; absent while a worker may go on.
    pub stopped_by: Option<String>,
}

/// The windows of a backfill.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Windows {
    /// Windows that the vendor answered in full.
    pub done: u64,
    /// All windows, including the estimated remaining ones.
    pub total: u64,
}

/// The items that began in a backfill's span and need a fetch: `done + left + blocked = total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct NamedItems {
    /// Items that a worker has read since the backfill started. One that has changed and is read again counts again.
    pub done: u64,
    /// All items named so far; the lists that are still to be read may name more.
    pub total: u64,
    /// Items that no worker has read yet, without the blocked ones.
    pub left: u64,
    /// Items that no worker has read yet and that wait for an operator, because their jobs are parked.
    pub blocked: u64,
}

impl NamedItems {
    /// The items of a backfill with `done` read ones, `left` ones to read and `blocked` ones.
    #[must_use]
    pub fn new(done: u64, left: u64, blocked: u64) -> Self {
        Self { done, total: done + left + blocked, left, blocked }
    }
}

/// The estimated cost of a backfill.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Estimate {
    /// The estimated number of windows to request.
    pub windows: u64,
    /// The number of requests: low if the vendor caps no answer, high if the days differ much.
    pub requests: Range,
    /// The time that the lane needs, in seconds.
    pub seconds: Range,
    /// The span's days by their completeness now.
    pub days: DayCounts,
}

/// A range of estimates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Range {
    /// The estimate for the best case.
    pub low: u64,
    /// The estimate for a bad case.
    pub high: u64,
}

/// Computes the progress of the backfill `id`; `None` if it does not exist.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn progress(on: &Snapshot, account: Option<&Account>, id: i64) -> Result<Option<Progress>, DbErr> {
    let Some((backfill, streams)) = backfills::find(on, id).await? else { return Ok(None) };
    let (open, blocked) = open_jobs(on, id).await?;
    let sum = |count: fn(&BackfillStream) -> i32| -> u64 {
        streams.iter().map(|stream| u64::try_from(count(stream)).unwrap_or(0)).sum()
    };
    let (done, items_done) = (sum(|stream| stream.windows_done), sum(|stream| stream.items_done));
    let (mut to_come, mut eta, mut unread, mut stopped_by) = (0, Some(0), Unread::default(), None);
    if let Some(account) = account.filter(|_| matches!(backfill.state.as_str(), "running" | "paused")) {
        for stream in account.streams() {
            let ledger = ledger::load(on, &stream).await?;
            let left = windows_for(&remaining_windows(&ledger, id, account), &ledger, account.source.rules());
            let pace = ledger.pace_for(Purpose::Backfill(id));
            let of_stream = unread_items(on, &stream, &ledger, &backfill).await?;
            let item_seconds = item_seconds(account, of_stream.left);
            eta = pace.rows_per_day.and(eta).map(|eta| eta + window_seconds(&left, &ledger, account) + item_seconds);
            to_come += left.len() as u64;
            unread = Unread { left: unread.left + of_stream.left, blocked: unread.blocked + of_stream.blocked };
        }
        stopped_by = obstacle(on, account).await?.map(|reason| reason.text(account.source.account()));
    }
    Ok(Some(Progress {
        id,
        from: backfill.from_at,
        to: backfill.to_at,
        windows: Windows { done, total: done + to_come.max(u64::from(open)) },
        rows: streams.iter().map(|stream| stream.rows).sum(),
        blocked,
        items: NamedItems::new(items_done, unread.left, unread.blocked),
        eta_seconds: eta.filter(|_| stopped_by.is_none()),
        stopped_by,
        ..described(backfill)
    }))
}

/// Why no job of the account can start until an operator acts: no process works, or the lane is closed.
async fn obstacle(on: &Snapshot, account: &Account) -> Result<Option<Reason>, DbErr> {
    if let Some(absence) = absence(&processes::list(on).await?, on.now()) {
        return Ok(Some(Reason::NobodyWorking(absence)));
    }
    let lane = lanes::load(on, &account.lane_key()).await?;
    let closure = lane.and_then(|(_, lane)| lane.closed).filter(LaneClosure::needs_operator);
    Ok(closure.map(|closure| Reason::of_closure(&closure)))
}

/// Estimates a backfill of `window` that starts now. Writes nothing.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
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
        // A split costs one wasted request. Before the ledger knows the rows per day, a day may need many splits.
        let pace = ledger.pace_for(Purpose::Settle);
        let high = if pace.rows_per_day.is_some() { low + low.div_ceil(2) } else { low * 3 };
        let named = expected_items(on, &stream, &ledger, &remaining).await?;
        let time = window_seconds(&windows, &ledger, account) + item_seconds(account, named);
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

/// The windows that the backfill `id` has yet to request.
fn remaining_windows(ledger: &Ledger, id: i64, account: &Account) -> Vec<Window> {
    let backfill = ledger.backfills.iter().find(|backfill| backfill.id == id);
    backfill.map(|backfill| backfill.remaining(&ledger.coverage, account.source.rules())).unwrap_or_default()
}

/// Items that no worker has read yet.
#[derive(Clone, Copy, Default)]
struct Unread {
    left: u64,
    blocked: u64,
}

/// Counts the unread items and partitions of lists that began in the backfill's window.
async fn unread_items(
    on: &impl ConnectionTrait,
    id: &StreamId,
    ledger: &Ledger,
    backfill: &Model,
) -> Result<Unread, DbErr> {
    let span = Window::new(backfill.from_at, backfill.to_at);
    let is_in =
        |job: &&Job| job.unread_window().zip(span).is_some_and(|(window, span)| window.intersect(&span).is_some());
    let (blocked, left): (Vec<&Job>, Vec<&Job>) = ledger.jobs.iter().filter(is_in).partition(|job| job.is_parked());
    let mut unread = Unread { left: left.len() as u64, blocked: blocked.len() as u64 };
    let items: Vec<(String, i64)> = of_stream(id)
        .filter(jobs::Column::Purpose.eq(ITEM))
        .filter(jobs::Column::FromAt.lt(backfill.to_at))
        .filter(jobs::Column::ToAt.gt(backfill.from_at))
        .filter(jobs::Column::Rechecks.eq(0))
        .select_only()
        .column(jobs::Column::State)
        .column_as(jobs::Column::Id.count(), "items")
        .group_by(jobs::Column::State)
        .into_tuple()
        .all(on)
        .await?;
    for (state, count) in items {
        let sum = if state == "parked" { &mut unread.blocked } else { &mut unread.left };
        *sum += u64::try_from(count).unwrap_or(0);
    }
    Ok(unread)
}

/// Estimates the number of items that the answers for `remaining` will name, from the number per second held so far.
async fn expected_items(
    on: &impl ConnectionTrait,
    id: &StreamId,
    ledger: &Ledger,
    remaining: &[Window],
) -> Result<u64, DbErr> {
    let ended = items::Entity::find()
        .filter(items::Column::Account.eq(&id.account))
        .filter(items::Column::Stream.eq(&id.stream))
        .count(on)
        .await?;
    let span = |windows: &[Window]| windows.iter().map(|window| window.span().num_seconds()).sum::<i64>();
    let (held, to_come) = (span(ledger.coverage.held().windows()).max(1), span(remaining));
    let named = u128::from(ended) * u128::try_from(to_come).unwrap_or(0) / u128::try_from(held).unwrap_or(1);
    Ok(u64::try_from(named).unwrap_or(u64::MAX))
}

/// Estimates the seconds that it takes to fetch `items` items, from the lane's spacing and rate.
fn item_seconds(account: &Account, items: u64) -> u64 {
    let interval = account.source.rules().send_interval();
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).saturating_mul(items) / 1000
}

fn window_seconds(windows: &[Window], ledger: &Ledger, account: &Account) -> u64 {
    let rules = account.source.rules();
    let forecast = ledger.forecast_for(Purpose::Settle);
    windows.iter().map(|window| forecast.duration(*window) + rules.spacing).sum::<Duration>().as_secs()
}

fn described(backfill: Model) -> Progress {
    Progress {
        id: backfill.id,
        account: backfill.account,
        from: backfill.from_at,
        to: backfill.to_at,
        mode: backfill.mode,
        state: backfill.state,
        windows: Windows { done: 0, total: 0 },
        rows: 0,
        blocked: 0,
        items: NamedItems::default(),
        eta_seconds: None,
        stopped_by: None,
    }
}
