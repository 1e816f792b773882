//! The last step of the line: rows, leads, ledger and lane in one transaction, and only if the fence holds.

use crate::database::Database;
use crate::intake::Intake;
use crate::lanes::{Claimed, LaneSpec, lock, set_closed, store_slot};
use crate::leads::{ended, fresh, keys_of};
use crate::ledger::{self, StreamId};
use crate::stored::{backfill_of, slice_key};
use crate::tables::{rejects, requests, streams};
use crate::transaction::Transaction;
use crate::upsert::Effect;
use chrono::{DateTime, Utc};
use domain::fault::Fault;
use domain::judge::{Judgement, Verdict};
use domain::lead::Leads;
use domain::ledger::Heard;
use domain::rules::Rules;
use domain::source::{Reject, Step};
use domain::tally::Tally;
use domain::want::Slice;
use domain::window::Window;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, Set};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// One exchange with a vendor, from the question to the verdict.
pub struct Exchange {
    /// The account's rules.
    pub rules: Rules,
    /// When the question was sent.
    pub asked_at: DateTime<Utc>,
    /// Until the last byte.
    pub elapsed: Duration,
    /// What came back: all steps together, or why nothing did.
    pub heard: Result<Step, Fault>,
    /// What follows.
    pub judgement: Judgement,
    /// Whether the vendor is known to have ended its work.
    pub idle: bool,
}

/// Why nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The lease is lost: somebody else has, or had, the lane. The work is theirs.
    #[error("the lease on the lane is lost; nothing was written")]
    Fenced,
    /// The database refused.
    #[error("the database refused the commit")]
    Database(#[from] DbErr),
}

/// Stores all of it, or nothing: the rows that `intake` took, and what follows from them.
///
/// # Errors
/// [`CommitError`].
pub async fn commit(intake: Intake<'_>, exchange: Exchange) -> Result<Effect, CommitError> {
    let Intake { db, spec, claimed, .. } = intake;
    let (tx, effect, tally) = intake.written().await?;
    let stored = store(db, &tx, spec, claimed, (exchange, effect, tally)).await;
    end(tx, stored).await
}

async fn store(
    db: &Database,
    tx: &Transaction,
    spec: &LaneSpec,
    claimed: &Claimed,
    (exchange, effect, tally): (Exchange, Effect, Option<Tally>),
) -> Result<Effect, CommitError> {
    let Some((_, mut lane)) = lock(tx, spec).await? else { return Err(CommitError::Fenced) };
    let now = db.now(tx).await?;
    if !lane.is_held(&claimed.lease, now) {
        return Err(CommitError::Fenced);
    }
    let id = &claimed.stream;
    let step = exchange.heard.as_ref().ok();
    let want = &claimed.want;
    // What is asked for by its key, and names nothing else, concerns no other want: there may be thousands.
    let before = match (&want.slice, step) {
        (Slice::Key(key), step) if step.is_none_or(|step| step.leads.is_empty()) => {
            ledger::lock_named(tx, id, want.id, &[key]).await?
        }
        (_, step) => ledger::lock_with(tx, id, &step.map_or(Vec::new(), |step| keys_of(&step.leads))).await?,
    };
    let window = claimed.want.slice.window();
    keep_aside(tx, id, window.as_ref(), step.map_or(&[], |step| &step.rejects), now).await?;
    let leads = match step {
        Some(step) => fresh(tx, id, &before, &step.leads).await?,
        None => Leads::default(),
    };
    if let Some(found) = step.and_then(|step| step.found).filter(|_| exchange.judgement.verdict == Verdict::Commit) {
        ended(tx, id, want, found, now).await?;
    }
    let heard = step.map(|step| Heard {
        asked_at: exchange.asked_at,
        elapsed: exchange.elapsed,
        rows: step.rows,
        earliest_change: effect.earliest_change,
        leads,
        named: u64::try_from(step.leads.len()).unwrap_or(u64::MAX),
        found: step.found,
        tally,
    });
    let mut after = before.clone();
    after.settle(claimed.want.id, &exchange.judgement.verdict, heard.as_ref(), &exchange.rules, now);
    ledger::store(tx, id, &before, &after, now).await?;
    let seen = Seen { asked_at: exchange.asked_at, elapsed: exchange.elapsed, heard: &exchange.heard, effect };
    evidence(tx, claimed, &seen, &exchange.judgement).await?;
    note_health(tx, claimed, &exchange.heard, now).await?;
    lane.release(&claimed.lease, now, exchange.idle);
    store_slot(tx, spec, &lane, claimed.lease.slot, None).await?;
    if let Some(closing) = exchange.judgement.closing {
        // A person may have shut it in the meantime, and for longer.
        lane.close(closing);
        set_closed(tx, &spec.key, lane.closed.as_ref(), now).await?;
    }
    Ok(effect)
}

