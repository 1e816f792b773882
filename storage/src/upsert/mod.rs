//! Rows into their table: new ones inserted, changed ones updated, unchanged ones left alone.

mod copy;
mod insert;
mod lookup;
pub(crate) mod sql;

pub use lookup::{Form, form, question};

use crate::transaction::Transaction;
use chrono::{DateTime, Utc};
use domain::spans::Spans;
use entities::rows::RowBatch;
use entities::schema::TableSchema;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use xxhash_rust::xxh3::xxh3_64;

/// What the planner is told before a look-up, for the transaction that it belongs to.
pub const SETTINGS: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
                            SET LOCAL enable_sort = off; SET LOCAL jit = off";

/// What storing rows did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Rows that were new.
    pub inserted: u64,
    /// Rows that differed.
    pub updated: u64,
    /// Rows that were there already, equal, or in a later state.
    pub unchanged: u64,
    /// The earliest instant of a new or changed row that lies in what was held before.
    pub earliest_change: Option<DateTime<Utc>>,
}

impl Effect {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            inserted: self.inserted + other.inserted,
            updated: self.updated + other.updated,
            unchanged: self.unchanged + other.unchanged,
            earliest_change: self.earliest_change.into_iter().chain(other.earliest_change).min(),
        }
    }
}

/// Stores rows in one go.
///
/// # Errors
/// What the database says; the transaction is then void.
pub async fn upsert(tx: &Transaction, rows: &RowBatch, held: &Spans, now: DateTime<Utc>) -> Result<Effect, DbErr> {
    let mut upsert = Upsert::new(held.clone(), now);
    upsert.add(tx, rows).await?;
    upsert.finish(tx).await
}

/// Rows per look-up of what is stored: few enough that the look-up's plan never tips over.
const LOOK_UP: usize = 500;
/// From so many rows on, or so many bytes, what waits is written: larger writes wait less for each other.
const WAITING: (usize, usize) = (4000, 4 << 20);
/// From so many rows on COPY is quicker than a statement: it costs three round trips, and `TCP_NODELAY` is not set.
const COPY: usize = 300;

/// Stores rows at one instant, in one transaction.
pub struct Upsert {
    held: Spans,
    now: DateTime<Utc>,
    effect: Effect,
    waiting: Vec<Waiting>,
    locked: BTreeSet<String>,
    forms: BTreeMap<String, Form>,
}

/// Rows of one table that are still to be written.
struct Waiting {
    new: RowBatch,
    changed: RowBatch,
    keys: HashSet<u128>,
}

impl Upsert {
    /// Stores at `now`. `held` is what the stream held before, to tell late changes from first arrivals.
    #[must_use]
    pub fn new(held: Spans, now: DateTime<Utc>) -> Self {
        Self {
            held,
            now,
            effect: Effect::default(),
            waiting: Vec::new(),
            locked: BTreeSet::new(),
            forms: BTreeMap::new(),
        }
    }

    /// Takes rows in; some may wait to be written together with others.
    ///
    /// # Errors
    /// What the database says; the transaction is then void.
    pub async fn add(&mut self, tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
        if rows.is_empty() {
            return Ok(());
        }
        self.lock(tx, rows).await?;
        let at = self.place(rows);
        let newest = newest(rows);
        // What waits is not yet to be seen by a look-up.
        let is_known = |waiting: &Waiting| newest.iter().any(|row| waiting.keys.contains(&rows.key(*row)));
        if self.waiting.get(at).is_some_and(is_known) {
            self.write(tx, at).await?;
        }
        for some in newest.chunks(LOOK_UP) {
            self.sort(tx, at, rows, some).await?;
        }
        let is_full = |waiting: &Waiting| {
            let size = waiting.new.size() + waiting.changed.size();
            waiting.keys.len() >= WAITING.0 || size >= WAITING.1
        };
        if self.waiting.get(at).is_some_and(is_full) {
            self.write(tx, at).await?;
        }
        Ok(())
    }

    /// Writes what waits, and tells what all of it did.
    ///
    /// # Errors
    /// What the database says; the transaction is then void.
    pub async fn finish(mut self, tx: &Transaction) -> Result<Effect, DbErr> {
        for at in 0..self.waiting.len() {
            self.write(tx, at).await?;
        }
        Ok(self.effect)
    }

