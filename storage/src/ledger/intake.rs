//! Stores the rows of a response while it still arrives, so that memory stays bounded for any size of response.

use crate::database::Database;
use crate::lanes::claim::Claim;
use crate::lanes::{LaneSpec, lock};
use crate::ledger;
use crate::ledger::CommitError;
use crate::ledger::gone_rows::NamedRows;
use crate::ledger::reopened_days::{Changes, find_changes, reopen};
use crate::transaction::Transaction;
use crate::upsert::{ChangeLog, Effect, Upsert, Upserted};
use chrono::{DateTime, Utc};
use domain::row_changes::RowChanges;
use domain::row_histogram::RowHistogram;
use domain::slice::Slice;
use domain::source::{Reject, Stream};
use entities::rows::RowBatch;

/// Stores the rows of one exchange.
///
/// It commits them in slices, each in a short transaction of its own and only if the fence holds. A transaction as long as
/// the response would keep webhooks from the account's tables, renewals from a SQLite file, and PostgreSQL from its vacuum.
/// The last slice belongs to the transaction that adds the coverage; a slice that is stored twice changes nothing.
pub struct Intake<'a> {
    pub(crate) db: &'a Database,
    pub(crate) spec: &'a LaneSpec,
    pub(crate) claim: &'a Claim,
    pending: Vec<RowBatch>,
    size: usize,
    /// `None` until the first rows are written.
    changes: Option<ChangeLog>,
    effect: Effect,
    refused: Vec<Reject>,
    histogram: Option<RowHistogram>,
    named: Option<(Stream, NamedRows)>,
}

/// The rows of an exchange, stored but for the end of the last transaction.
pub(crate) struct StoredRows {
    /// The last transaction.
    pub tx: Transaction,
    /// The counts of all rows.
    pub effect: Effect,
    /// The rows that the database refused.
    pub refused: Vec<Reject>,
    /// When the rows were filed, if the answer may be cut by them.
    pub histogram: Option<RowHistogram>,
    /// The rows that the answer names, if a row which is missing is gone.
    pub named: Option<(Stream, NamedRows)>,
}

/// The size from which pending rows are written, in bytes. Most responses are smaller and need no transaction before their
/// end.
const SLICE: usize = 4 << 20;

impl<'a> Intake<'a> {
    /// Creates the intake for the response to the job of `claim`.
    #[must_use]
    pub fn new(db: &'a Database, spec: &'a LaneSpec, claim: &'a Claim) -> Self {
        let histogram = match claim.job.slice {
            Slice::Window(window) if spec.rules.row_cap < u64::MAX => {
                Some(RowHistogram::new(window, claim.now, &spec.rules))
            }
            _ => None,
        };
        let (effect, refused) = (Effect::default(), Vec::new());
        Self { db, spec, claim, pending: Vec::new(), size: 0, changes: None, effect, refused, histogram, named: None }
    }

    /// Notes which rows of `stream` the answer names, if it names all rows of its window. The commit then finds rows that
    /// the vendor no longer has.
    #[must_use]
    pub fn comparing(mut self, stream: Option<Stream>) -> Self {
        let is_window = matches!(self.claim.job.slice, Slice::Window(_));
        self.named =
            stream.filter(|stream| is_window && stream.names_all_rows).map(|stream| (stream, NamedRows::default()));
        self
    }

    /// The claim that the rows belong to.
    #[must_use]
    pub fn claim(&self) -> &'a Claim {
        self.claim
    }

    /// Adds rows; commits the pending rows if they exceed a size.
    ///
    /// # Errors
    /// [`CommitError`]; the caller then drops the intake.
    #[crate::boxed]
    pub async fn take(&mut self, rows: RowBatch) -> Result<(), CommitError> {
        self.size += rows.size();
        if let Some(histogram) = &mut self.histogram {
            (0..rows.len()).filter_map(|row| rows.time(row, rows.schema().at)).for_each(|at| histogram.add(at));
        }
        if let Some((stream, named)) = &mut self.named {
            named.add(&rows, stream);
        }
        self.pending.push(rows);
        if self.size >= SLICE { self.commit_slice().await } else { Ok(()) }
    }

    /// Begins the last transaction and writes the remaining rows.
    pub(crate) async fn finish(mut self) -> Result<StoredRows, CommitError> {
        let tx = self.db.begin().await?;
        self.write_pending(&tx).await?;
        let Self { effect, refused, histogram, named, .. } = self;
        Ok(StoredRows { tx, effect, refused, histogram, named })
    }

    /// Writes the pending rows; returns when those that changed were filed.
    #[crate::boxed]
    async fn write_pending(&mut self, tx: &Transaction) -> Result<RowChanges, CommitError> {
        self.size = 0;
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(RowChanges::default());
        }
        let changes = match self.changes.take() {
            Some(changes) => changes,
            None => ChangeLog::new(ledger::held(tx, &self.claim.stream).await?),
        };
        let mut upsert = Upsert::new(changes, self.db.now(tx).await?);
        for rows in pending {
            upsert.add(tx, &rows).await?;
        }
        let Upserted { effect, changes, refused } = upsert.finish(tx).await?;
        let changed = effect.changes.clone();
        self.effect = std::mem::take(&mut self.effect).and(effect);
        self.changes = Some(changes);
        self.refused.extend(refused);
        Ok(changed)
    }

    /// Commits the rows so far if the fence holds. They add no coverage.
    async fn commit_slice(&mut self) -> Result<(), CommitError> {
        let tx = self.db.begin().await?;
        let changes = self.write_pending(&tx).await?;
        // The lane is locked last, because the renewal of the lease waits for it.
        let lane = lock(&tx, self.spec).await?.map(|(_, lane)| lane);
        let now = self.db.now(&tx).await?;
        if !lane.is_some_and(|lane| lane.is_held(&self.claim.lease, now)) {
            tx.rollback().await?;
            return Err(CommitError::Fenced);
        }
        // In the same transaction: a worker that dies after it leaves no day final that the slice has changed.
        self.effect.reopened_days += self.reopen_days(&tx, &changes, now).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes the days provisional that were final and in which rows have changed; returns how many were final.
    async fn reopen_days(&self, tx: &Transaction, rows: &RowChanges, now: DateTime<Utc>) -> Result<u64, CommitError> {
        let (id, job) = (&self.claim.stream, &self.claim.job);
        let (rules, zone) = (&self.spec.rules, self.spec.zone);
        let changes = Changes { rows, items: &[], job: Some(job), rules, zone };
        let days = find_changes(tx, id, &changes).await?;
        Ok(reopen(tx, id, &days, now).await?)
    }
}
