//! Rows that came by another way than an answer: by mail, or as a file given by hand.

pub mod webhook_intake;

use crate::accounts::Account;
use crate::database::Database;
use crate::ledger::CommitError;
use crate::ledger::items::{fresh, keys_of};
use crate::ledger::rejects::keep_aside;
use crate::ledger::{self, StreamId};
use crate::snapshot::Snapshot;
use crate::transaction::Transaction;
use crate::upsert::{Effect, Upsert};
use chrono::{DateTime, Utc};
use domain::item::NamedItems;
use domain::job::{Job, JobState};
use domain::judge::Verdict;
use domain::ledger::{AnswerSummary, Ledger};
use domain::slice::Slice;
use domain::source::{ResponseSummary, Stream};
use domain::window::Window;
use entities::deliveries;
use entities::rows::RowBatch;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, Set, Statement};
use std::collections::BTreeSet;
use std::time::Duration;

/// One mail or file.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The mailbox, or `file`.
    pub origin: String,
    /// What tells it apart there.
    pub identity: String,
    /// `mail` or `file`.
    pub kind: &'static str,
}

/// What is to become of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Its rows are stored, and count.
    Committed,
    /// What it answers was answered before.
    Duplicate,
    /// It answers nothing that was asked.
    Foreign,
    /// It holds less than is known to be there.
    Short,
    /// It cannot be read.
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

/// What a file answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The job of this id, asked for by an export.
    Job(i64),
    /// All of this window, as a person says; the file was made at that instant.
    Window(Window, DateTime<Utc>),
    /// Nothing in particular: its rows are welcome, and prove nothing.
    Nothing,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Received {
    /// What became of it.
    pub state: DeliveryState,
    /// What storing its rows did.
    pub effect: Effect,
    /// How much of what it names is to be asked for now.
    pub asked: usize,
    /// Why it was not committed.
    pub reason: Option<String>,
    /// What is held by it.
    pub window: Option<Window>,
}

/// The exports that were asked for and not answered, of one stream; one whose question is known to have been taken first.
///
/// # Errors
/// What the database says.
pub async fn exports(on: &Snapshot, id: &StreamId) -> Result<Vec<Job>, DbErr> {
    let ledger = ledger::load(on, id).await?;
    let asked = |job: &Job| matches!(job.slice, Slice::Export(_)) && (job.attempt > 0 || job.is_parked());
    let mut found: Vec<Job> = ledger.jobs.into_iter().filter(asked).collect();
    found.sort_by_key(|job| (!job.is_accepted_export(), !matches!(job.state, JobState::Awaiting { .. }), job.id));
    Ok(found)
}

/// Those of `names` at `place` that were worked on before.
///
/// # Errors
/// What the database says.
pub async fn known(db: &Database, place: &str, names: Vec<String>) -> Result<BTreeSet<String>, DbErr> {
    let mut known = BTreeSet::new();
    for names in names.chunks(500) {
        let found: Vec<String> = deliveries::Entity::find()
            .select_only()
            .column(deliveries::Column::Identity)
            .filter(deliveries::Column::Origin.eq(place))
            .filter(deliveries::Column::Identity.is_in(names))
            .into_tuple()
            .all(db.connection())
            .await?;
        known.extend(found);
    }
    Ok(known)
}

/// Whether a delivery is done with for good, so that the mail may be marked: stored, or the copy of one that is.
///
/// # Errors
/// What the database says.
pub async fn is_ours(db: &Database, place: &str, name: &str) -> Result<bool, DbErr> {
    let row = deliveries::Entity::find()
        .filter(deliveries::Column::Origin.eq(place))
        .filter(deliveries::Column::Identity.eq(name))
        .filter(
            deliveries::Column::State.is_in([DeliveryState::Committed.as_str(), DeliveryState::Duplicate.as_str()]),
        );
    Ok(row.one(db.connection()).await?.is_some())
}

/// Whether a mail was stored whose window holds all of `span`, with just as many rows: another such is its copy.
///
/// # Errors
/// What the database says.
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

/// Notes what became of a delivery whose rows were not taken; what was noted before stays.
///
/// # Errors
/// What the database says.
pub async fn note(
    db: &Database,
    delivery: &Delivery,
    of: Option<&StreamId>,
    state: DeliveryState,
    reason: &str,
) -> Result<(), DbErr> {
    let now = db.now(db.connection()).await?;
    let mut row = row(delivery, of, state, now);
    row.reason = Set(Some(reason.to_owned()));
    let once = OnConflict::columns([deliveries::Column::Origin, deliveries::Column::Identity]).do_nothing().to_owned();
    deliveries::Entity::insert(row).on_conflict(once).exec_without_returning(db.connection()).await.map(|_| ())
}

/// Takes a delivery's rows: all of them, and what they prove, or nothing.
pub struct Receiving<'a> {
    account: &'a Account,
    stream: &'a Stream,
    id: &'a StreamId,
    tx: Transaction,
    upsert: Upsert,
    now: DateTime<Utc>,
}

