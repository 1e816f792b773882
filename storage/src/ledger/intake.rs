//! The rows of one answer on their way in, while it is still being read: memory stays bounded however long it is.

use crate::database::Database;
use crate::lanes::claim::Claim;
use crate::lanes::{LaneSpec, lock};
use crate::ledger;
use crate::ledger::CommitError;
use crate::transaction::Transaction;
use crate::upsert::{Effect, Upsert};
use domain::row_histogram::RowHistogram;
use domain::slice::Slice;
use entities::rows::RowBatch;
use sea_orm::DbBackend;

/// Takes the rows of one exchange.
///
/// On PostgreSQL all of them go into the transaction that also brings the ledger. A SQLite file has one writer at a
/// time, and nobody else could renew a lease while a long answer comes in: there a long answer's rows are stored some at
/// a time, each time only if the fence holds, and only the ledger says, in the end, that all of them are there.
pub struct Intake<'a> {
    pub(crate) db: &'a Database,
    pub(crate) spec: &'a LaneSpec,
    pub(crate) claimed: &'a Claim,
    waiting: Vec<RowBatch>,
    size: usize,
    open: Option<(Transaction, Upsert)>,
    effect: Effect,
    histogram: Option<RowHistogram>,
}

/// So much of an answer waits in memory, in bytes; most answers are shorter, and need no transaction before their end.
const PATIENCE: usize = 2 << 20;

impl<'a> Intake<'a> {
    /// Ready to take what the vendor answers to `claimed`.
    #[must_use]
    pub fn new(db: &'a Database, spec: &'a LaneSpec, claimed: &'a Claim) -> Self {
        let histogram = match claimed.job.slice {
            Slice::Window(window) if spec.rules.row_cap < u64::MAX => {
                Some(RowHistogram::new(window, claimed.now, &spec.rules))
            }
            _ => None,
        };
        Self { db, spec, claimed, waiting: Vec::new(), size: 0, open: None, effect: Effect::default(), histogram }
    }

    /// The claim that the rows answer.
    #[must_use]
    pub fn claimed(&self) -> &'a Claim {
        self.claimed
    }

    /// Takes rows.
    ///
    /// # Errors
    /// [`CommitError`]; then nothing more can be taken.
    pub async fn take(&mut self, rows: RowBatch) -> Result<(), CommitError> {
        self.size += rows.size();
        if let Some(histogram) = &mut self.histogram {
            (0..rows.len()).filter_map(|row| rows.time(row, rows.schema().at)).for_each(|at| histogram.add(at));
        }
        self.waiting.push(rows);
        let is_postgres = self.db.connection().get_database_backend() == DbBackend::Postgres;
        // Once a transaction is open there is nothing to wait for: the next rows are read while these are looked up.
        if self.size < PATIENCE && !(is_postgres && self.open.is_some()) {
            return Ok(());
        }
        self.write().await?;
        if is_postgres { Ok(()) } else { self.store_some().await }
    }

    /// All rows written, in a transaction that is still open.
    pub(crate) async fn written(mut self) -> Result<(Transaction, Effect, Option<RowHistogram>), CommitError> {
        self.write().await?;
        match self.open {
            Some((tx, upsert)) => {
                let effect = self.effect.and(upsert.finish(&tx).await?);
                Ok((tx, effect, self.histogram))
            }
            None => Ok((self.db.begin().await?, self.effect, self.histogram)),
        }
    }

    async fn write(&mut self) -> Result<(), CommitError> {
        self.size = 0;
        for rows in std::mem::take(&mut self.waiting) {
            let (tx, upsert) = match &mut self.open {
                Some(open) => open,
                none => none.insert(begin(self.db, self.claimed).await?),
            };
            upsert.add(tx, &rows).await?;
        }
        Ok(())
    }

    /// Makes what has come so far hold. It proves nothing yet: no window counts as held before the ledger says so.
    async fn store_some(&mut self) -> Result<(), CommitError> {
        let Some((tx, upsert)) = self.open.take() else { return Ok(()) };
        let effect = upsert.finish(&tx).await?;
        let lane = lock(&tx, self.spec).await?.map(|(_, lane)| lane);
        let now = self.db.now(&tx).await?;
        if !lane.is_some_and(|lane| lane.is_held(&self.claimed.lease, now)) {
            tx.rollback().await?;
            return Err(CommitError::Fenced);
        }
        tx.commit().await?;
        self.effect = self.effect.and(effect);
        Ok(())
    }
}

async fn begin(db: &Database, claimed: &Claim) -> Result<(Transaction, Upsert), CommitError> {
    let tx = db.begin().await?;
    let now = db.now(&tx).await?;
    let held = ledger::held(&tx, &claimed.stream).await?;
    Ok((tx, Upsert::new(held, now)))
}
