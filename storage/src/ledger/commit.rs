//! Commits rows, items, ledger and lane in one transaction, if the claim still holds its lease.

use crate::database::Database;
use crate::lanes::claim::Claim;
use crate::lanes::{LaneSpec, lock, store_closure, store_slot};
use crate::ledger::gone_rows::{NamedRows, compare};
use crate::ledger::intake::{Intake, StoredRows};
use crate::ledger::items::{NamedBy, items_to_request, key_of, keys_of, record_item_end};
use crate::ledger::job_row::{backfill_of, slice_key};
use crate::ledger::rejects::store_rejects;
use crate::ledger::reopened_days::{Changes, find_changes, reopen};
use crate::ledger::{self, CommitError, StreamId};
use crate::transaction::Transaction;
use crate::upsert::Effect;
use chrono::{DateTime, Utc};
use domain::clock_skew::{VendorClock, answered_at};
use domain::fault::Fault;
use domain::item::NamedItems;
use domain::job::Job;
use domain::judge::{Judgement, Verdict};
use domain::lane::Lane;
use domain::ledger::{AnswerSummary, Ledger};
use domain::row_histogram::RowHistogram;
use domain::rules::Rules;
use domain::slice::Slice;
use domain::source::{ResponseSummary, Stream};
use domain::window::Window;
use entities::{requests, streams};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, Set};
use std::time::Duration;

/// One exchange with a vendor: the request, its result and the verdict.
pub struct ExchangeRecord {
    /// The account's rules.
    pub rules: Rules,
    /// When the worker sent the first request.
    pub sent_at: DateTime<Utc>,
    /// The time until the last byte of the response.
    pub elapsed: Duration,
    /// The summary of all answer pages, or the fault that stopped the exchange.
    pub result: Result<ResponseSummary, Fault>,
    /// The judgement on the exchange, unless the database refuses some of its rows.
    pub judgement: Judgement,
    /// Whether the vendor has confirmed the end of its work.
    pub idle: bool,
    /// The vendor's clock, if the responses stated it.
    pub vendor_clock: Option<VendorClock>,
}

/// Stores the last rows of `intake` and the resulting ledger changes in one transaction. Rows that the database refuses
/// become rejects, and an answer that lacks most stored rows of its window is a fault; `judge_again` then judges the exchange
/// anew.
///
/// # Errors
/// [`CommitError`].
pub async fn commit(
    intake: Intake<'_>,
    mut exchange: ExchangeRecord,
    judge_again: impl Fn(Result<&ResponseSummary, &Fault>) -> Judgement,
) -> Result<Effect, CommitError> {
    let Intake { db, spec, claim, .. } = intake;
    let StoredRows { tx, mut effect, refused, histogram, named } = intake.finish().await?;
    if !refused.is_empty()
        && let Ok(summary) = &mut exchange.result
    {
        summary.rejects.extend(refused);
        exchange.judgement = judge_again(Ok(summary));
    }
    let compared = match named {
        Some((stream, named)) => compare_rows(db, &tx, claim, (&exchange, &mut effect), (&stream, &named)).await,
        None => Ok(None),
    };
    let stored = match compared {
        Ok(doubt) => {
            if let Some(fault) = doubt.map(Fault::Incomplete) {
                exchange.judgement = judge_again(Err(&fault));
                exchange.result = Err(fault);
            }
            store(db, &tx, spec, claim, (exchange, effect, histogram)).await
        }
        Err(error) => Err(error.into()),
    };
    end(tx, stored).await
}

/// Compares the rows that a full answer names with those that are stored for its window. Some may be stored though the window
/// was never held, because an answer was cut or incomplete. Returns why the answer is not believed, if it is not.
async fn compare_rows(
    db: &Database,
    tx: &Transaction,
    claim: &Claim,
    (exchange, effect): (&ExchangeRecord, &mut Effect),
    (stream, named): (&Stream, &NamedRows),
) -> Result<Option<String>, DbErr> {
    let window = claim.job.slice.window().filter(|_| exchange.judgement.verdict == Verdict::Commit);
    let Some(window) = window else { return Ok(None) };
    let compared = compare(tx, (&claim.stream, stream), window, named, db.now(tx).await?).await?;
    effect.gone += compared.gone.len() as u64;
    effect.earliest_change = effect.earliest_change.into_iter().chain(compared.gone.iter().copied()).min();
    compared.gone.into_iter().for_each(|at| effect.changes.add(at));
    Ok(compared.doubt)
}

