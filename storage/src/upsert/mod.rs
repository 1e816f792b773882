//! Stores rows in their table: inserts new ones, updates changed ones, does not write unchanged ones.

mod change_log;
mod copy;
mod insert;
pub(crate) mod key_groups;
mod lookup;
pub(crate) mod refusal;
pub(crate) mod sql;
mod stored_rows;

use change_log::FiledAt;

pub use change_log::ChangeLog;
pub use lookup::{KeyCondition, key_condition, lookup_query};

use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::row_changes::RowChanges;
use domain::source::Reject;
use domain::spans::Spans;
use entities::rows::RowBatch;
use entities::schema::TableSchema;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// The planner settings of PostgreSQL that make a look-up use the key's index, for one transaction.
pub const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                            SET LOCAL enable_sort = off; SET LOCAL jit = off";

/// The counts of an upsert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Rows that the table did not hold.
    pub inserted: u64,
    /// Rows that differed from the stored ones.
    pub updated: u64,
    /// Rows that were stored already, in the same or in a later version.
    pub unchanged: u64,
    /// The earliest change that the answer has made so far, by its [`ChangeLog`].
    pub earliest_change: Option<DateTime<Utc>>,
    /// The new and changed rows that lie, by their day or by the instant by which the vendor files them, inside those spans.
    pub changes: RowChanges,
    /// The number of days that were final and are provisional again.
    pub reopened_days: u64,
    /// The number of stored rows that the answer lacks for the first time.
    pub gone: u64,
}

impl Effect {
    /// The sum of this effect and that of the next rows of the same answer.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            inserted: self.inserted + next.inserted,
            updated: self.updated + next.updated,
            unchanged: self.unchanged + next.unchanged,
            earliest_change: next.earliest_change,
            changes: self.changes.and(next.changes),
            reopened_days: self.reopened_days + next.reopened_days,
            gone: self.gone + next.gone,
        }
    }
}

/// Stores one batch of rows.
///
/// # Errors
/// Returns the database error; the caller must roll the transaction back.
#[crate::boxed]
pub async fn upsert(tx: &Transaction, rows: &RowBatch, held: &Spans, now: DateTime<Utc>) -> Result<Effect, DbErr> {
    let mut upsert = Upsert::new(ChangeLog::new(held.clone()), now);
    upsert.add(tx, rows).await?;
    Ok(upsert.finish(tx).await?.effect)
}

/// Rows per look-up: few enough that PostgreSQL always chooses the key's index.
const LOOK_UP: usize = 500;
/// The number of pending rows, and of their bytes, from which they are written. Fewer, larger writes are faster.
const PENDING: (usize, usize) = (4000, 4 << 20);
/// The number of rows from which COPY is faster than a statement: COPY costs three round trips, and sqlx does not set
/// `TCP_NODELAY`.
const COPY: usize = 300;

/// What [`Upsert::finish`] returns.
#[derive(Debug, Default)]
pub struct Upserted {
    /// The counts of all rows.
    pub effect: Effect,
    /// The log for the next rows of the same answer.
    pub changes: ChangeLog,
    /// The rows that the database refused for their values. All others are stored.
    pub refused: Vec<Reject>,
}

/// Stores rows in one transaction, with one `synced_at`.
pub struct Upsert {
    changes: ChangeLog,
    now: DateTime<Utc>,
    effect: Effect,
    refused: Vec<Reject>,
    pending: Vec<PendingRows>,
    locked: BTreeSet<String>,
    conditions: BTreeMap<String, KeyCondition>,
}

/// Rows of one table that are not written yet.
struct PendingRows {
    new: RowBatch,
    changed: RowBatch,
    keys: HashSet<u128>,
}

impl Upsert {
    /// Creates an upsert with `now` as `synced_at`, which logs its changes in `changes`.
    #[must_use]
    pub fn new(changes: ChangeLog, now: DateTime<Utc>) -> Self {
        Self {
            changes,
            now,
            effect: Effect::default(),
            refused: Vec::new(),
            pending: Vec::new(),
            locked: BTreeSet::new(),
            conditions: BTreeMap::new(),
        }
    }

