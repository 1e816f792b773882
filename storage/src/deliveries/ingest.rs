//! Stores the rows of a mailed or imported file, and what they prove.

use super::mail_attempts::forget_attempts;
use super::overlap::OverlapCount;
use super::{Delivery, DeliveryProof, DeliveryState, FileJobs, row};
use crate::accounts::Account;
use crate::database::Database;
use crate::lanes::lock_key;
use crate::ledger::items::{NamedBy, items_to_request, keys_of};
use crate::ledger::rejects::store_rejects;
use crate::ledger::reopened_days::{Changes, find_changes, reopen};
use crate::ledger::{self, CommitError, StreamId};
use crate::transaction::Transaction;
use crate::upsert::sql::{present_rows_within, quoted};
use crate::upsert::{ChangeLog, Effect, Upsert, Upserted};
use chrono::{DateTime, Utc};
use domain::file_time::held_part;
use domain::item::NamedItems;
use domain::judge::Verdict;
use domain::ledger::{AnswerSummary, Ledger};
use domain::source::{ResponseSummary, Stream};
use domain::window::Window;
use entities::deliveries;
use entities::rows::RowBatch;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set, Statement};
use std::borrow::Cow;
use std::time::Duration;

/// The result of a delivery ingest.
#[derive(Clone, Debug)]
pub struct IngestResult {
    /// The outcome of the delivery.
    pub state: DeliveryState,
    /// The counts of rows inserted, updated and unchanged.
    pub effect: Effect,
    /// The number of items that the file names and the ledger queues now.
    pub queued_items: usize,
    /// Why the intake refused the delivery; `None` if it committed.
    pub reason: Option<String>,
    /// The window that the ledger now holds because of the file.
    pub window: Option<Window>,
    /// The waiting jobs of the file's time: those that the file closed, and those that stay open.
    pub jobs: FileJobs,
}

/// Stores a delivery's rows and the coverage that they prove, in one transaction.
pub struct DeliveryIngest<'a> {
    account: &'a Account,
    stream: &'a Stream,
    id: &'a StreamId,
    tx: Transaction,
    upsert: Upsert,
    now: DateTime<Utc>,
    /// The first and the last instant of the rows so far.
    span: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// What the rows have in common with the stored ones; `None` if the sender of the file is known.
    overlap: Option<OverlapCount>,
}

impl<'a> DeliveryIngest<'a> {
    /// Begins a transaction for the delivery.
    ///
    /// # Errors
    /// Returns the database error.
    #[crate::boxed]
    pub async fn open(
        db: &Database,
        account: &'a Account,
        stream: &'a Stream,
        id: &'a StreamId,
    ) -> Result<Self, DbErr> {
        let tx = db.begin().await?;
        let now = db.now(&tx).await?;
        let upsert = Upsert::new(ChangeLog::new(ledger::held(&tx, id).await?), now);
        Ok(Self { account, stream, id, tx, upsert, now, span: None, overlap: None })
    }

    /// Lets [`Self::finish`] refuse rows that contradict the stored ones: a stranger may have sent them.
    #[must_use]
    pub fn comparing_rows(mut self) -> Self {
        self.overlap = Some(OverlapCount::new(self.account.source.fixed_columns()));
        self
    }