#[crate::boxed]
async fn store(
    db: &Database,
    tx: &Transaction,
    spec: &LaneSpec,
    claim: &Claim,
    (exchange, mut effect, histogram): (ExchangeRecord, Effect, Option<RowHistogram>),
) -> Result<Effect, CommitError> {
    let Some((_, mut lane)) = lock(tx, spec).await? else { return Err(CommitError::Fenced) };
    let now = db.now(tx).await?;
    if !lane.is_held(&claim.lease, now) {
        return Err(CommitError::Fenced);
    }
    let id = &claim.stream;
    let summary = exchange.result.as_ref().ok();
    let job = &claim.job;
    let before = lock_affected(tx, id, job, summary).await?;
    let window = claim.job.slice.window();
    store_rejects(tx, id, window.as_ref(), summary.map_or(&[], |summary| &summary.rejects), now).await?;
    let items = match summary {
        Some(summary) => items_to_request(tx, id, NamedBy::List(&before), &summary.items, now).await?,
        None => NamedItems::default(),
    };
    if let Some(status) =
        summary.and_then(|summary| summary.item_status).filter(|_| exchange.judgement.verdict == Verdict::Commit)
    {
        record_item_end(tx, id, job, status, now).await?;
    }
    let (rules, zone) = (&exchange.rules, spec.zone);
    let changes = Changes { rows: &effect.changes, items: &items.first_fetch, job: Some(job), rules, zone };
    let changed_days = find_changes(tx, id, &changes).await?;
    let answer = summary.map(|summary| AnswerSummary {
        sent_at: answered_at(exchange.sent_at, exchange.vendor_clock),
        elapsed: exchange.elapsed,
        rows: summary.rows,
        earliest_change: effect.earliest_change,
        items,
        named: u64::try_from(summary.items.len()).unwrap_or(u64::MAX),
        is_over_budget: summary.is_over_budget,
        item_status: summary.item_status,
        histogram,
    });
    let mut after = before.clone();
    after.settle(claim.job.id, &exchange.judgement.verdict, answer.as_ref(), &exchange.rules, now);
    // A vendor whose clock is ahead may be right: then the database's clock was set back and nothing lies in the future.
    if exchange.vendor_clock.is_none_or(|clock| clock.agrees()) {
        after.forget_future(now, &exchange.rules);
    }
    ledger::store(tx, id, &before, &after, now).await?;
    effect.reopened_days += reopen(tx, id, &changed_days, now).await?;
    let measurements = Measurements {
        sent_at: exchange.sent_at,
        elapsed: exchange.elapsed,
        result: &exchange.result,
        effect: &effect,
    };
    record_request(tx, claim, &measurements, &exchange.judgement).await?;
    record_health(tx, claim, &exchange, now).await?;
    end_lane_use(tx, spec, claim, (&mut lane, exchange), now).await?;
    Ok(effect)
}

/// Releases the slot of a locked lane, and closes or opens the lane as the exchange says.
async fn end_lane_use(
    tx: &Transaction,
    spec: &LaneSpec,
    claim: &Claim,
    (lane, exchange): (&mut Lane, ExchangeRecord),
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    lane.release(&claim.lease, now, exchange.idle);
    store_slot(tx, spec, lane, claim.lease.slot, None).await?;
    let before = (lane.closed.clone(), lane.refusals);
    lane.note_result(exchange.result.as_ref().map(|_| ()), claim.refusals, now);
    if let Some(closure) = exchange.judgement.closure {
        // An operator may have closed the lane meanwhile, and for longer.
        lane.close(closure);
    }
    if before == (lane.closed.clone(), lane.refusals) {
        return Ok(());
    }
    store_closure(tx, &spec.key, lane, now).await
}

/// Releases a claim whose request was not sent: the job waits again, and the lane's slot is free at once.
///
/// # Errors
/// [`CommitError`].
#[crate::boxed]
pub async fn abandon(db: &Database, spec: &LaneSpec, claim: &Claim) -> Result<(), CommitError> {
    let tx = db.begin().await?;
    let released = release(db, &tx, spec, claim).await;
    end(tx, released).await
}