    /// Looks the rows up, and keeps the new and changed ones pending until there are enough to write.
    ///
    /// # Errors
    /// Returns the database error; the caller must roll the transaction back.
    #[crate::boxed]
    pub async fn add(&mut self, tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
        if rows.is_empty() {
            return Ok(());
        }
        self.lock(tx, rows).await?;
        let at = self.pending_position(rows);
        let completed = match rows.merge_rules() {
            // The look-up of the stored rows must find pending ones.
            Some(rules) => {
                self.write(tx, at).await?;
                Some(stored_rows::completed(tx, rows, rules).await?)
            }
            None => None,
        };
        let rows = completed.as_ref().unwrap_or(rows);
        let newest = newest(rows);
        // A look-up does not find pending rows, so pending rows with the same key are written first.
        let is_known = |pending: &PendingRows| newest.iter().any(|row| pending.keys.contains(&rows.key_hash(*row)));
        if self.pending.get(at).is_some_and(is_known) {
            self.write(tx, at).await?;
        }
        for positions in newest.chunks(LOOK_UP) {
            self.classify(tx, at, rows, positions).await?;
        }
        let is_full = |pending: &PendingRows| {
            let size = pending.new.size() + pending.changed.size();
            pending.keys.len() >= PENDING.0 || size >= PENDING.1
        };
        if self.pending.get(at).is_some_and(is_full) {
            self.write(tx, at).await?;
        }
        Ok(())
    }

    /// Writes the pending rows.
    ///
    /// # Errors
    /// Returns the database error; the caller must roll the transaction back.
    #[crate::boxed]
    pub async fn finish(mut self, tx: &Transaction) -> Result<Upserted, DbErr> {
        for at in 0..self.pending.len() {
            self.write(tx, at).await?;
        }
        let (earliest_change, changes) = (self.changes.earliest_change(), self.changes.take_new());
        let effect = Effect { earliest_change, changes, ..self.effect };
        Ok(Upserted { effect, changes: self.changes, refused: self.refused })
    }

    /// Lets one transaction per account write at a time, so that no other inserts a row between look-up and write. Also sets
    /// the planner settings: without them PostgreSQL may read the whole table if it has not analysed it since it was empty.
    async fn lock(&mut self, tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
        if tx.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let column = rows.schema().account;
        let accounts: BTreeSet<&str> = (0..rows.len()).filter_map(|row| rows.text(row, column)).collect();
        for account in accounts {
            if self.locked.insert(account.to_owned()) {
                tx.execute_unprepared(&format!("{SETTINGS}; {}", lock_statement(account))).await?;
            }
        }
        Ok(())
    }

    /// Chooses the look-up for a table, once per transaction.
    async fn lookup_condition(&mut self, tx: &Transaction, schema: &TableSchema) -> Result<KeyCondition, DbErr> {
        if tx.get_database_backend() != DbBackend::Postgres {
            return Ok(KeyCondition::Equal);
        }
        if let Some(condition) = self.conditions.get(&schema.table) {
            return Ok(*condition);
        }
        let condition = lookup::key_condition(tx, schema).await?;
        self.conditions.insert(schema.table.clone(), condition);
        Ok(condition)
    }

    /// The position of the pending rows of a table.
    fn pending_position(&mut self, rows: &RowBatch) -> usize {
        let schema = rows.schema();
        let position = self.pending.iter().position(|pending| pending.new.schema().table == schema.table);
        position.unwrap_or_else(|| {
            self.pending.push(PendingRows {
                new: RowBatch::new(schema),
                changed: RowBatch::new(schema),
                keys: HashSet::new(),
            });
            self.pending.len() - 1
        })
    }

