//! Rows that arrive without a request: by mail, by webhook, or in a file that an operator imports.

mod file_jobs;
pub mod mail_attempts;
pub mod webhook_backlog;
pub mod webhook_intake;
mod webhook_payload;

pub use file_jobs::FileJobs;

use crate::accounts::Account;
use crate::database::Database;
use crate::lanes::lock_key;
use crate::ledger::CommitError;
use crate::ledger::items::{NamedBy, items_to_request, keys_of};
use crate::ledger::rejects::store_rejects;
use crate::ledger::reopened_days::{Changes, find_changes, reopen};
use crate::ledger::{self, StreamId};
use crate::snapshot::Snapshot;
use crate::transaction::Transaction;
use crate::upsert::sql::{present_rows_within, quoted};
use crate::upsert::{ChangeLog, Effect, Upsert, Upserted};
use chrono::{DateTime, Utc};
use domain::file_time::held_part;
use domain::item::NamedItems;
use domain::job::{Job, JobState};
use domain::judge::Verdict;
use domain::ledger::{AnswerSummary, Ledger};
use domain::slice::Slice;
use domain::source::{ResponseSummary, Stream};
use domain::window::Window;
use entities::deliveries;
use entities::rows::RowBatch;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Set, Statement};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

/// The identity of a mail or an imported file.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The mailbox, or `file`.
    pub origin: String,
    /// The identifier, unique within the origin.
    pub identity: String,
    /// `mail` or `file`.
    pub kind: &'static str,
}

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// The transaction stored its rows.
    Committed,
    /// An earlier delivery or answer already covers its window.
    Duplicate,
    /// It matches no request of this service.
    Foreign,
    /// It holds fewer rows than the database stores for its window.
    Short,
    /// The parser cannot read it.
    Unreadable,
}

impl DeliveryState {
    /// The word that the table and the metrics use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Duplicate => "duplicate",
            Self::Foreign => "foreign",
            Self::Short => "short",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The coverage that a delivered file proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryProof {
    /// The window of the export job with this id.
    Job(i64),
    /// The whole window, as the operator states; the vendor made the file at that instant.
    Window(Window, DateTime<Utc>),
    /// None: the intake stores the rows, and they prove no coverage.
    Nothing,
}

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

/// Loads a stream's export jobs that a worker requested and no mail has answered yet. Exports that the vendor has accepted
/// come first, then those that await a mail.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn exports(on: &Snapshot, id: &StreamId) -> Result<Vec<Job>, DbErr> {
    let ledger = ledger::load(on, id).await?;
    let is_open = |job: &Job| matches!(job.slice, Slice::Export(_)) && (job.attempt > 0 || job.is_parked());
    let mut found: Vec<Job> = ledger.jobs.into_iter().filter(is_open).collect();
    found.sort_by_key(|job| (!job.is_accepted_export(), !matches!(job.state, JobState::Awaiting { .. }), job.id));
    Ok(found)
}

/// Returns those of `identities` whose outcome the table records for `origin`.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn recorded_identities(
    db: &Database,
    origin: &str,
    identities: Vec<String>,
) -> Result<BTreeSet<String>, DbErr> {
    let mut recorded = BTreeSet::new();
    for identities in identities.chunks(500) {
        let known: Vec<String> = deliveries::Entity::find()
            .select_only()
            .column(deliveries::Column::Identity)
            .filter(deliveries::Column::Origin.eq(origin))
            .filter(deliveries::Column::Identity.is_in(identities))
            .filter(deliveries::Column::State.ne(mail_attempts::READING))
            .into_tuple()
            .all(db.connection())
            .await?;
        recorded.extend(known);
    }
    Ok(recorded)
}

/// Whether the intake has stored this delivery or a duplicate of it, so that the worker may mark the mail as processed.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn is_ingested(db: &Database, origin: &str, identity: &str) -> Result<bool, DbErr> {
    let row = deliveries::Entity::find()
        .filter(deliveries::Column::Origin.eq(origin))
        .filter(deliveries::Column::Identity.eq(identity))
        .filter(
            deliveries::Column::State.is_in([DeliveryState::Committed.as_str(), DeliveryState::Duplicate.as_str()]),
        );
    Ok(row.one(db.connection()).await?.is_some())
}