impl<'a> Receiving<'a> {
    /// Begins.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(
        db: &Database,
        account: &'a Account,
        stream: &'a Stream,
        id: &'a StreamId,
    ) -> Result<Self, DbErr> {
        let tx = db.begin().await?;
        let now = db.now(&tx).await?;
        let upsert = Upsert::new(ledger::held(&tx, id).await?, now);
        Ok(Self { account, stream, id, tx, upsert, now })
    }

    /// Takes some rows.
    ///
    /// # Errors
    /// What the database says; then nothing more can be taken.
    pub async fn take(&mut self, rows: &RowBatch) -> Result<(), DbErr> {
        self.upsert.add(&self.tx, rows).await
    }

    /// Makes it hold, where it answers what it is said to answer.
    ///
    /// # Errors
    /// What the database says; then nothing was stored.
    pub async fn finish(
        self,
        delivery: &Delivery,
        answers: Answers,
        summary: &ResponseSummary,
    ) -> Result<Received, CommitError> {
        let Self { account, stream, id, tx, upsert, now } = self;
        let effect = upsert.finish(&tx).await?;
        let before = ledger::lock_with(&tx, id, &keys_of(&summary.items)).await?;
        let window = match answers {
            Answers::Job(job) => {
                let Some(job) = before.jobs.iter().find(|open| open.id == job) else {
                    // Nobody waits for it any more.
                    tx.rollback().await?;
                    return Ok(refused(DeliveryState::Duplicate, "nobody waits for it any more".to_owned()));
                };
                job.slice.window()
            }
            Answers::Window(window, _) => Some(window),
            Answers::Nothing => None,
        };
        if let Some(window) = window {
            let there = rows_in(&tx, stream, id, window).await?;
            if there > summary.rows {
                tx.rollback().await?;
                let reason = format!("{there} rows of its days are known, and it holds {}", summary.rows);
                return Ok(refused(DeliveryState::Short, reason));
            }
        }
        keep_aside(&tx, id, window.as_ref(), &summary.rejects, now).await?;
        let mut after = before.clone();
        let items = fresh(&tx, id, &before, &summary.items).await?;
        let asked = items.len();
        settle(&mut after, account, answers, (summary, items), (effect, now));
        ledger::store(&tx, id, &before, &after, now).await?;
        let mut row = row(delivery, Some(id), DeliveryState::Committed, now);
        row.rows = Set(i64::try_from(summary.rows).unwrap_or(i64::MAX));
        row.from_at = Set(window.as_ref().map(Window::from));
        row.to_at = Set(window.as_ref().map(Window::to));
        deliveries::Entity::insert(row).exec_without_returning(&tx).await?;
        tx.commit().await?;
        let window = window.filter(|_| summary.rejects.is_empty());
        Ok(Received { state: DeliveryState::Committed, effect, asked, reason: None, window })
    }
}

fn refused(state: DeliveryState, reason: String) -> Received {
    Received { state, effect: Effect::default(), asked: 0, reason: Some(reason), window: None }
}

fn settle(
    ledger: &mut Ledger,
    account: &Account,
    answers: Answers,
    (summary, items): (&ResponseSummary, NamedItems),
    (effect, now): (Effect, DateTime<Utc>),
) {
    let rules = account.source.rules();
    let heard = |sent_at| AnswerSummary {
        sent_at,
        elapsed: Duration::ZERO,
        rows: summary.rows,
        earliest_change: effect.earliest_change,
        items: items.clone(),
        named: u64::try_from(summary.items.len()).unwrap_or(u64::MAX),
        item_status: None,
        histogram: None,
    };
    let verdict = match summary.rejects.len() {
        0 => Verdict::Commit,
        // It will not come again by itself, and what cannot be read proves nothing.
        rejects => {
            Verdict::Park(format!("{rejects} rows of the mailed export could not be read; see the table rejects"))
        }
    };
    match answers {
        Answers::Job(id) => {
            let job = ledger.jobs.iter().find(|job| job.id == id);
            let asked = job.and_then(|job| job.requested_at).unwrap_or(now - rules.settle);
            ledger.settle(id, &verdict, Some(&heard(asked)), rules, now);
        }
        Answers::Window(window, made_at) if summary.rejects.is_empty() => {
            ledger.hold(window, &heard(made_at), rules, now);
        }
        // What it names is worth asking for, whatever it proves.
        Answers::Window(..) | Answers::Nothing => ledger.add_items(&items, Duration::ZERO, rules, now),
    }
}

/// How many rows of the stream are stored in `window`. The names come from the sources, never from people.
async fn rows_in(tx: &Transaction, stream: &Stream, id: &StreamId, window: Window) -> Result<u64, DbErr> {
    let (sql, values) = crate::reports::coverage::counting(stream, id, window);
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let rows: i64 = row.map_or(Ok(0), |row| row.try_get("", "rows"))?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn row(
    delivery: &Delivery,
    of: Option<&StreamId>,
    state: DeliveryState,
    now: DateTime<Utc>,
) -> deliveries::ActiveModel {
    deliveries::ActiveModel {
        origin: Set(delivery.origin.clone()),
        identity: Set(delivery.identity.clone()),
        kind: Set(delivery.kind.to_owned()),
        state: Set(state.as_str().to_owned()),
        account: Set(of.map(|id| id.account.clone())),
        stream: Set(of.map(|id| id.stream.clone())),
        reason: Set(None),
        from_at: Set(None),
        to_at: Set(None),
        rows: Set(0),
        received_at: Set(now),
        ..Default::default()
    }
}