    /// Looks the rows at `positions` up and sorts them into new, changed and unchanged ones.
    async fn classify(
        &mut self,
        tx: &Transaction,
        at: usize,
        rows: &RowBatch,
        positions: &[usize],
    ) -> Result<(), DbErr> {
        let schema = rows.schema();
        let condition = self.lookup_condition(tx, schema).await?;
        let stored = lookup::differing(tx, condition, rows, positions).await?;
        self.effect.unchanged += u64::try_from(positions.len() - stored.len()).unwrap_or(0);
        let (mut new, mut changed) = (HashSet::new(), HashSet::new());
        for (row, state) in stored {
            let filed_at = FiledAt { at: rows.time(row, schema.at), day: rows.time(row, schema.day) };
            match state {
                lookup::StoredRow::Missing => {
                    self.effect.inserted += 1;
                    self.changes.insert(filed_at);
                    new.insert(row);
                }
                lookup::StoredRow::Differs { version, .. } if rows.version(row).is_older_than(version) => {
                    self.effect.unchanged += 1;
                }
                lookup::StoredRow::Differs { digest, .. } => {
                    let after = rows.text(row, schema.digest).unwrap_or_default();
                    self.effect.updated += 1;
                    self.changes.update((&schema.table, rows.key_hash(row)), filed_at, (&digest, after));
                    changed.insert(row);
                }
            }
        }
        if let Some(pending) = self.pending.get_mut(at) {
            pending.keys.extend(new.iter().chain(&changed).map(|row| rows.key_hash(*row)));
            pending.new.extend_filtered(rows, |row| new.contains(&row));
            pending.changed.extend_filtered(rows, |row| changed.contains(&row));
        }
        Ok(())
    }

    async fn write(&mut self, tx: &Transaction, at: usize) -> Result<(), DbErr> {
        let Some(pending) = self.pending.get_mut(at) else { return Ok(()) };
        let empty = RowBatch::new(pending.new.schema());
        let (mut new, mut changed) =
            (std::mem::replace(&mut pending.new, empty.clone()), std::mem::replace(&mut pending.changed, empty));
        pending.keys.clear();
        new.set_synced_at(self.now);
        changed.set_synced_at(self.now);
        for (rows, are_new, count) in
            [(new, true, &mut self.effect.inserted), (changed, false, &mut self.effect.updated)]
        {
            if !rows.is_empty() {
                let before = self.refused.len();
                refusal::write(tx, rows, are_new, &mut self.refused).await?;
                *count = count.saturating_sub((self.refused.len() - before) as u64);
            }
        }
        Ok(())
    }
}

/// Locks the account's rows until `tx` ends, as an upsert does. On SQLite a write transaction locks the whole file.
pub(crate) async fn lock_rows(tx: &Transaction, account: &str) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&lock_statement(account)).await?;
    }
    Ok(())
}

fn lock_statement(account: &str) -> String {
    format!("SELECT pg_advisory_xact_lock({})", xxh3_64(account.as_bytes()).cast_signed())
}

/// Writes rows by the statement that is fastest for their number.
async fn write_rows(tx: &Transaction, rows: &RowBatch, are_new: bool) -> Result<(), DbErr> {
    let copies = tx.get_database_backend() == DbBackend::Postgres && rows.len() >= COPY;
    match (copies, are_new) {
        (true, true) => copy::insert(tx, rows).await,
        (true, false) => copy::merge(tx, rows).await,
        (false, _) => insert::upsert(tx, rows).await,
    }
}

/// Selects one row per key: the one with the latest version, or the last one of equal versions.
fn newest(rows: &RowBatch) -> Vec<usize> {
    let mut newest: HashMap<u128, usize> = HashMap::with_capacity(rows.len());
    for row in 0..rows.len() {
        let best = newest.entry(rows.key_hash(row)).or_insert(row);
        if !rows.version(row).is_older_than(rows.version(*best)) {
            *best = row;
        }
    }
    let mut newest: Vec<usize> = newest.into_values().collect();
    newest.sort_unstable();
    newest
}