    /// Stores a batch of rows in the open transaction.
    ///
    /// # Errors
    /// Returns the database error; the caller then drops the ingest, which rolls back.
    #[crate::boxed]
    pub async fn take(&mut self, rows: &RowBatch) -> Result<(), DbErr> {
        for at in rows.instants() {
            self.span = Some(self.span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        }
        if let Some(overlap) = &mut self.overlap {
            overlap.add(&self.tx, rows).await?;
        }
        self.upsert.add(&self.tx, rows).await
    }

    /// Commits the delivery with the coverage of `proof`. Refuses a file whose job is no longer open, a file with fewer
    /// rows than the database stores for the window, and one that contradicts the stored rows.
    ///
    /// # Errors
    /// Returns the database error; the transaction then stores nothing.
    pub async fn finish(
        self,
        delivery: &Delivery,
        proof: DeliveryProof,
        summary: &ResponseSummary,
    ) -> Result<IngestResult, CommitError> {
        let Self { account, stream, id, tx, upsert, now, span, overlap } = self;
        let Upserted { mut effect, refused: refused_rows, .. } = upsert.finish(&tx).await?;
        let mut summary = Cow::Borrowed(summary);
        if !refused_rows.is_empty() {
            summary.to_mut().rejects.extend(refused_rows);
        }
        let summary = summary.as_ref();
        lock_key(&tx, &account.lane_key()).await?;
        let before = ledger::lock_with(&tx, id, &keys_of(&summary.items)).await?;
        let window = match proof {
            DeliveryProof::Job(job) => {
                let Some(job) = before.jobs.iter().find(|open| open.id == job) else {
                    // The ledger no longer has an open job for this file.
                    tx.rollback().await?;
                    return Ok(refused(DeliveryState::Duplicate, "no open job waits for this file".to_owned()));
                };
                job.slice.window()
            }
            // A file holds no rows from after it was made.
            DeliveryProof::Window(window, made_at) => held_part(window, made_at, account.source.rules()),
            DeliveryProof::Nothing => None,
        };
        let objection = objection(&tx, (id, stream), (window, summary.rows), overlap, now).await?;
        if let Some((state, reason)) = objection {
            tx.rollback().await?;
            return Ok(refused(state, reason));
        }
        store_rejects(&tx, id, window.as_ref(), &summary.rejects, now).await?;
        let mut after = before.clone();
        let items = items_to_request(&tx, id, NamedBy::List(&before), &summary.items, now).await?;
        let queued_items = items.len();
        let (rules, zone) = (account.source.rules(), account.source.zone());
        let changes = Changes { rows: &effect.changes, items: &items.first_fetch, job: None, rules, zone };
        let changed_days = find_changes(&tx, id, &changes).await?;
        settle(&mut after, account, (proof, window), (summary, items), (&effect, now));
        let jobs = FileJobs::compare(&before, &after, window, span);
        ledger::store(&tx, id, &before, &after, now).await?;
        effect.reopened_days += reopen(&tx, id, &changed_days, now).await?;
        let mut row = row(delivery, Some(id), DeliveryState::Committed, now);
        row.rows = Set(i64::try_from(summary.rows).unwrap_or(i64::MAX));
        row.from_at = Set(window.as_ref().map(Window::from));
        row.to_at = Set(window.as_ref().map(Window::to));
        forget_attempts(&tx, delivery).await?;
        deliveries::Entity::insert(row).exec_without_returning(&tx).await?;
        tx.commit().await?;
        let window = window.filter(|_| summary.rejects.is_empty());
        Ok(IngestResult { state: DeliveryState::Committed, effect, queued_items, reason: None, window, jobs })
    }
}

/// Why the rows, which are written but not committed, must not be stored.
async fn objection(
    tx: &Transaction,
    (id, stream): (&StreamId, &Stream),
    (window, rows): (Option<Window>, u64),
    overlap: Option<OverlapCount>,
    now: DateTime<Utc>,
) -> Result<Option<(DeliveryState, String)>, DbErr> {
    if let Some(overlap) = overlap
        && let Some(doubt) = overlap.finish(tx, (id, stream), window, now).await?.doubt()
    {
        return Ok(Some((DeliveryState::Refused, doubt)));
    }
    let Some(window) = window else { return Ok(None) };
    let stored = rows_in(tx, stream, id, window).await?;
    let reason = || format!("the database holds {stored} rows of these days, and the file only {rows}");
    Ok((stored > rows).then(|| (DeliveryState::Short, reason())))
}

fn refused(state: DeliveryState, reason: String) -> IngestResult {
    let jobs = FileJobs::default();
    IngestResult { state, effect: Effect::default(), queued_items: 0, reason: Some(reason), window: None, jobs }
}

fn settle(
    ledger: &mut Ledger,
    account: &Account,
    (proof, window): (DeliveryProof, Option<Window>),
    (summary, items): (&ResponseSummary, NamedItems),
    (effect, now): (&Effect, DateTime<Utc>),
) {
    let rules = account.source.rules();
    let answer_at = |sent_at| AnswerSummary {
        sent_at,
        elapsed: Duration::ZERO,
        rows: summary.rows,
        earliest_change: effect.earliest_change,
        items: items.clone(),
        named: u64::try_from(summary.items.len()).unwrap_or(u64::MAX),
        is_over_budget: false,
        item_status: None,
        histogram: None,
    };
    let verdict = match summary.rejects.len() {
        0 => Verdict::Commit,
        // The vendor does not send the file again, and unreadable rows prove no coverage.
        rejects => {
            Verdict::Park(format!("{rejects} rows of the mailed export could not be read; see the table rejects"))
        }
    };
    match (proof, window) {
        (DeliveryProof::Job(id), _) => {
            let job = ledger.jobs.iter().find(|job| job.id == id);
            let requested_at = job.and_then(|job| job.requested_at).unwrap_or(now - rules.settle);
            ledger.settle(id, &verdict, Some(&answer_at(requested_at)), rules, now);
        }
        (DeliveryProof::Window(_, made_at), Some(window)) if summary.rejects.is_empty() => {
            ledger.hold(window, &answer_at(made_at), rules, now);
        }
        // The ledger queues the named items even if the file proves no coverage.
        (DeliveryProof::Window(..) | DeliveryProof::Nothing, _) => {
            ledger.add_items(&items, Duration::ZERO, rules, now);
        }
    }
}

/// Counts the stored rows of a stream in `window`. The names in the SQL come from the sources, never from a request.
async fn rows_in(tx: &Transaction, stream: &Stream, id: &StreamId, window: Window) -> Result<u64, DbErr> {
    let (condition, values) = present_rows_within(id, stream, window);
    let sql = format!("SELECT COUNT(*) AS rows FROM {} WHERE {condition}", quoted(stream.table));
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let rows: i64 = row.map_or(Ok(0), |row| row.try_get("", "rows"))?;
    Ok(u64::try_from(rows).unwrap_or(0))
}