async fn release(db: &Database, tx: &Transaction, spec: &LaneSpec, claim: &Claim) -> Result<(), CommitError> {
    let Some((_, mut lane)) = lock(tx, spec).await? else { return Err(CommitError::Fenced) };
    let now = db.now(tx).await?;
    if !lane.is_held(&claim.lease, now) {
        return Err(CommitError::Fenced);
    }
    let before = lock_affected(tx, &claim.stream, &claim.job, None).await?;
    let mut after = before.clone();
    let snooze = Verdict::Snooze(claim.job.due);
    after.settle(claim.job.id, &snooze, None, &spec.rules, now);
    ledger::store(tx, &claim.stream, &before, &after, now).await?;
    lane.release(&claim.lease, now, true);
    store_slot(tx, spec, &lane, claim.lease.slot, None).await?;
    Ok(())
}

/// Locks the stream and loads the part of its ledger that the result of `job` may change.
async fn lock_affected(
    tx: &Transaction,
    id: &StreamId,
    job: &Job,
    summary: Option<&ResponseSummary>,
) -> Result<Ledger, DbErr> {
    let mut keys = summary.map_or(Vec::new(), |summary| keys_of(&summary.items));
    match &job.slice {
        // A job for one item that names no other item affects no other job.
        Slice::Item(key) if keys.is_empty() => ledger::lock_named(tx, id, job.id, &[key]).await,
        slice => {
            keys.extend(key_of(slice));
            ledger::lock_with(tx, id, &keys).await
        }
    }
}

/// Commits, or rolls back after an error, and waits for the end of either: a dropped transaction keeps its locks a moment
/// longer, and the next worker would find the lane locked.
async fn end<T>(tx: Transaction, result: Result<T, CommitError>) -> Result<T, CommitError> {
    match result {
        Ok(_) => tx.commit().await?,
        // The first error explains more than a failed rollback.
        Err(_) => drop(tx.rollback().await),
    }
    result
}

/// The measurements that the row in `requests` records.
struct Measurements<'a> {
    sent_at: DateTime<Utc>,
    elapsed: Duration,
    result: &'a Result<ResponseSummary, Fault>,
    effect: &'a Effect,
}

async fn record_request(
    tx: &Transaction,
    claim: &Claim,
    measurements: &Measurements<'_>,
    judgement: &Judgement,
) -> Result<(), DbErr> {
    let count = |number: u64| Set(i64::try_from(number).unwrap_or(i64::MAX));
    let window = claim.job.covered_window();
    let summary = measurements.result.as_ref().ok();
    let row = requests::ActiveModel {
        account: Set(claim.stream.account.clone()),
        stream: Set(claim.stream.stream.clone()),
        purpose: Set(claim.job.purpose.as_str().to_owned()),
        backfill_id: Set(backfill_of(claim.job.purpose)),
        from_at: Set(window.as_ref().map(Window::from)),
        to_at: Set(window.as_ref().map(Window::to)),
        sent_at: Set(measurements.sent_at),
        elapsed_ms: Set(i64::try_from(measurements.elapsed.as_millis()).unwrap_or(i64::MAX)),
        outcome: Set(measurements.result.as_ref().err().map_or("answer", Fault::kind).to_owned()),
        verdict: Set(judgement.verdict.as_str().to_owned()),
        rows: count(summary.map_or(0, |summary| summary.rows)),
        inserted: count(measurements.effect.inserted),
        updated: count(measurements.effect.updated),
        unchanged: count(measurements.effect.unchanged),
        rejected: count(summary.map_or(0, |summary| summary.rejects.len() as u64)),
        error: Set(measurements.result.as_ref().err().map(ToString::to_string)),
        slice_key: Set(slice_key(&claim.job.slice)),
        ..Default::default()
    };
    row.insert(tx).await.map(|_| ())
}

/// Records in `streams` that the request succeeded, or since when requests fail and why, and the vendor's clock.
async fn record_health(
    tx: &Transaction,
    claim: &Claim,
    exchange: &ExchangeRecord,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use streams::Column;
    let row = streams::Entity::update_many()
        .filter(Column::Account.eq(&claim.stream.account))
        .filter(Column::Stream.eq(&claim.stream.stream));
    let row = match exchange.vendor_clock {
        Some(clock) => row.col_expr(Column::ClockSkewSeconds, Expr::value(Some(clock.skew.num_seconds()))),
        None => row,
    };
    let row = match &exchange.result {
        Ok(_) => row
            .col_expr(Column::AnsweredAt, Expr::value(Some(now)))
            .col_expr(Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
            .col_expr(Column::LastError, Expr::value(None::<String>)),
        Err(fault) => row
            .col_expr(Column::FailingSince, Expr::col(Column::FailingSince).if_null(Some(now)))
            .col_expr(Column::LastError, Expr::value(Some(fault.to_string()))),
    };
    row.exec(tx).await.map(|_| ())
}
