//! Stores the rows of a response while it still arrives, so that memory stays bounded for any size of response.

use crate::database::Database;
use crate::lanes::claim::Claim;
use crate::lanes::{LaneSpec, lock};
use crate::ledger;
use crate::ledger::CommitError;
use crate::ledger::reopened_days::{Changes, find_changes, reopen};
use crate::transaction::Transaction;
use crate::upsert::{Effect, Upsert};
use chrono::{DateTime, Utc};
use domain::row_histogram::RowHistogram;
use domain::slice::Slice;
use entities::rows::RowBatch;
use sea_orm::DbBackend;

/// Stores the rows of one exchange.
///
/// On PostgreSQL all rows belong to the transaction that also stores the ledger. A SQLite file has one writer at a time,
/// so a transaction as long as the response would block the renewal of leases. There the intake commits the rows in
/// slices, each only if the fence holds; only the last transaction adds coverage.
pub struct Intake<'a> {
    pub(crate) db: &'a Database,
    pub(crate) spec: &'a LaneSpec,
    pub(crate) claim: &'a Claim,
    pending: Vec<RowBatch>,
    size: usize,
    open: Option<(Transaction, Upsert)>,
    effect: Effect,
    histogram: Option<RowHistogram>,
}

/// The size from which pending rows are written, in bytes. Most responses are smaller and need no transaction before their
/// end.
const WRITE_SIZE: usize = 2 << 20;

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
        Self { db, spec, claim, pending: Vec::new(), size: 0, open: None, effect: Effect::default(), histogram }
    }

    /// The claim that the rows belong to.
    #[must_use]
    pub fn claim(&self) -> &'a Claim {
        self.claim
    }

    /// Adds rows; writes the pending rows if they exceed a size.
    ///
    /// # Errors
    /// [`CommitError`]; the caller then drops the intake.
    #[crate::boxed]
    pub async fn take(&mut self, rows: RowBatch) -> Result<(), CommitError> {
        self.size += rows.size();
        if let Some(histogram) = &mut self.histogram {
            (0..rows.len()).filter_map(|row| rows.time(row, rows.schema().at)).for_each(|at| histogram.add(at));
        }
        self.pending.push(rows);
        let is_postgres = self.db.connection().get_database_backend() == DbBackend::Postgres;
        // An open transaction writes at once: the parser reads the next rows while the database looks these up.
        if self.size < WRITE_SIZE && !(is_postgres && self.open.is_some()) {
            return Ok(());
        }
        self.write_pending().await?;
        if is_postgres { Ok(()) } else { self.commit_slice().await }
    }

    /// Writes the remaining rows. Returns the open transaction and the effect of all rows.
    pub(crate) async fn finish(mut self) -> Result<(Transaction, Effect, Option<RowHistogram>), CommitError> {
        self.write_pending().await?;
        match self.open {
            Some((tx, upsert)) => {
                let effect = self.effect.and(upsert.finish(&tx).await?);
                Ok((tx, effect, self.histogram))
            }
            None => Ok((self.db.begin().await?, self.effect, self.histogram)),
        }
    }

    #[crate::boxed]
    async fn write_pending(&mut self) -> Result<(), CommitError> {
        self.size = 0;
        for rows in std::mem::take(&mut self.pending) {
            let (tx, upsert) = match &mut self.open {
                Some(open) => open,
                none => none.insert(begin(self.db, self.claim).await?),
            };
            upsert.add(tx, &rows).await?;
        }
        Ok(())
    }

    /// Commits the rows so far if the fence holds. They add no coverage.
    async fn commit_slice(&mut self) -> Result<(), CommitError> {
        let Some((tx, upsert)) = self.open.take() else { return Ok(()) };
        let mut effect = upsert.finish(&tx).await?;
        let lane = lock(&tx, self.spec).await?.map(|(_, lane)| lane);
        let now = self.db.now(&tx).await?;
        if !lane.is_some_and(|lane| lane.is_held(&self.claim.lease, now)) {
            tx.rollback().await?;
            return Err(CommitError::Fenced);
        }
        // In the same transaction: a worker that dies after it leaves no day final that the slice has changed.
        effect.reopened_days = self.reopen_days(&tx, &effect, now).await?;
        tx.commit().await?;
        self.effect = std::mem::take(&mut self.effect).and(effect);
        Ok(())
    }

    /// Makes the days provisional that were final and that the rows of `effect` change; returns how many were final.
    async fn reopen_days(&self, tx: &Transaction, effect: &Effect, now: DateTime<Utc>) -> Result<u64, CommitError> {
        let (id, job) = (&self.claim.stream, &self.claim.job);
        let (rules, zone) = (&self.spec.rules, self.spec.zone);
        let changes = Changes { rows: &effect.changes, items: &[], job: Some(job), rules, zone };
        let days = find_changes(tx, id, &changes).await?;
        Ok(reopen(tx, id, &days, now).await?)
    }
}

async fn begin(db: &Database, claim: &Claim) -> Result<(Transaction, Upsert), CommitError> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    let held = ledger::held(&tx, &claim.stream).await?;
    Ok((tx, Upsert::new(held, now)))
}