/// Gives a claimed want back without having asked: the lane is free again at once.
///
/// # Errors
/// [`CommitError`].
pub async fn give_up(db: &Database, spec: &LaneSpec, claimed: &Claimed) -> Result<(), CommitError> {
    let tx = db.begin().await?;
    let given = give_back(db, &tx, spec, claimed).await;
    end(tx, given).await
}

async fn give_back(db: &Database, tx: &Transaction, spec: &LaneSpec, claimed: &Claimed) -> Result<(), CommitError> {
    let Some((_, mut lane)) = lock(tx, spec).await? else { return Err(CommitError::Fenced) };
    let now = db.now(tx).await?;
    if !lane.is_held(&claimed.lease, now) {
        return Err(CommitError::Fenced);
    }
    let before = ledger::lock(tx, &claimed.stream).await?;
    let mut after = before.clone();
    let again = domain::judge::Verdict::Snooze(claimed.want.due);
    after.settle(claimed.want.id, &again, None, &spec.rules, now);
    ledger::store(tx, &claimed.stream, &before, &after, now).await?;
    lane.release(&claimed.lease, now, true);
    store_slot(tx, spec, &lane, claimed.lease.slot, None).await?;
    Ok(())
}

/// Waits for the end also where nothing is stored: a transaction that is only dropped keeps its locks a moment longer,
/// and whoever comes next would find the lane locked.
async fn end<T>(tx: Transaction, done: Result<T, CommitError>) -> Result<T, CommitError> {
    match done {
        Ok(_) => tx.commit().await?,
        // What went wrong before says more than a roll-back that fails as well.
        Err(_) => drop(tx.rollback().await),
    }
    done
}

/// What the evidence of a request is made of.
struct Seen<'a> {
    asked_at: DateTime<Utc>,
    elapsed: Duration,
    heard: &'a Result<Step, Fault>,
    effect: Effect,
}

async fn evidence(tx: &Transaction, claimed: &Claimed, seen: &Seen<'_>, judgement: &Judgement) -> Result<(), DbErr> {
    let count = |number: u64| Set(i64::try_from(number).unwrap_or(i64::MAX));
    let window = claimed.want.concerns();
    let step = seen.heard.as_ref().ok();
    let row = requests::ActiveModel {
        account: Set(claimed.stream.account.clone()),
        stream: Set(claimed.stream.stream.clone()),
        purpose: Set(claimed.want.purpose.as_str().to_owned()),
        backfill_id: Set(backfill_of(claimed.want.purpose)),
        from_at: Set(window.as_ref().map(Window::from)),
        to_at: Set(window.as_ref().map(Window::to)),
        asked_at: Set(seen.asked_at),
        elapsed_ms: Set(i64::try_from(seen.elapsed.as_millis()).unwrap_or(i64::MAX)),
        outcome: Set(seen.heard.as_ref().err().map_or("answer", Fault::kind).to_owned()),
        verdict: Set(judgement.verdict.as_str().to_owned()),
        rows: count(step.map_or(0, |step| step.rows)),
        inserted: count(seen.effect.inserted),
        updated: count(seen.effect.updated),
        unchanged: count(seen.effect.unchanged),
        rejected: count(step.map_or(0, |step| step.rejects.len() as u64)),
        error: Set(seen.heard.as_ref().err().map(ToString::to_string)),
        slice_key: Set(slice_key(&claimed.want.slice)),
        ..Default::default()
    };
    row.insert(tx).await.map(|_| ())
}

/// A row that cannot be read is kept once, however often it comes.
pub(crate) async fn keep_aside(
    tx: &Transaction,
    id: &StreamId,
    window: Option<&Window>,
    kept: &[Reject],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    for reject in kept {
        let row = rejects::ActiveModel {
            account: Set(id.account.clone()),
            stream: Set(id.stream.clone()),
            digest: Set(format!("{:032x}", xxh3_128(reject.raw.as_bytes()))),
            from_at: Set(window.map(Window::from)),
            to_at: Set(window.map(Window::to)),
            reason: Set(reject.reason.clone()),
            raw: Set(reject.raw.clone()),
            seen_at: Set(now),
            ..Default::default()
        };
        let key = [rejects::Column::Account, rejects::Column::Stream, rejects::Column::Digest];
        let once = OnConflict::columns(key).do_nothing().to_owned();
        rejects::Entity::insert(row).on_conflict(once).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Whether the stream's requests succeed, and since when they do not.
async fn note_health(
    tx: &Transaction,
    claimed: &Claimed,
    heard: &Result<Step, Fault>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use streams::Column;
    let row = streams::Entity::update_many()
        .filter(Column::Account.eq(&claimed.stream.account))
        .filter(Column::Stream.eq(&claimed.stream.stream));
    let row = match heard {
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