    /// One writer per account at a time, so that what a look-up did not find is not there a moment later; and plans that
    /// go by the key, whatever the planner believes of a table that it has not analysed since it was empty.
    async fn lock(&mut self, tx: &Transaction, rows: &RowBatch) -> Result<(), DbErr> {
        if tx.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let column = rows.schema().account;
        let accounts: BTreeSet<&str> = (0..rows.len()).filter_map(|row| rows.text(row, column)).collect();
        for account in accounts {
            if self.locked.insert(account.to_owned()) {
                let key = xxh3_64(account.as_bytes()).cast_signed();
                tx.execute_unprepared(&format!("{SETTINGS}; SELECT pg_advisory_xact_lock({key})")).await?;
            }
        }
        Ok(())
    }

    /// How this table is looked into, as long as the transaction lasts.
    async fn form(&mut self, tx: &Transaction, schema: &TableSchema) -> Result<Form, DbErr> {
        if tx.get_database_backend() != DbBackend::Postgres {
            return Ok(Form::Equal);
        }
        if let Some(form) = self.forms.get(&schema.table) {
            return Ok(*form);
        }
        let form = lookup::form(tx, schema).await?;
        self.forms.insert(schema.table.clone(), form);
        Ok(form)
    }

    /// Where rows of this table wait.
    fn place(&mut self, rows: &RowBatch) -> usize {
        let schema = rows.schema();
        let known = self.waiting.iter().position(|waiting| waiting.new.schema().table == schema.table);
        known.unwrap_or_else(|| {
            self.waiting.push(Waiting {
                new: RowBatch::new(schema),
                changed: RowBatch::new(schema),
                keys: HashSet::new(),
            });
            self.waiting.len() - 1
        })
    }

    /// Looks up which of `some` are there already, and in what state.
    async fn sort(&mut self, tx: &Transaction, at: usize, rows: &RowBatch, some: &[usize]) -> Result<(), DbErr> {
        let schema = rows.schema();
        let form = self.form(tx, schema).await?;
        let stored = lookup::differing(tx, form, rows, some).await?;
        self.effect.unchanged += u64::try_from(some.len() - stored.len()).unwrap_or(0);
        let (mut new, mut changed) = (HashSet::new(), HashSet::new());
        for (row, state) in stored {
            let version = schema.version.and_then(|column| rows.time(row, column));
            match state {
                lookup::State::New => {
                    self.effect.inserted += 1;
                    new.insert(row);
                }
                lookup::State::Stored(before) if schema.version.is_some() && version < before => {
                    self.effect.unchanged += 1;
                    continue;
                }
                lookup::State::Stored(_) => {
                    self.effect.updated += 1;
                    changed.insert(row);
                }
            }
            let change = rows.time(row, schema.at).filter(|at| self.held.contains(*at));
            self.effect.earliest_change = self.effect.earliest_change.into_iter().chain(change).min();
        }
        if let Some(waiting) = self.waiting.get_mut(at) {
            waiting.keys.extend(new.iter().chain(&changed).map(|row| rows.key(*row)));
            waiting.new.take(rows, |row| new.contains(&row));
            waiting.changed.take(rows, |row| changed.contains(&row));
        }
        Ok(())
    }

    async fn write(&mut self, tx: &Transaction, at: usize) -> Result<(), DbErr> {
        let Some(waiting) = self.waiting.get_mut(at) else { return Ok(()) };
        let empty = RowBatch::new(waiting.new.schema());
        let (mut new, mut changed) =
            (std::mem::replace(&mut waiting.new, empty.clone()), std::mem::replace(&mut waiting.changed, empty));
        waiting.keys.clear();
        new.stamp(self.now);
        changed.stamp(self.now);
        let copies = tx.get_database_backend() == DbBackend::Postgres;
        for (rows, is_new) in [(new, true), (changed, false)] {
            match rows.len() {
                0 => {}
                COPY.. if copies && is_new => copy::insert(tx, &rows).await?,
                COPY.. if copies => copy::merge(tx, &rows).await?,
                _ => insert::upsert(tx, &rows).await?,
            }
        }
        Ok(())
    }
}

/// Each key's truest row: of two states the one with the later version, else the one that came last.
fn newest(rows: &RowBatch) -> Vec<usize> {
    let version = |row: usize| rows.schema().version.and_then(|column| rows.time(row, column));
    let mut newest: HashMap<u128, usize> = HashMap::with_capacity(rows.len());
    for row in 0..rows.len() {
        let best = newest.entry(rows.key(row)).or_insert(row);
        if version(row) >= version(*best) {
            *best = row;
        }
    }
    let mut newest: Vec<usize> = newest.into_values().collect();
    newest.sort_unstable();
    newest
}