/// Whether the table records a committed delivery whose window contains both instants and that held `rows` rows. A mail
/// with the same span and row count is a duplicate of it.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn is_answered(
    db: &Database,
    id: &StreamId,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    rows: u64,
) -> Result<bool, DbErr> {
    use deliveries::Column;
    let stored = deliveries::Entity::find()
        .filter(Column::Account.eq(&id.account))
        .filter(Column::Stream.eq(&id.stream))
        .filter(Column::State.eq(DeliveryState::Committed.as_str()))
        .filter(Column::FromAt.lte(first))
        .filter(Column::ToAt.gt(last))
        .filter(Column::Rows.eq(i64::try_from(rows).unwrap_or(i64::MAX)));
    Ok(stored.one(db.connection()).await?.is_some())
}

/// Records a refused delivery and the reason. An earlier outcome of the same delivery stays.
///
/// # Errors
/// Returns the database error.
#[crate::boxed]
pub async fn record_refusal(
    db: &Database,
    delivery: &Delivery,
    id: Option<&StreamId>,
    state: DeliveryState,
    reason: &str,
) -> Result<(), DbErr> {
    let now = db.now(db.connection()).await?;
    let mut row = row(delivery, id, state, now);
    row.reason = Set(Some(reason.to_owned()));
    let keep_first = mail_attempts::keep_outcome();
    deliveries::Entity::insert(row).on_conflict(keep_first).exec_without_returning(db.connection()).await.map(|_| ())
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
        Ok(Self { account, stream, id, tx, upsert, now, span: None })
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
        self.upsert.add(&self.tx, rows).await
    }

    /// Commits the delivery with the coverage of `proof`. Refuses a file whose job is no longer open, and a file with fewer
    /// rows than the database stores for the window.
    ///
    /// # Errors
    /// Returns the database error; the transaction then stores nothing.
    pub async fn finish(
        self,
        delivery: &Delivery,
        proof: DeliveryProof,
        summary: &ResponseSummary,
    ) -> Result<IngestResult, CommitError> {
        let Self { account, stream, id, tx, upsert, now, span } = self;
        let Upserted { mut effect, refused: refused_rows, .. } = upsert.finish(&tx).await?;
        let mut summary = Cow::Borrowed(summary);
        if !refused_rows.is_empty() {
            summary.to_mut().rejects.extend(refused_rows);
        }
        let summary = summary.as_ref();
        lock_key(&tx, &account.source.lane()).await?;
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
        if let Some(window) = window {
            let stored = rows_in(&tx, stream, id, window).await?;
            if stored > summary.rows {
                tx.rollback().await?;
                let reason =
                    format!("the database holds {stored} rows of these days, and the file only {}", summary.rows);
                return Ok(refused(DeliveryState::Short, reason));
            }
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
        mail_attempts::forget_attempts(&tx, delivery).await?;
        deliveries::Entity::insert(row).exec_without_returning(&tx).await?;
        tx.commit().await?;
        let window = window.filter(|_| summary.rejects.is_empty());
        Ok(IngestResult { state: DeliveryState::Committed, effect, queued_items, reason: None, window, jobs })
    }
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

fn row(
    delivery: &Delivery,
    id: Option<&StreamId>,
    state: DeliveryState,
    now: DateTime<Utc>,
) -> deliveries::ActiveModel {
    deliveries::ActiveModel {
        origin: Set(delivery.origin.clone()),
        identity: Set(delivery.identity.clone()),
        kind: Set(delivery.kind.to_owned()),
        state: Set(state.as_str().to_owned()),
        account: Set(id.map(|id| id.account.clone())),
        stream: Set(id.map(|id| id.stream.clone())),
        reason: Set(None),
        from_at: Set(None),
        to_at: Set(None),
        rows: Set(0),
        received_at: Set(now),
        ..Default::default()
    }
}
